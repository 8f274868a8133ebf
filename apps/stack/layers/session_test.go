package layers_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

func init() {
	courses["session"] = func(t testing.TB) course {
		return course{
			around: []stack.Layer{layers.Cookies{}}, layer: session(t), app: text("hello"),
			req: appstest.Get("/", "Cookie", "a=1; session=x"),
		}
	}
}

// session is the layer with a key.
func session(t testing.TB) layers.Session {
	t.Helper()
	for name, first := range map[string]string{"KEY": "a", "OLD_KEY": "b", "OTHER_KEY": "c", "SHORT_KEY": ""} {
		t.Setenv("LAYERS_TEST_"+name, first+strings.Repeat("0123456789abcdef", 2)[1:])
	}
	return layers.Session{Key: "env:LAYERS_TEST_KEY"}
}

// visits is an app that counts in the session, and does what the path says.
var visits = apps.Func(func(req apps.Request, res apps.Response) error {
	s := layers.SessionOf(req.Context())
	var err error
	switch req.Path() {
	case "/idle":
		return res.Reply(200, nil)
	case "/read":
		return res.Reply(200, []byte(fmt.Sprint(s.All())))
	case "/clear":
		err = s.Clear()
	case "/delete":
		err = s.Delete("n")
	case "/big":
		err = s.Set("big", strings.Repeat("x", 4096))
	case "/cookie":
		res.SetHeader("Set-Cookie", "own=1")
	case "/both":
		res.SetHeader("set-cookie", "own=1")
		err = s.Set("n", "x")
	default:
		res.SetHeader("Vary", "Accept")
		err = s.Set("n", s.Get("n")+"x")
	}
	if err != nil {
		return err
	}
	if req.Path() == "/stream" {
		return res.Stream(200, &lateBody{s: s})
	}
	return res.Reply(200, []byte(s.Get("n")))
})

// lateBody changes the session when it is too late.
type lateBody struct {
	appstest.Blocks
	s *layers.SessionState
}

func (b *lateBody) Next() ([]byte, error) {
	if err := b.s.Set("late", "x"); !errors.Is(err, apps.ErrAnswered) {
		return nil, fmt.Errorf("late change: %w", err)
	}
	return b.Blocks.Next()
}

// cookieOf reads the field Set-Cookie.
func cookieOf(t *testing.T, r appstest.Reply) *http.Cookie {
	t.Helper()
	c, err := http.ParseSetCookie(r.Field("Set-Cookie"))
	if err != nil {
		t.Fatalf("%v: %v", r, err)
	}
	return c
}

func TestSession(t *testing.T) {
	a := wrap(t, visits, layers.Cookies{}, session(t))
	first := appstest.Serve(t, a, appstest.Get("/"))
	c := cookieOf(t, first)
	expect(t, first, 200, "Vary", "Accept, Cookie", "Set-Cookie", "session="+c.Value+"; Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax")
	again := appstest.Serve(t, a, appstest.Get("/", "Cookie", "x=y; session="+c.Value))
	if again.Body() != "xx" {
		t.Error(again)
	}
	for _, test := range []struct{ path, sent, body, cookie, vary string }{
		{"/idle", c.Value, "", "", ""},
		{"/read", c.Value, "map[n:x]", "", "Cookie"},
		{"/read", "", "map[]", "", "Cookie"},
		{"/cookie", c.Value, "x", "own=1", "Cookie"},
		{"/clear", c.Value, "", "session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax", "Cookie"},
		{"/delete", c.Value, "", "session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax", "Cookie"},
		{"/clear", "", "", "", "Cookie"},
	} {
		t.Run(test.path, func(t *testing.T) {
			var fields []string
			if test.sent != "" {
				fields = []string{"Cookie", "session=" + test.sent}
			}
			r := appstest.Serve(t, a, appstest.Get(test.path, fields...))
			expect(t, r, 200, "Set-Cookie", test.cookie, "Vary", test.vary)
			if r.Body() != test.body {
				t.Error(r)
			}
		})
	}
	r := appstest.Serve(t, a, appstest.Get("/stream", "Cookie", "session="+c.Value))
	if expect(t, r, 200, "Vary", "Accept, Cookie"); !r.Stream || cookieOf(t, r).Value == "" {
		t.Error(r)
	}
}

// A request whose session can't be sent fails, rather than to lose it.
func TestSessionFails(t *testing.T) {
	a := wrap(t, visits, layers.Cookies{}, session(t))
	for path, want := range map[string]string{"/big": "session: securecookie: the value is too long"} {
		if r := appstest.Serve(t, a, appstest.Get(path)); r.Err == nil || !strings.HasPrefix(r.Err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, r.Err, want)
		}
	}
}

// A session that anybody changed is none, whichever character of it.
func TestSessionTampered(t *testing.T) {
	a := wrap(t, visits, layers.Cookies{}, session(t))
	c := cookieOf(t, appstest.Serve(t, a, appstest.Get("/")))
	read := func(value string) string {
		return appstest.Serve(t, a, appstest.Get("/read", "Cookie", "session="+value)).Body()
	}
	if got := read(c.Value); got != "map[n:x]" {
		t.Fatal(got)
	}
	raw, err := base64.URLEncoding.DecodeString(c.Value)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		raw[i] ^= 1
		if got := read(base64.URLEncoding.EncodeToString(raw)); got != "map[]" {
			t.Errorf("byte %d: %s", i, got)
		}
		raw[i] ^= 1
	}
	for _, value := range []string{"", "x", c.Value[:len(c.Value)-4], c.Value + "AAAA", strings.Repeat("A", 5000)} {
		if got := read(value); got != "map[]" {
			t.Errorf("%q: %s", value, got)
		}
	}
	// It is signed with its name.
	other := session(t)
	other.Name = "other"
	r := appstest.Serve(t, wrap(t, visits, layers.Cookies{}, other), appstest.Get("/read", "Cookie", "other="+c.Value))
	if r.Body() != "map[]" {
		t.Error(r)
	}
}

func TestSessionExpires(t *testing.T) {
	l := session(t)
	l.MaxAge = time.Minute
	a := wrap(t, visits, layers.Cookies{}, l)
	synctest.Test(t, func(t *testing.T) {
		c := cookieOf(t, appstest.Serve(t, a, appstest.Get("/")))
		for _, test := range []struct {
			wait time.Duration
			want string
		}{{time.Minute, "map[n:x]"}, {2 * time.Second, "map[]"}} {
			time.Sleep(test.wait)
			if r := appstest.Serve(t, a, appstest.Get("/read", "Cookie", "session="+c.Value)); r.Body() != test.want {
				t.Errorf("%v, want %s", r, test.want)
			}
		}
	})
}

func TestSessionRotatesKeys(t *testing.T) {
	old := session(t)
	old.Key = "env:LAYERS_TEST_OLD_KEY"
	c := cookieOf(t, appstest.Serve(t, wrap(t, visits, layers.Cookies{}, old), appstest.Get("/")))
	for _, test := range []struct {
		olds []string
		want string
	}{
		{nil, "x"}, {[]string{"env:LAYERS_TEST_OTHER_KEY"}, "x"}, {[]string{"env:LAYERS_TEST_OTHER_KEY", "env:LAYERS_TEST_OLD_KEY"}, "xx"},
	} {
		l := session(t)
		l.OldKeys = test.olds
		r := appstest.Serve(t, wrap(t, visits, layers.Cookies{}, l), appstest.Get("/", "Cookie", "session="+c.Value))
		if r.Body() != test.want {
			t.Errorf("%v: %v, want %s", test.olds, r, test.want)
		}
		// What is written is signed by the new key.
		again := appstest.Serve(t, wrap(t, visits, layers.Cookies{}, session(t)), appstest.Get("/read", "Cookie", "session="+cookieOf(t, r).Value))
		if again.Body() != "map[n:"+test.want+"]" {
			t.Error(again)
		}
	}
}

func TestSessionAttributes(t *testing.T) {
	l := session(t)
	l.Name, l.Path, l.Domain, l.SameSite, l.Insecure, l.MaxAge = "s", "/app", "a.example", "strict", true, time.Hour
	r := appstest.Serve(t, wrap(t, visits, layers.Cookies{}, l), appstest.Get("/"))
	if want := "s=" + cookieOf(t, r).Value + "; Path=/app; Domain=a.example; Max-Age=3600; HttpOnly; SameSite=Strict"; r.Field("Set-Cookie") != want {
		t.Errorf("%v, want %s", r, want)
	}
}

func TestSessionChecks(t *testing.T) {
	refused(t, session(t), `session requires "cookies", which no layer outside it provides`)
	with := func(change func(*layers.Session)) layers.Session {
		l := session(t)
		change(&l)
		return l
	}
	for want, l := range map[string]layers.Session{
		"key: is required": {},
		"key: secret env:LAYERS_TEST_NONE: the variable is not set":      with(func(l *layers.Session) { l.Key = "env:LAYERS_TEST_NONE" }),
		"key: secret env:LAYERS_TEST_SHORT_KEY: 31 bytes are no key":     with(func(l *layers.Session) { l.Key = "env:LAYERS_TEST_SHORT_KEY" }),
		"old-keys: secret env:LAYERS_TEST_NONE: the variable is not set": with(func(l *layers.Session) { l.OldKeys = []string{"env:LAYERS_TEST_NONE"} }),
		"old-keys: a secret is given by reference":                       with(func(l *layers.Session) { l.OldKeys = []string{"plain"} }),
		"http: invalid Cookie.Name":                                      with(func(l *layers.Session) { l.Name = "a b" }),
		"http: invalid Cookie.Domain":                                    with(func(l *layers.Session) { l.Domain = "a b" }),
		`path: "x" does not begin with "/"`:                              with(func(l *layers.Session) { l.Path = "x" }),
		`same-site: "some" is none of lax, strict, none`:                 with(func(l *layers.Session) { l.SameSite = "some" }),
		"insecure: does not go with same-site none":                      with(func(l *layers.Session) { l.SameSite, l.Insecure = "none", true }),
		"insecure: does not go with the name __Secure-s":                 with(func(l *layers.Session) { l.Name, l.Insecure = "__Secure-s", true }),
		"name: __Host-s goes with path / and no domain alone":            with(func(l *layers.Session) { l.Name, l.Domain = "__Host-s", "a.example" }),
		"max-age: 1.5s is not of whole seconds":                          with(func(l *layers.Session) { l.MaxAge = 1500 * time.Millisecond }),
	} {
		_, err := stack.Build(stack.Pipeline{Layers: []stack.Layer{layers.Cookies{}, l}, Node: stack.App{Source: source{visits}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestSessionOverTheWire(t *testing.T) {
	l := session(t)
	onEngines(t, func(t *testing.T) apps.App { return wrap(t, visits, layers.Cookies{}, l) }, func(t *testing.T, url string) {
		cookie := ""
		for _, path := range []string{"/", "/stream", "/"} {
			res := ask(t, http.MethodGet, url+path, "Cookie", cookie)
			hold(t, res, 200, "Vary", "Accept, Cookie")
			read(t, res)
			if len(res.Cookies()) != 1 {
				t.Fatal(res.Header)
			}
			cookie = "session=" + res.Cookies()[0].Value
		}
		if got := read(t, ask(t, http.MethodGet, url+"/read", "Cookie", cookie)); got != "map[n:xxx]" {
			t.Error(got)
		}
		res := ask(t, http.MethodGet, url+"/both")
		if hold(t, res, 200); len(res.Cookies()) != 2 || res.Cookies()[0].String() != "own=1" || res.Cookies()[1].Name != "session" {
			t.Error(res.Header)
		}
	})
}
