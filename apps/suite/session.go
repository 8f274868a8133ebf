package suite

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
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
		Params:  []Param{{Name: "visits", Default: 1, Min: 1, Max: maxVisits - 1, Doc: "least number of visits in the load's cookies"}},
		handler: func() handler {
			return func(_ Args, req apps.Request, res apps.Response) error {
				visits := visitsOf(req.Header("Cookie")) + 1
				res.SetHeader("Content-Type", apps.ContentTypeText)
				res.SetHeader("Set-Cookie", sessionCookie(visits)+sessionAttributes)
				return res.Reply(200, visitsBody(visits))
			}
		},
		exchange: func(a Args) Exchange { return visited(a[0]) },
		vary:     varySession,
	}
}

// visited is the exchange of a session that has so many visits.
func visited(visits int64) Exchange {
	e := whole(visitsBody(visits + 1))
	e.Header = [][2]string{{"Cookie", "theme=dark; " + sessionCookie(visits) + "; lang=en"}}
	e.Replied = [][2]string{{"Set-Cookie", sessionCookie(visits+1) + sessionAttributes}}
	return e
}

// varySession has one session in each hundred visits from the given number on, or
// from as many as leave room for all.
func varySession(a Args, r *rand.Rand) []Exchange {
	const step = 100
	all := make([]Exchange, maxVariants)
	for i := range all {
		least := min(a[0], maxVisits-maxVariants*step) + int64(i)*step
		all[i] = visited(least + r.Int64N(step))
	}
	return all
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
