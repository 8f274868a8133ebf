package layers_test

import (
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

func init() {
	courses["method-override"] = func(testing.TB) course {
		return course{layer: layers.MethodOverride{}, app: text("hello"), req: appstest.Of("POST", "/", "", "X-HTTP-Method-Override", "PUT")}
	}
}

// tellsMethod answers with the method that it sees.
var tellsMethod = apps.Func(func(req apps.Request, res apps.Response) error {
	return res.Reply(200, []byte(req.Method()))
})

func TestMethodOverride(t *testing.T) {
	for _, test := range []struct{ method, field, want string }{
		{"POST", "", "POST"},
		{"POST", "PUT", "PUT"},
		{"POST", "delete", "DELETE"},
		{"POST", "post", "POST"},
		{"POST", "GET", ""},
		{"POST", "TRACE", ""},
		{"POST", "PUT, DELETE", ""},
		{"POST", "PURGE", ""},
		{"GET", "DELETE", "GET"},
		{"HEAD", "PURGE", "HEAD"},
		{"PUT", "DELETE", "PUT"},
		{"post", "DELETE", "post"},
	} {
		r := appstest.Serve(t, wrap(t, tellsMethod, layers.MethodOverride{}), appstest.Of(test.method, "/", "", "x-http-method-override", test.field))
		switch {
		case test.want == "":
			expect(t, r, 400)
		case r.Status != 200 || r.Body() != test.want:
			t.Errorf("%+v: %v", test, r)
		}
	}
	own := layers.MethodOverride{Field: "X-Do", Methods: []string{"PURGE"}}
	if r := appstest.Serve(t, wrap(t, tellsMethod, own), appstest.Of("POST", "/", "", "X-Do", "purge")); r.Body() != "PURGE" {
		t.Error(r)
	}
}

func TestMethodOverrideRefuses(t *testing.T) {
	for want, l := range map[string]layers.MethodOverride{
		`methods: "put" is no method, as "PUT"`: {Methods: []string{"put"}},
		`methods: "P T" is no method`:           {Methods: []string{"P T"}},
		`methods: a POST can't ask with HEAD`:   {Methods: []string{"PUT", "HEAD"}},
		`methods: PUT is listed twice`:          {Methods: []string{"PUT", "PUT"}},
		`field: TE belongs to the server`:       {Field: "TE"},
	} {
		refused(t, l, want)
	}
}

func TestMethodOverrideOverTheWire(t *testing.T) {
	onEngines(t, func(t *testing.T) apps.App { return wrap(t, tellsMethod, layers.MethodOverride{}) }, func(t *testing.T, url string) {
		if res := ask(t, "POST", url+"/", "X-HTTP-Method-Override", "PATCH"); read(t, res) != "PATCH" {
			t.Errorf("status %d", res.StatusCode)
		}
		hold(t, ask(t, "POST", url+"/", "X-HTTP-Method-Override", "TRACE"), 400)
	})
}
