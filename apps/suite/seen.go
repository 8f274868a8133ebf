package suite

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/benchctl/benchctl/apps"
)

// seenFields are the request fields that the app "seen" shows.
var seenFields = []string{"Host", "X-Bench-0"}

// seenSpec shows fields byte for byte. A field of the reply, as that of "headers",
// would be mangled on its way back where it has in it what a server must not let
// through.
func seenSpec() Spec {
	return Spec{
		Name: "seen", Doc: "the request fields Host and X-Bench-0 as the app sees them, in hexadecimal",
		Methods: get(), Probe: true,
		handler: func() handler {
			return func(_ Args, req apps.Request, res apps.Response) error {
				var body []byte
				for _, name := range seenFields {
					body = fmt.Appendf(body, "%s: %x\n", name, req.Header(name))
				}
				res.SetHeader("Content-Type", apps.ContentTypeText)
				return res.Reply(200, body)
			}
		},
	}
}

// Seen is the value of a field in a reply of the app "seen"; false if the reply is
// not the app's.
func Seen(body []byte, name string) (string, bool) {
	for line := range strings.Lines(string(body)) {
		if digits, ok := strings.CutPrefix(line, name+": "); ok {
			value, err := hex.DecodeString(strings.TrimSuffix(digits, "\n"))
			return string(value), err == nil
		}
	}
	return "", false
}
