package layers

import (
	"context"
	"iter"
	"net/http"
	"strings"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// Cookies reads the field Cookie once, for CookiesOf.
type Cookies struct{}

// About implements stack.Layer.
func (Cookies) About() stack.About {
	return stack.About{Name: "cookies", Doc: "reads the cookies of the request (RFC 6265 section 5.4)", Provides: []string{"cookies"}, Allocs: 1}
}

// Wrap implements stack.Layer.
func (Cookies) Wrap(next apps.App) (apps.App, error) {
	return apps.Func(func(req apps.Request, res apps.Response) error {
		c := &carrier[CookieSet]{Request: req}
		c.state.read(req.Header("Cookie"))
		return next.Serve(c, res)
	}), nil
}

// CookiesOf is the cookies of the request with this context. It is nil, which has none, outside
// the layer cookies.
func CookiesOf(ctx context.Context) *CookieSet { return carriedBy[CookieSet](ctx) }

// SetCookie has the client keep a cookie, beside others that are set: each is a field of its own
// (S15). It fails if the cookie has what none may have.
func SetCookie(res apps.Response, c *http.Cookie) error {
	if err := c.Valid(); err != nil {
		return err
	}
	res.SetHeader("Set-Cookie", c.String())
	return nil
}

// CookieSet is the cookies of a request. It and its texts are valid until the request is over.
type CookieSet struct {
	all  []cookie
	room [8]cookie // so that most requests need no more
}

type cookie struct{ name, value string }

// read reads a Cookie field. What is no pair, or has no name, is left out.
func (s *CookieSet) read(field string) {
	s.all = s.room[:0]
	for pair := range strings.SplitSeq(field, ";") {
		name, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
		if !ok || !isToken(name) {
			continue
		}
		if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1] // RFC 6265 section 4.1.1
		}
		s.all = append(s.all, cookie{name, value})
	}
}

// Get is the value of the first cookie of a name: clients send that of the longest path first
// (RFC 6265 section 5.4).
func (s *CookieSet) Get(name string) (value string, ok bool) {
	for n, v := range s.All() {
		if n == name {
			return v, true
		}
	}
	return "", false
}

// All is every cookie by its name, in the order in which the client sent them.
func (s *CookieSet) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		if s == nil {
			return
		}
		for _, c := range s.all {
			if !yield(c.name, c.value) {
				return
			}
		}
	}
}
