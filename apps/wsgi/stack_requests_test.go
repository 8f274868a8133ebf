package wsgi_test

import (
	"encoding/base64"
	"net/netip"
	"strings"

	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/suite"
)

// users have the passwords "open sesame", "secret", 72 times p (bcrypt) and "é" (SHA-256).
const users = `# a comment

alice:$2y$04$6nRgtJVSM4bEIfx/kA.auOccBirB24DoncVuB3jZVb/Z59XQW3QRG
 bob b:$2b$04$icyMWHlDhmSTr57t/hsE8O0biEuOhKdOqLr2gJ3fdNAP5AbRsbSdC
long:$2b$05$sCGHdgZrMTA94tGhRpgYKuAzmslAb.TIUi2PCy7YEHcSin/.1V2Ay
é:{SHA256}SplVfkAzw1Od4utlRyAXytX5VX96BiWgnxw/biumnEw=
`

// aProxy is one that the stacks with the layer forwarded trust.
const aProxy = "10.1.1.1:4711"

// from is a request from a peer.
func from(peer string, r appstest.Request) appstest.Request {
	r.Peer = netip.MustParseAddrPort(peer)
	return r
}

// common are requests that every stack is asked.
func common() []appstest.Request {
	var all []appstest.Request
	for _, method := range []string{"GET", "HEAD", "POST"} {
		for _, target := range []string{
			"/", "/?whole=0", "/?whole=10", "/?whole=5000", "/?stream=3x1000", "/?stream=3x1000&length=1", "/?stream=0x0", "/?status=404", "/?status=204",
			"/?status=304", "/?status=500&whole=2000", "/?fail=1", "/?type=image/png&whole=5000", "/?type=TEXT/html%3Bcharset=utf-8&stream=2x10",
			"/?stream=3x1000&late=2", "/other/path", "/healthz", "/a%b/é x\"\\",
		} {
			all = append(all, appstest.Of(method, target, ""))
		}
	}
	for _, set := range []string{
		"ETag: \"app\"", "ETag: W/\"app\"", "Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT", "Vary: Origin, Accept-Encoding", "Vary: *", "Content-Encoding: x",
		"Cache-Control: no-transform", "Content-Range: bytes 0-1/2", "Accept-Ranges: none", "Content-Digest: sha-256=:x:|Repr-Digest: sha-256=:y:",
		"X-Powered-By: it|X-Frame-Options: none|cache-control: private", "Access-Control-Allow-Origin: *", "X-Request-Id: app", "Set-Cookie: a=b",
	} {
		for _, fields := range [][]string{nil, {"Accept-Encoding", "gzip"}, {"Range", "bytes=1-2"}, {"Origin", "https://example.org"}} {
			all = append(all, appstest.Get("/?whole=2000", append([]string{"X-Set", set}, fields...)...))
		}
	}
	all = append(all, conditional()...)
	all = append(all, ranges()...)
	all = append(all, encodings()...)
	return append(all, others()...)
}

// tagOf5000 is the tag of the reply to /?whole=5000.
const tagOf5000 = `"KjFNRioYcEMDoylUl4Wcww"`

func conditional() []appstest.Request {
	const changed, before, after = "Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 31 Dec 1999 23:59:59 GMT", "Saturday, 01-Jan-00 00:00:01 GMT"
	var all []appstest.Request
	for _, tag := range []string{tagOf5000, "W/" + tagOf5000, `"no"`, `"no", ` + tagOf5000, "*", `W/"app"`, `"app"`, `"app" , "x"`, "app", `"open`, ` ,, "app"`} {
		for _, field := range []string{"If-None-Match", "If-Match"} {
			all = append(all, appstest.Get("/?whole=5000", field, tag), appstest.Of("HEAD", "/?whole=5000", "", field, tag),
				appstest.Get("/?whole=5000", field, tag, "Accept-Encoding", "gzip"), appstest.Get("/?stream=2x10&length=1", field, tag, "X-Set", `ETag: "app"`),
				appstest.Of("HEAD", "/?stream=2x10", "", field, tag, "X-Set", `ETag: W/"app"`), appstest.Of("POST", "/?whole=5000", "", field, tag))
		}
	}
	for _, date := range []string{changed, before, after, "Sat Jan  1 00:00:00 2000", "Sat Jan 1 00:00:00 2000", "yesterday", "Sat, 32 Jan 2000 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 UTC"} {
		for _, field := range []string{"If-Modified-Since", "If-Unmodified-Since"} {
			all = append(all, appstest.Get("/?stream=2x10", field, date, "X-Set", "Last-Modified: "+changed),
				appstest.Get("/?whole=10", field, date, "X-Set", "Last-Modified: "+changed, "If-None-Match", `"no"`))
		}
		all = append(all, appstest.Get("/?whole=10", "If-Range", date, "Range", "bytes=1-2", "X-Set", "Last-Modified: "+changed))
	}
	return all
}

func ranges() []appstest.Request {
	var all []appstest.Request
	for _, asked := range []string{
		"bytes=0-0", "bytes=1-2", "bytes=5-", "bytes=-3", "bytes=-0", "bytes=0-99999", "bytes=5000-", "bytes=2-1", "bytes=a-1", "bytes=", "bytes=-", "BYTES=0-1", "lines=0-1",
		"bytes=0-1,3-4", "bytes=0-1, ,4-4 ,7-", "bytes=0-5,3-4", "bytes=4-5,0-1", "bytes=0-0,2-2,4-4,6-6", "bytes=9999999999999999999999-", "bytes=1-2-3", "bytes=0-1,90000-", "bytes=-99999", "0-1", "bytes 0-1",
	} {
		for _, target := range []string{"/?whole=5000", "/?whole=0", "/?stream=3x1000&length=1", "/?stream=3x1000", "/?stream=2x1000&length=1&late=1"} {
			all = append(all, appstest.Get(target, "Range", asked))
		}
		all = append(all, appstest.Of("HEAD", "/?whole=5000", "", "Range", asked), appstest.Of("POST", "/?whole=5000", "", "Range", asked), appstest.Get("/?whole=5000", "Range", asked, "Accept-Encoding", "gzip"),
			appstest.Get("/?whole=5000", "Range", asked, "X-Set", `ETag: "app"`, "If-Range", `"app"`), appstest.Get("/?whole=5000", "Range", asked, "X-Set", `ETag: "app"`, "If-Range", `W/"app"`))
	}
	return all
}

func encodings() []appstest.Request {
	var all []appstest.Request
	for _, accept := range []string{
		"gzip", "x-gzip", "GZIP;q=0.5", "gzip;q=0", "gzip;q=0.000, *", "*", "*;q=0", "identity;q=0", "identity;q=0, gzip;q=0", "br, zstd", "br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip;q=0.5, identity;q=0.9",
		"gzip ; q=1", "gzip;q=1.1", "gzip;q=2", "gzip;q", "gzip;q=0.1234", " , gzip ,", "deflate", "identity;q=0, br;q=0.1", "gzip;q=1.", "",
	} {
		for _, target := range []string{"/?whole=5000", "/?whole=10", "/?stream=3x1000", "/?stream=3x1000&length=1", "/?stream=3x1000&late=1", "/?type=image/png&whole=5000", "/?type=application/ld%2Bjson&whole=5000", "/?status=404&whole=5000", "/?status=206&whole=5000"} {
			all = append(all, appstest.Get(target, "Accept-Encoding", accept))
		}
		all = append(all, appstest.Of("HEAD", "/?whole=5000", "", "Accept-Encoding", accept))
	}
	return all
}

// others are of sessions, origins, clients, users, methods and bodies.
func others() []appstest.Request {
	var all []appstest.Request
	for _, cookies := range []string{"", "a=1; b=\"2\"; a=3; c; =d; e f=g; h=é", "session=junk", "session=" + strings.Repeat("x", 5000)} {
		for _, target := range []string{"/", "/?visit=1", "/?forget=1", "/?visit=1&forget=1", "/?visit=1&name=<%26>%22é"} {
			all = append(all, appstest.Get(target, "Cookie", cookies))
		}
	}
	all = append(all, appstest.Get("/?visit=1", "X-Set", "Set-Cookie: a=b"), appstest.Get("/?name="+strings.Repeat("x", 4000)))
	for _, origin := range []string{"https://example.org", "https://a.example.net", "https://example.net", "null"} {
		all = append(all, appstest.Get("/", "Origin", origin), appstest.Of("OPTIONS", "/", "", "Origin", origin))
		for _, method := range []string{"GET", "PUT", "put", "DELETE"} {
			for _, fields := range []string{"", "X-One", "x-one, X-Two", "Authorization"} {
				all = append(all, appstest.Of("OPTIONS", "/", "", "Origin", origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", fields))
			}
		}
	}
	for _, id := range []string{"abc-1", "a b", strings.Repeat("a", 128), strings.Repeat("a", 129), "é"} {
		all = append(all, appstest.Get("/", "X-Request-Id", id), from("203.0.113.1:80", appstest.Get("/", "X-Request-Id", id)), from(aProxy, appstest.Get("/", "X-Request-Id", id, "X-Forwarded-For", "203.0.113.1")))
	}
	for _, method := range []string{"PUT", "put", "DELETE", "GET", "POST", "x"} {
		all = append(all, appstest.Of("POST", "/", "", "X-HTTP-Method-Override", method), appstest.Get("/", "X-HTTP-Method-Override", method))
	}
	for _, n := range []int{1, 99, 100, 101, 5000} {
		body := strings.Repeat("b", n)
		chunked := appstest.Of("POST", "/?read=1", body)
		chunked.Chunked = true
		late := chunked
		late.Target = "/?whole=10"
		all = append(all, appstest.Of("POST", "/?read=1", body), chunked, late, appstest.Of("PUT", "/?whole=10", body))
	}
	all = append(all, forwarded()...)
	return append(all, authorizations()...)
}

func forwarded() []appstest.Request {
	var all []appstest.Request
	for _, list := range []string{
		"203.0.113.9", "203.0.113.9, 10.1.1.1", "10.1.1.1, 10.2.2.2", "junk, 10.1.1.1", "junk", "2001:db8::1", "[2001:db8::1]:80, 10.0.0.1", "203.0.113.9:8080", "::ffff:203.0.113.9", " , ,203.0.113.9", "fe80::1%eth0", "1.2.3.04", "1.2.3.4:99999",
	} {
		all = append(all, from(aProxy, appstest.Get("/", "X-Forwarded-For", list, "X-Forwarded-Proto", "http, HTTPS")))
	}
	for _, field := range []string{
		"for=203.0.113.9;proto=https", `for="[2001:db8::1]:4711";by=x, for=10.1.1.1`, "for=_hidden", "for=unknown, for=10.1.1.1;proto=http", "proto=https", "for=", "for=1.2.3.4;", "for=1.2.3.4,", `for="1.2.\3.4"`, `for="1.2.3.4`,
		"for=1.2.3.4 ; proto=h ttp", "for = 1.2.3.4", "For=1.2.3.4;Proto=HTTP", "for=2001:db8::1", ", for=1.2.3.4", `x="a\"b,c";for=1.2.3.4`, "=1.2.3.4",
	} {
		all = append(all, from(aProxy, appstest.Get("/", "Forwarded", field)))
	}
	says := []string{"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https", "Forwarded", "for=203.0.113.9;proto=https"}
	for _, peer := range []string{aProxy, "192.0.2.1:80", "[2001:db8::1]:80", "[fe80::1%eth0]:80", "[::1]:80"} {
		all = append(all, from(peer, appstest.Get("/", says...)), from(peer, appstest.Get("/")), from(peer, appstest.Get("/", "X-Forwarded-Proto", "https")))
	}
	all = append(all, appstest.Get("/", says...))
	return all
}

func authorizations() []appstest.Request {
	var all []appstest.Request
	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, field := range []string{
		"", "Basic", "Basic ", "Bearer x", basic("alice:open sesame"), basic("alice:open sesame"), "bAsIc  " + basic("alice:open sesame")[6:] + " ", basic("alice:wrong"), basic("alice"), basic("nobody:open sesame"),
		basic("bob b:secret"), basic("é:é"), basic(":"), basic("alice:\x01"), "Basic %%%", "Basic YWxpY2U", basic("alice:" + strings.Repeat("x", 500)), basic("long:" + strings.Repeat("p", 80)), basic("long:" + strings.Repeat("p", 72)),
	} {
		all = append(all, appstest.Get("/", "Authorization", field), appstest.Of("HEAD", "/", "", "Authorization", field))
	}
	return all
}

// special are further requests for one stack alone.
func special(stack string) []appstest.Request {
	var all []appstest.Request
	get := func(targets ...string) {
		for _, target := range targets {
			all = append(all, appstest.Get(target), appstest.Of("HEAD", target, ""))
		}
	}
	switch stack {
	case "limits":
		get("/?wait=900", "/?wait=1100", "/?stream=3x10&pause=900", "/?stream=3x10&pause=1100", "/?wait=900&stream=3x10&pause=900", "/?wait=1100&fail=1", "/?wait=900&fail=1")
	case "rate":
		for _, client := range []string{"192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.1", "junk"} {
			all = append(all, from(aProxy, appstest.Get("/?whole=10", "X-Forwarded-For", client)))
		}
	case "metrics":
		get("/metrics")
		all = append(all, appstest.Of("POST", "/metrics", ""))
	case "composed":
		for _, host := range []string{"example.org", "EXAMPLE.org:8080", "www.example.org"} {
			all = append(all, appstest.Get("/", "Host", host), appstest.Get("/x?whole=5000", "Host", host, "If-None-Match", tagOf5000), appstest.Of("HEAD", "/other?whole=5000", "", "Host", host))
		}
		get("/other", "/other/", "/others", "/suite/size", "/suite/hello/x", "/suite", "/suite/none")
		all = append(all, appstest.Get("/x?whole=2999", "Accept-Encoding", "gzip"), appstest.Get("/x?whole=3000", "Accept-Encoding", "gzip"))
	case "suite":
		for _, s := range suite.All() {
			get("/"+s.Name, "/"+s.Name+"/x?bytes=10", "/"+s.Name+"?x=1")
			all = append(all, appstest.Of("POST", "/"+s.Name, "a body"), appstest.Get("/"+s.Name, "Accept-Encoding", "gzip", "Cookie", "session=x", "X-Bench-3", "v", "Host", "h"))
		}
	}
	return all
}
