package layers_test

import (
	"testing"

	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

func init() {
	courses["headers"] = func(testing.TB) course {
		return course{layer: layers.Headers{
			Set: map[string]string{"X-A": "1"}, Default: map[string]string{"X-B": "2"}, Remove: []string{"X-C"},
		}, app: text("hello")}
	}
}

func TestHeaders(t *testing.T) {
	l := layers.Headers{
		Set:     map[string]string{"X-Set": "layer", "Server": "none"},
		Default: map[string]string{"X-Default": "layer", "Cache-Control": "no-store"},
		Remove:  []string{"x-remove"},
	}
	for name, test := range map[string]struct {
		app    app
		status int
		want   []string
	}{
		"nothing set":  {app{}, 200, []string{"X-Set", "layer", "X-Default", "layer", "X-Remove", "", "Server", "none"}},
		"all set":      {text("", "X-SET", "app", "x-default", "app", "X-Remove", "app", "X-Other", "app"), 200, []string{"X-Set", "layer", "X-Default", "app", "X-Remove", "", "X-Other", "app"}},
		"a stream":     {app{blocks: []string{"a"}, fields: []string{"X-Remove", "app"}}, 200, []string{"X-Set", "layer", "Cache-Control", "no-store", "X-Remove", ""}},
		"other status": {app{status: 404}, 404, []string{"X-Set", "layer", "X-Default", "layer"}},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, appstest.Serve(t, wrap(t, test.app, l), appstest.Get("/")), test.status, test.want...)
		})
	}
	if r := appstest.ServeFiles(t, wrap(t, app{file: "/f"}, l), appstest.Get("/")); r.File != "/f" || r.Field("X-Set") != "layer" {
		t.Error(r)
	}
}

func TestHeadersRefuse(t *testing.T) {
	one := func(name, value string) map[string]string { return map[string]string{name: value} }
	for want, l := range map[string]layers.Headers{
		`set: "a\nb" is no value of field X-A (RFC 9110 section 5.5)`: {Set: one("X-A", "a\nb")},
		`default: "a\rb" is no value of field X-A`:                    {Default: one("X-A", "a\rb")},
		`set: "a\x00b" is no value of field X-A`:                      {Set: one("X-A", "a\x00b")},
		`set: " a" is no value of field X-A`:                          {Set: one("X-A", " a")},
		`set: "X A" is no name of a field (RFC 9110 section 5.1)`:     {Set: one("X A", "a")},
		`set: connection belongs to the server (A3)`:                  {Set: one("connection", "close")},
		`default: Transfer-Encoding belongs to the server`:            {Default: one("Transfer-Encoding", "chunked")},
		`set: Content-Length belongs to the server`:                   {Set: one("Content-Length", "1")},
		`default: set-cookie: one that the app sets does not replace`: {Default: one("set-cookie", "a=1")},
		`remove: Upgrade belongs to the server`:                       {Remove: []string{"Upgrade"}},
		`remove: "" is no name of a field`:                            {Remove: []string{""}},
		`set: x-a is in "set" already`:                                {Set: map[string]string{"X-A": "", "x-a": ""}},
		`default: X-A is in "set" already`:                            {Set: one("x-a", "1"), Default: one("X-A", "2")},
		`remove: X-A is in "default" already`:                         {Default: one("x-a", "1"), Remove: []string{"X-A"}},
	} {
		refused(t, l, want)
	}
}
