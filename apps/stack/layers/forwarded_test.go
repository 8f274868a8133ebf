package layers_test

import (
	"net/netip"
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
		return course{layer: proxied, app: text("hello"), req: from(aProxy, appstest.Get("/", "X-Forwarded-For", "192.0.2.1, 10.0.0.1", "X-Forwarded-Proto", "https"))}
	}
}

// proxied trusts a network of each family.
var proxied = layers.Forwarded{Trusted: []string{"10.0.0.0/8", "fd00::/8", "127.0.0.1"}}

// aProxy is one that proxied trusts.
const aProxy = "10.0.0.9:4711"

// from is a request from a peer; "" is one that has no address.
func from(peer string, r appstest.Request) appstest.Request {
	if peer != "" {
		r.Peer = netip.MustParseAddrPort(peer)
	}
	return r
}

// tellsClient answers with the client that it sees.
var tellsClient = apps.Func(func(req apps.Request, res apps.Response) error {
	c := layers.ClientOf(req)
	return res.Reply(200, []byte(c.Addr.String()+" "+c.Proto))
})

const noClient = "invalid IP "

func TestForwardedX(t *testing.T) {
	for _, test := range []struct{ name, entries, proto, want string }{
		{"none", "", "", "10.0.0.9 "},
		{"a scheme alone", "", "https", "10.0.0.9 https"},
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
			r := appstest.Serve(t, wrap(t, tellsClient, proxied), from(aProxy, appstest.Get("/", "X-Forwarded-For", test.entries, "X-Forwarded-Proto", test.proto, "Forwarded", "for=198.51.100.9")))
			if r.Body() != test.want {
				t.Errorf("%q, want %q", r.Body(), test.want)
			}
		})
	}
}

// Who is not trusted is the client, whatever it says; without the layer the peer is.
func TestForwardedPeers(t *testing.T) {
	const says = "192.0.2.1, 10.0.0.1"
	onUnix := layers.Forwarded{Trusted: []string{"unix"}}
	for _, test := range []struct {
		name, peer string
		around     []stack.Layer
		says, want string
	}{
		{"a proxy", aProxy, []stack.Layer{proxied}, says, "192.0.2.1 https"},
		{"a proxy of IPv6", "[fd00::1%eth0]:80", []stack.Layer{proxied}, says, "192.0.2.1 https"},
		{"another one", "198.51.100.7:80", []stack.Layer{proxied}, says, "198.51.100.7 "},
		{"another one of IPv6", "[fe80::1%eth0]:80", []stack.Layer{proxied}, says, "fe80::1 "},
		{"no address", "", []stack.Layer{proxied}, says, noClient},
		{"a Unix socket", "", []stack.Layer{onUnix}, "192.0.2.1", "192.0.2.1 https"},
		{"a Unix socket, no field", "", []stack.Layer{onUnix}, "", "invalid IP https"},
		{"an address, and Unix sockets are trusted", aProxy, []stack.Layer{onUnix}, says, "10.0.0.9 "},
		{"no layer", aProxy, nil, says, "10.0.0.9 "},
		{"no layer, no address", "", nil, says, noClient},
	} {
		t.Run(test.name, func(t *testing.T) {
			req := from(test.peer, appstest.Get("/", "X-Forwarded-For", test.says, "X-Forwarded-Proto", "https"))
			if r := appstest.Serve(t, wrap(t, tellsClient, test.around...), req); r.Body() != test.want {
				t.Errorf("%q, want %q", r.Body(), test.want)
			}
		})
	}
}

func TestForwarded7239(t *testing.T) {
	l := proxied
	l.Field = "Forwarded"
	for _, test := range []struct{ name, field, want string }{
		{"none", "", "10.0.0.9 "},
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
			r := appstest.Serve(t, wrap(t, tellsClient, l), from(aProxy, appstest.Get("/", "Forwarded", test.field, "X-Forwarded-For", "198.51.100.9", "X-Forwarded-Proto", "https")))
			if r.Body() != test.want {
				t.Errorf("%q, want %q", r.Body(), test.want)
			}
		})
	}
}

func TestForwardedInside(t *testing.T) {
	req := from(aProxy, appstest.Get("/", "X-Forwarded-For", "192.0.2.1", "X-Request-Id", "abc"))
	for network, taken := range map[string]bool{"192.0.2.0/24": true, "198.51.100.0/24": false} {
		a := wrap(t, tellsID, proxied, layers.RequestID{Trust: true, Networks: []string{network}})
		if r := appstest.Serve(t, a, req); (r.Body() == "abc") != taken {
			t.Errorf("%s: %v", network, r)
		}
	}
	log := layers.AccessLog{File: filepath.Join(t.TempDir(), "log")}
	for want, around := range map[string][]stack.Layer{"192.0.2.1 - - [": {proxied}, "10.0.0.9 - - [": nil} {
		if got := logged(t, log, text("hello"), req, around...); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestForwardedRefuses(t *testing.T) {
	refused(t, layers.Forwarded{}, "trusted: is required")
	refused(t, layers.Forwarded{Trusted: []string{"10.0.0.0/99"}}, `trusted: "10.0.0.0/99" is no network`)
	refused(t, layers.Forwarded{Trusted: []string{"unix", "unix:"}}, `trusted: "unix:" is no network`)
	refused(t, layers.Forwarded{Trusted: []string{"10.0.0.0/8"}, Field: "X-Real-IP"}, "field: ")
}

func TestForwardedOverTheWire(t *testing.T) {
	for trusted, want := range map[string]string{"127.0.0.1": "192.0.2.1 https", "10.0.0.0/8": "127.0.0.1 "} {
		t.Run(trusted, func(t *testing.T) {
			l := layers.Forwarded{Trusted: []string{trusted}}
			onEngines(t, func(t *testing.T) apps.App { return wrap(t, tellsClient, l) }, func(t *testing.T, url string) {
				res := ask(t, "GET", url+"/", "X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "https")
				if got := read(t, res); got != want {
					t.Errorf("%q, want %q", got, want)
				}
			})
		})
	}
}
