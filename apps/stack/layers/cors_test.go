package layers_test

import (
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

const (
	ours   = "https://a.example"
	theirs = "https://evil.example"
)

func init() {
	courses["cors"] = func(testing.TB) course {
		return course{layer: layers.CORS{Origins: []string{ours}}, app: text("hello"), req: appstest.Get("/", "Origin", ours)}
	}
}

func TestCORSOrigins(t *testing.T) {
	some := layers.CORS{Origins: []string{ours, "https://*.b.example:8443"}, Expose: []string{"X-A", "X-B"}}
	with := layers.CORS{Origins: some.Origins, Credentials: true}
	all := layers.CORS{Origins: []string{"*"}}
	for _, test := range []struct {
		name   string
		layer  layers.CORS
		origin string
		allow  string
		more   []string
	}{
		{"Fetch an origin", some, ours, ours, []string{"Access-Control-Expose-Headers", "X-A, X-B", "Access-Control-Allow-Credentials", ""}},
		{"Fetch another origin", some, theirs, "", []string{"Access-Control-Expose-Headers", ""}},
		{"Fetch an origin is compared as it is", some, "http://a.example", "", nil},
		{"Fetch an origin is compared as it is", some, "https://a.example:443", "", nil},
		{"Fetch a host below", some, "https://x.y.b.example:8443", "https://x.y.b.example:8443", nil},
		{"Fetch not below", some, "https://b.example:8443", "", nil},
		{"Fetch not below", some, "https://.b.example:8443", "", nil},
		{"Fetch below at another port", some, "https://x.b.example", "", nil},
		{"Fetch null", some, "null", "", nil},
		{"Fetch no origin", some, "", "", []string{"Access-Control-Expose-Headers", ""}},
		{"Fetch credentials", with, ours, ours, []string{"Access-Control-Allow-Credentials", "true"}},
		{"Fetch credentials of another", with, theirs, "", []string{"Access-Control-Allow-Credentials", ""}},
		{"Fetch all", all, theirs, "*", []string{"Vary", ""}},
		{"Fetch all and no origin", all, "", "", []string{"Vary", ""}},
	} {
		t.Run(test.name+" "+test.origin, func(t *testing.T) {
			for _, a := range []app{{body: "x"}, {status: 404}, {blocks: []string{"x"}}} {
				r := appstest.Serve(t, wrap(t, a, test.layer), appstest.Get("/", "Origin", test.origin))
				expect(t, r, max(200, a.status), append(test.more, "Access-Control-Allow-Origin", test.allow)...)
				if vary := r.Field("Vary"); (vary == "Origin") != (test.layer.Origins[0] != "*") {
					t.Errorf("Vary: %q", vary)
				}
			}
		})
	}
}

func TestCORSPreflights(t *testing.T) {
	l := layers.CORS{Origins: []string{ours}, Methods: []string{"GET", "PUT"}, Headers: []string{"X-A", "X-B"}, MaxAge: time.Hour}
	with := l
	with.Credentials = true
	all := layers.CORS{Origins: []string{"*"}, Methods: []string{"*"}, Headers: []string{"*"}}
	for _, test := range []struct {
		name                   string
		layer                  layers.CORS
		origin, method, fields string
		ok                     bool
	}{
		{"Fetch allowed", l, ours, "PUT", "x-a,X-B", true},
		{"Fetch allowed with credentials", with, ours, "PUT", "", true},
		{"Fetch another origin", l, theirs, "PUT", "", false},
		{"Fetch another method", l, ours, "DELETE", "", false},
		{"Fetch methods have a case", l, ours, "put", "", false},
		{"Fetch another field", l, ours, "GET", "x-a, x-c", false},
		{"Fetch all", all, theirs, "DELETE", "x-c", true},
		{"Fetch all is not Authorization", all, theirs, "DELETE", "authorization", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			served := wrap(t, app{err: errBody}, test.layer) // is not asked
			r := appstest.Serve(t, served, appstest.Of("OPTIONS", "/", "", "Origin", test.origin, "Access-Control-Request-Method", test.method, "Access-Control-Request-Headers", test.fields))
			want := map[string]string{"Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}
			if test.layer.Origins[0] == "*" {
				want["Vary"] = "Access-Control-Request-Method, Access-Control-Request-Headers"
			}
			if test.ok && test.layer.Origins[0] == "*" {
				want["Access-Control-Allow-Origin"], want["Access-Control-Allow-Methods"], want["Access-Control-Allow-Headers"], want["Access-Control-Max-Age"] = "*", "*", "*", "5"
			} else if test.ok {
				want["Access-Control-Allow-Origin"], want["Access-Control-Allow-Methods"], want["Access-Control-Allow-Headers"], want["Access-Control-Max-Age"] = ours, "GET, PUT", "X-A, X-B", "3600"
			}
			if test.ok && test.layer.Credentials {
				want["Access-Control-Allow-Credentials"] = "true"
			}
			expect(t, r, 204)
			for name, value := range want {
				expect(t, r, 204, name, value)
			}
			if len(r.Fields) != len(want) {
				t.Errorf("%v, want %v", r.Fields, want)
			}
		})
	}
	// OPTIONS that is no preflight is the app's.
	for _, req := range []appstest.Request{appstest.Of("OPTIONS", "/", "", "Origin", ours), appstest.Of("OPTIONS", "/", "", "Access-Control-Request-Method", "PUT")} {
		if r := appstest.Serve(t, wrap(t, text("app"), l), req); r.Body() != "app" {
			t.Error(r)
		}
	}
}

// What the app says of it does not count; its Vary does.
func TestCORSFields(t *testing.T) {
	a := text("", "Vary", "Cookie", "access-control-allow-origin", "*", "Access-Control-Allow-Credentials", "true", "X-A", "1")
	r := appstest.Serve(t, wrap(t, a, layers.CORS{Origins: []string{ours}}), appstest.Get("/", "Origin", theirs))
	expect(t, r, 200, "Vary", "Cookie, Origin", "Access-Control-Allow-Origin", "", "Access-Control-Allow-Credentials", "", "X-A", "1")
	r = appstest.Serve(t, wrap(t, a, layers.CORS{Origins: []string{"*"}}), appstest.Get("/", "Origin", theirs))
	expect(t, r, 200, "Vary", "Cookie", "Access-Control-Allow-Origin", "*", "Access-Control-Allow-Credentials", "")
	// Layers inside and outside add to Vary alike.
	share, compress := layers.CORS{Origins: []string{ours}}, layers.Compress{}
	for want, around := range map[string][]stack.Layer{"Cookie, Accept-Encoding, Origin": {share, compress}, "Cookie, Origin, Accept-Encoding": {compress, share}} {
		r := appstest.Serve(t, wrap(t, text(long, "Vary", "Cookie"), around...), appstest.Get("/", "Accept-Encoding", "gzip"))
		expect(t, r, 200, "Vary", want, "Content-Encoding", "gzip")
	}
}

func TestCORSChecks(t *testing.T) {
	for want, l := range map[string]layers.CORS{
		`layers[0].origins: is required`:              {},
		`origins: * does not go with credentials`:     {Origins: []string{"*"}, Credentials: true},
		`methods: * does not go with credentials`:     {Origins: []string{ours}, Methods: []string{"*"}, Credentials: true},
		`headers: * does not go with credentials`:     {Origins: []string{ours}, Headers: []string{"*"}, Credentials: true},
		`expose: * does not go with credentials`:      {Origins: []string{ours}, Expose: []string{"*"}, Credentials: true},
		`origins: * is all, and stands alone`:         {Origins: []string{"*", ours}},
		`origins: "a.example" is no origin`:           {Origins: []string{"a.example"}},
		`origins: "https://a.example/" is no origin`:  {Origins: []string{"https://a.example/"}},
		`origins: "https://A.example" is no origin`:   {Origins: []string{"https://A.example"}},
		`origins: "https://a.*.example" is no origin`: {Origins: []string{"https://a.*.example"}},
		`origins: "https://*" is no origin`:           {Origins: []string{"https://*"}},
		`headers: "X-A," is no token`:                 {Origins: []string{ours}, Headers: []string{"X-A,"}},
		`max-age: 48h0m0s is more than 24h`:           {Origins: []string{ours}, MaxAge: 48 * time.Hour},
	} {
		refused(t, l, want)
	}
}

func TestCORSOverTheWire(t *testing.T) {
	onEngines(t, func(t *testing.T) apps.App {
		return wrap(t, text("hello"), layers.CORS{Origins: []string{ours}, Methods: []string{"PUT"}})
	}, func(t *testing.T, url string) {
		hold(t, ask(t, "GET", url, "Origin", ours), 200, "Access-Control-Allow-Origin", ours, "Vary", "Origin")
		hold(t, ask(t, "HEAD", url, "Origin", theirs), 200, "Access-Control-Allow-Origin", "", "Vary", "Origin")
		res := ask(t, "OPTIONS", url, "Origin", ours, "Access-Control-Request-Method", "PUT")
		hold(t, res, 204, "Access-Control-Allow-Origin", ours, "Access-Control-Allow-Methods", "PUT", "Content-Length", "")
	})
}
