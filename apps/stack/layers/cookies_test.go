package layers_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

func init() {
	courses["cookies"] = func(testing.TB) course {
		return course{layer: layers.Cookies{}, app: text("hello"), req: appstest.Get("/", "Cookie", "a=1; b=2; c=3")}
	}
}

// cookieApp tells the cookies that it sees.
var cookieApp = apps.Func(func(req apps.Request, res apps.Response) error {
	var all []string
	for name, value := range layers.CookiesOf(req.Context()).All() {
		all = append(all, name+"="+value)
	}
	return res.Reply(200, []byte(strings.Join(all, "|")))
})

func TestCookies(t *testing.T) {
	for _, test := range []struct{ name, field, want string }{
		{"no field", "", ""},
		{"RFC 6265 4.2.1 one", "a=1", "a=1"},
		{"RFC 6265 4.2.1 many", "a=1; b=2; c=3; d=4; e=5; f=6; g=7; h=8; i=9", "a=1|b=2|c=3|d=4|e=5|f=6|g=7|h=8|i=9"},
		{"RFC 6265 4.1.1 in quotes", `a="1 2"; b="; c="`, `a=1 2|b="|c="`},
		{"RFC 6265 5.4 a value with =", "a=b=c", "a=b=c"},
		{"RFC 6265 5.4 an empty value", "a=; b=1", "a=|b=1"},
		{"RFC 6265 5.4 the same name", "a=1; a=2", "a=1|a=2"},
		{"no pairs", "; a;=1; b c=2;d=3 ;", "d=3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if r := appstest.Serve(t, wrap(t, cookieApp, layers.Cookies{}), appstest.Get("/", "Cookie", test.field)); r.Body() != test.want {
				t.Errorf("%s, want %s", r.Body(), test.want)
			}
		})
	}
}

func TestCookiesOf(t *testing.T) {
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "kept"))
	req := appstest.Get("/", "Cookie", "a=1; a=2")
	req.Ctx = ctx
	served := wrap(t, apps.Func(func(req apps.Request, res apps.Response) error {
		inner, stop := context.WithCancel(req.Context())
		defer stop()
		if v, ok := layers.CookiesOf(inner).Get("a"); v != "1" || !ok {
			t.Error(v, ok)
		}
		if v, ok := layers.CookiesOf(inner).Get("b"); v != "" || ok {
			t.Error(v, ok)
		}
		if inner.Value(key{}) != "kept" {
			t.Error("the context lost a value")
		}
		cancel()
		<-inner.Done()
		return res.Reply(200, nil)
	}), layers.Cookies{})
	expect(t, appstest.Serve(t, served, req), 200)
	if v, ok := layers.CookiesOf(t.Context()).Get("a"); v != "" || ok {
		t.Error("cookies without the layer")
	}
}

// Cookies that are set stand beside each other, through every layer.
func TestSetCookie(t *testing.T) {
	sets := apps.Func(func(_ apps.Request, res apps.Response) error {
		for _, name := range []string{"a", "b"} {
			if err := layers.SetCookie(res, &http.Cookie{Name: name, Value: "1", Path: "/"}); err != nil {
				return err
			}
		}
		return res.Reply(200, []byte(long))
	})
	for _, l := range layers.All() {
		c := courses[l.About().Name](t)
		r := appstest.Serve(t, wrap(t, sets, append(c.around, c.layer)...), c.req)
		var set []string
		for _, f := range r.Fields {
			if f[0] == "Set-Cookie" {
				set = append(set, f[1])
			}
		}
		if !slices.Equal(set, []string{"a=1; Path=/", "b=1; Path=/"}) {
			t.Errorf("%s: %v", l.About().Name, r)
		}
	}
	if err := layers.SetCookie(sink{}, &http.Cookie{Name: "a b"}); err == nil {
		t.Error("a cookie without a right name is set")
	}
}
