package layers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// Session keeps a few texts for each client, in a cookie that is signed by HMAC-SHA256: clients can
// read them, but not change them. Apps have them by SessionOf. A session that was changed by others,
// or is older than MaxAge, is as if there were none. It lives on from each change of it.
//
// The cookie goes with the answer's header, so that the session is to be changed before it.
type Session struct {
	Key      stack.Secret  `stack:"key" required:"true" doc:"key that signs, 32 bytes or more"`
	OldKeys  []string      `stack:"old-keys" doc:"secrets with the keys before, by which sessions are still read"`
	Name     string        `stack:"name" default:"session" doc:"the cookie's name"`
	MaxAge   time.Duration `stack:"max-age" default:"24h" min:"1s" max:"9600h" doc:"how long a session lives without a change"`
	Path     string        `stack:"path" default:"/" doc:"path below which clients send it"`
	Domain   string        `stack:"domain" doc:"domain whose hosts get it; the host alone, if it is not set"`
	SameSite string        `stack:"same-site" default:"lax" oneof:"lax strict none" doc:"whether requests from other sites bring it"`
	Insecure bool          `stack:"insecure" doc:"whether it is sent over connections without TLS, too"`
}

// About implements stack.Layer.
func (Session) About() stack.About {
	return stack.About{
		Name: "session", Doc: "keeps a session in a signed cookie (RFC 6265)",
		Requires: []string{"cookies"}, Provides: []string{"session"}, Allocs: 1,
	}
}

// least and most bytes: of a key, so that it is no weaker than SHA-256, and of a cookie with its attributes, as
// clients keep at least (RFC 6265 section 6.1).
const (
	minKey    = 32
	maxCookie = 4096
)

var sameSites = map[string]http.SameSite{"lax": http.SameSiteLaxMode, "strict": http.SameSiteStrictMode, "none": http.SameSiteNoneMode}

// Check implements stack.Checker.
func (s Session) Check() error {
	if err := s.cookie("x", time.Second).Valid(); err != nil {
		return err
	}
	host, secure := strings.HasPrefix(s.Name, "__Host-"), strings.HasPrefix(s.Name, "__Secure-")
	switch {
	case !strings.HasPrefix(s.Path, "/"):
		return fmt.Errorf("path: %q does not begin with \"/\"", s.Path)
	case s.MaxAge%time.Second != 0:
		return fmt.Errorf("max-age: %v is not of whole seconds", s.MaxAge)
	case s.Insecure && s.SameSite == "none":
		return errors.New("insecure: does not go with same-site none")
	case s.Insecure && (host || secure):
		return fmt.Errorf("insecure: does not go with the name %s", s.Name)
	case host && (s.Path != "/" || s.Domain != ""):
		return fmt.Errorf("name: %s goes with path / and no domain alone", s.Name)
	}
	return nil
}

// cookie is the cookie with a value. An age below 0 has the client drop it.
func (s Session) cookie(value string, age time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: s.Name, Value: value, Path: s.Path, Domain: s.Domain, MaxAge: int(age / time.Second),
		Secure: !s.Insecure, HttpOnly: true, SameSite: sameSites[s.SameSite],
	}
}

// Wrap implements stack.Layer.
func (s Session) Wrap(next apps.App) (apps.App, error) {
	w := &sessions{Session: s}
	for i, secret := range append([]string{string(s.Key)}, s.OldKeys...) {
		key, err := stack.Secret(secret).Value()
		if err == nil && len(key) < minKey {
			err = fmt.Errorf("secret %s: %d bytes are no key; it has %d or more", secret, len(key), minKey)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", map[bool]string{true: "key", false: "old-keys"}[i == 0], err)
		}
		w.codecs = append(w.codecs, securecookie.New([]byte(key), nil).
			MaxAge(int(s.MaxAge/time.Second)).MaxLength(maxCookie).SetSerializer(securecookie.JSONEncoder{}))
	}
	w.editor = stack.Editor{Next: next, Files: true, Fields: keepForSession, Edit: w.edit}
	return w, nil
}

// sessions is the app of Session.
type sessions struct {
	Session
	codecs []securecookie.Codec // the one that signs first
	editor stack.Editor
}

// visit is a request with its session, and the field Vary of its answer, which is kept.
type visit struct {
	carrier[SessionState]
	vary string
}

// Serve implements apps.App.
func (w *sessions) Serve(req apps.Request, res apps.Response) error {
	v := &visit{}
	v.Request, v.state.home, v.state.request = req, w, req
	return w.editor.Serve(v, res)
}

func keepForSession(req apps.Request, name, value string) (string, bool) {
	if strings.EqualFold(name, "Vary") {
		req.(*visit).vary = value
		return "", false
	}
	return value, true
}

// edit writes the session, if it was changed, and says if the reply depends on it.
func (w *sessions) edit(req apps.Request, res apps.Response, _ *stack.Answer) error {
	v := req.(*visit)
	v.state.answered = true
	if v.state.values != nil {
		v.vary = varying(v.vary, "Cookie")
	}
	if v.vary != "" {
		res.SetHeader("Vary", v.vary)
	}
	if !v.state.changed {
		return nil
	}
	return w.write(&v.state, res)
}

// write has the client keep a session, or drop it, if either has anything.
func (w *sessions) write(s *SessionState, res apps.Response) error {
	if len(s.values) == 0 {
		if _, has := s.cookies.Get(w.Name); !has {
			return nil
		}
		return SetCookie(res, w.cookie("", -time.Second))
	}
	value, err := w.codecs[0].Encode(w.Name, s.values)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	c := w.cookie(value, w.MaxAge)
	if n := len(c.String()); n > maxCookie {
		return fmt.Errorf("session: the cookie has %d bytes, %d at most", n, maxCookie)
	}
	return SetCookie(res, c)
}

// SessionOf is the session of the request with this context, nil outside the layer session.
func SessionOf(ctx context.Context) *SessionState { return carriedBy[SessionState](ctx) }

// SessionState is the session of a client, as long as a request of it lasts. It is not safe for
// concurrent use.
type SessionState struct {
	home              *sessions
	request           apps.Request
	cookies           *CookieSet        // of the request
	values            map[string]string // nil: neither of both was read yet
	changed, answered bool
}

// load reads the session from the cookie, the first time that it is needed.
func (s *SessionState) load() map[string]string {
	if s.values != nil {
		return s.values
	}
	s.cookies, s.values = CookiesOf(s.request.Context()), map[string]string{}
	if value, ok := s.cookies.Get(s.home.Name); ok {
		var values map[string]string
		if err := securecookie.DecodeMulti(s.home.Name, value, &values, s.home.codecs...); err == nil && values != nil {
			s.values = values
		}
	}
	return s.values
}

// Get is a value of the session, "" if there is none of the name.
func (s *SessionState) Get(name string) string { return s.load()[name] }

// All is a copy of all values by their names.
func (s *SessionState) All() map[string]string { return maps.Clone(s.load()) }

// Set changes a value. It fails with apps.ErrAnswered if the header may have been sent.
func (s *SessionState) Set(name, value string) error {
	return s.change(func(values map[string]string) { values[name] = value })
}

// Delete takes a value away. It fails as Set does.
func (s *SessionState) Delete(name string) error {
	return s.change(func(values map[string]string) { delete(values, name) })
}

// Clear takes all values away, and has the client drop the cookie. It fails as Set does.
func (s *SessionState) Clear() error {
	return s.change(func(values map[string]string) { clear(values) })
}

func (s *SessionState) change(do func(values map[string]string)) error {
	if s.answered {
		return apps.ErrAnswered
	}
	do(s.load())
	s.changed = true
	return nil
}
