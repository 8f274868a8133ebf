package suite

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps"
)

// sessionKey signs sessions. It is no secret: there is nothing to protect.
const sessionKey = "benchctl session key"

// sessionAttributes follow the session in Set-Cookie (RFC 6265 section 4.1).
const sessionAttributes = "; Path=/; HttpOnly; SameSite=Lax"

const maxVisits = 1000000000

func sessionSpec() Spec {
	return Spec{
		Name: "session", Doc: "a count in a cookie, signed with HMAC-SHA256, checked, raised and signed again",
		Methods: get(),
		Params:  []Param{{Name: "visits", Default: 1, Min: 1, Max: maxVisits - 1, Doc: "visits that the load's cookie tells"}},
		handler: func() handler {
			return func(_ Args, req apps.Request, res apps.Response) error {
				visits := visitsOf(req.Header("Cookie")) + 1
				res.SetHeader("Content-Type", apps.ContentTypeText)
				res.SetHeader("Set-Cookie", sessionCookie(visits)+sessionAttributes)
				return res.Reply(200, visitsBody(visits))
			}
		},
		exchange: func(a Args) Exchange {
			e := whole(visitsBody(a[0] + 1))
			e.Header = [][2]string{{"Cookie", "theme=dark; " + sessionCookie(a[0]) + "; lang=en"}}
			e.Replied = [][2]string{{"Set-Cookie", sessionCookie(a[0]+1) + sessionAttributes}}
			return e
		},
	}
}

func visitsBody(n int64) []byte { return []byte("visits " + strconv.FormatInt(n, 10) + "\n") }

// sessionCookie is "session=VISITS.SIGNATURE".
func sessionCookie(visits int64) string {
	text := strconv.FormatInt(visits, 10)
	return "session=" + text + "." + signature(text)
}

func signature(text string) string {
	mac := hmac.New(sha256.New, []byte(sessionKey))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// visitsOf is the count of the session in a Cookie field, 0 if there is none that
// is signed.
func visitsOf(cookies string) int64 {
	for cookies != "" {
		var pair string
		pair, cookies, _ = strings.Cut(cookies, ";")
		value, ok := strings.CutPrefix(strings.TrimSpace(pair), "session=")
		if !ok {
			continue
		}
		text, signed, _ := strings.Cut(value, ".")
		n, ok := number(text)
		if ok && n < maxVisits && hmac.Equal([]byte(signed), []byte(signature(text))) {
			return n
		}
	}
	return 0
}
