package layers_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

func init() {
	courses["forwarded"] = func(testing.TB) course {
		return course{layer: proxied, app: text("hello"), req: appstest.Get("/", "X-Forwarded-For", "192.0.2.1, 10.0.0.1", "X-Forwarded-Proto", "https")}
	}
}

// proxied trusts a network of each family.
var proxied = layers.Forwarded{Trusted: []string{"10.0.0.0/8", "fd00::/8", "127.0.0.1"}}

// tellsClient answers with the client that it sees.
var tellsClient = apps.Func(func(req apps.Request, res apps.Response) error {
	c := layers.ClientOf(req.Context())
	return res.Reply(200, []byte(c.Addr.String()+" "+c.Proto))
})

const noClient = "invalid IP "

func TestForwardedX(t *testing.T) {
	for _, test := range []struct{ name, entries, proto, want string }{
		{"none", "", "", noClient},
		{"one", "192.0.2.1", "https", "192.0.2.1 https"},
		{"by trusted proxies", "192.0.2.1, 10.0.0.1,10.0.0.2", "HTTPS", "192.0.2.1 https"},
		{"a made up one", "127.0.0.1, 198.51.100.1, 192.0.2.1, 10.0.0.1", "", "192.0.2.1 "},
		{"a made up one that is trusted", "10.9.9.9, 192.0.2.1", "", "192.0.2.1 "},
		{"trusted ones alone", "10.0.0.3, 10.0.0.2, 127.0.0.1", "", "10.0.0.3 "},
		{"a port", "192.0.2.1:4711, 10.0.0.1:80", "", "192.0.2.1 "},
		{"IPv6", "2001:db8::1, fd00::1", "", "2001:db8::1 "},
		{"IPv6, a port", "[2001:db8::1]:4711", "", "2001:db8::1 "},
		{"IPv6, a zone", "fe80::1%eth0", "", "fe80::1 "},
		{"IPv4 in IPv6", "192.0.2.1, ::ffff:10.0.0.1", "", "192.0.2.1 "},
		{"no address", "192.0.2.1, unknown, 10.0.0.1", "", noClient},
		{"an empty entry", "192.0.2.1,, 10.0.0.1", "", noClient},
		{"many schemes", "192.0.2.1", "http, https", "192.0.2.1 https"},
		{"no scheme", "192.0.2.1", "ht tp", "192.0.2.1 "},
		{"the other field's form", "for=192.0.2.1", "", noClient},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := appstest.Serve(t, wrap(t, tellsClient, proxied), appstest.Get("/", "X-Forwarded-For", test.entries, "X-Forwarded-Proto", test.proto, "Forwarded", "for=198.51.100.9"))
			if r.Body() != test.want {
				t.Errorf("%q, want %q", r.Body(), test.want)
			}
		})
	}
	if (layers.ClientOf(t.Context()) != layers.Client{}) {
		t.Error("a client without the layer")
	}
}

func TestForwarded7239(t *testing.T) {
	l := proxied
	l.Field = "Forwarded"
	for _, test := range []struct{ name, field, want string }{
		{"none", "", noClient},
		{"RFC 7239 4 an obfuscated one", `for="_gazonk"`, noClient},
		{"RFC 7239 4 IPv6 with a port", `For="[2001:db8:cafe::17]:4711"`, "2001:db8:cafe::17 "},
		{"RFC 7239 4 pairs", `for=192.0.2.60;proto=http;by=203.0.113.43`, "192.0.2.60 http"},
		{"RFC 7239 4 many", `for=192.0.2.43, for=198.51.100.17`, "198.51.100.17 "},
		{"RFC 7239 7.1 space", `for=192.0.2.43,for="[2001:db8:cafe::17]",for=unknown`, noClient},
		{"by trusted proxies", `for=192.0.2.1;proto=https;host="a;b,c", for=10.0.0.1;proto=http,for="[fd00::1]";proto=http`, "192.0.2.1 https"},
		{"a made up one", `for=127.0.0.1;proto=https, for=192.0.2.1;proto=http, for=10.0.0.1`, "192.0.2.1 http"},
		{"trusted ones alone", `for=10.0.0.2;proto=https, for=10.0.0.1`, "10.0.0.2 https"},
		{"an entry without an address", `for=192.0.2.1, by=10.0.0.1`, noClient},
		{"escapes", `for="192.0\.2.1";ext="a\"b"`, "192.0.2.1 "},
		{"no quotes around IPv6", `for=[2001:db8::1]:80`, "2001:db8::1 "},
		{"an open quote", `for="192.0.2.1`, noClient},
		{"an escape at the end", `for="192.0.2.1\`, noClient},
		{"no pair", `192.0.2.1`, noClient},
		{"no value", `for=;proto=http`, noClient},
		{"no name", `=192.0.2.1`, noClient},
		{"text after a quote", `for="192.0.2.1"x`, noClient},
		{"a pair that is open", `for=192.0.2.1;`, noClient},
		{"a quote that hides an entry", `for=198.51.100.1;a="b, for=192.0.2.1`, noClient},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := appstest.Serve(t, wrap(t, tellsClient, l), appstest.Get("/", "Forwarded", test.field, "X-Forwarded-For", "198.51.100.9", "X-Forwarded-Proto", "https"))
			if r.Body() != test.want {
				t.Errorf("%q, want %q", r.Body(), test.want)
			}
		})
	}
}

func TestForwardedInside(t *testing.T) {
	req := appstest.Get("/", "X-Forwarded-For", "192.0.2.1", "X-Request-Id", "abc")
	for network, taken := range map[string]bool{"192.0.2.0/24": true, "198.51.100.0/24": false} {
		a := wrap(t, tellsID, proxied, layers.RequestID{Trust: true, Networks: []string{network}})
		if r := appstest.Serve(t, a, req); (r.Body() == "abc") != taken {
			t.Errorf("%s: %v", network, r)
		}
	}
	log := layers.AccessLog{File: filepath.Join(t.TempDir(), "log")}
	if got := logged(t, log, text("hello"), req, []stack.Layer{proxied}...); !strings.HasPrefix(got, "192.0.2.1 - - [") {
		t.Error(got)
	}
}

func TestForwardedRefuses(t *testing.T) {
	refused(t, layers.Forwarded{}, "trusted: is required")
	refused(t, layers.Forwarded{Trusted: []string{"10.0.0.0/99"}}, `trusted: "10.0.0.0/99" is no network`)
	refused(t, layers.Forwarded{Trusted: []string{"10.0.0.0/8"}, Field: "X-Real-IP"}, "field: ")
}

func TestForwardedOverTheWire(t *testing.T) {
	onEngines(t, func(t *testing.T) apps.App { return wrap(t, tellsClient, proxied) }, func(t *testing.T, url string) {
		res := ask(t, "GET", url+"/", "X-Forwarded-For", "192.0.2.1, 10.0.0.1", "X-Forwarded-Proto", "https")
		if got := read(t, res); got != "192.0.2.1 https" {
			t.Error(got)
		}
	})
}
