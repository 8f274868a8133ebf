package gnet

import (
	"strings"
	"testing"

	"github.com/benchctl/benchctl/servers/servertest"
)

func TestServe(t *testing.T) {
	servertest.TestServe(t, Serve,
		servertest.Deviation{
			Case:   "S2 Host is that of a target in absolute form",
			Reason: "the codec passes on the field as it came",
		},
		servertest.Deviation{
			Case:   "S3 a body arrives while it is sent",
			Reason: "a body is kept whole before the app is called",
		},
	)
}

func TestMalformedRequests(t *testing.T) {
	const host = "Host: a\r\n"
	for text, status := range map[string]int{
		"GET /\r\n" + host + "\r\n":                                                             400,
		"GET / HTTP/1.1 \r\n" + host + "\r\n":                                                   400,
		"GET  / HTTP/1.1\r\n" + host + "\r\n":                                                   400,
		"GE T / HTTP/1.1\r\n" + host + "\r\n":                                                   400,
		"GET / HTTP/9.9\r\n" + host + "\r\n":                                                    505,
		"GET / http/1.1\r\n" + host + "\r\n":                                                    400,
		"GET no HTTP/1.1\r\n" + host + "\r\n":                                                   400,
		"GET /%zz HTTP/1.1\r\n" + host + "\r\n":                                                 400,
		"GET / HTTP/1.1\n" + host + "\r\n":                                                      400,
		"GET / HTTP/1.1\r\n\r\n":                                                                400,
		"GET / HTTP/1.1\r\n" + host + host + "\r\n":                                             400,
		"GET / HTTP/1.1\r\nHost: a b\r\n\r\n":                                                   400,
		"GET / HTTP/1.1\r\n" + host + "A : b\r\n\r\n":                                           400,
		"GET / HTTP/1.1\r\n" + host + "A: b\r\n c\r\n\r\n":                                      400,
		"GET / HTTP/1.1\r\n" + host + "A: b\rc\r\n\r\n":                                         400,
		"GET / HTTP/1.1\r\n" + host + "A: b\x00\r\n\r\n":                                        400,
		"GET / HTTP/1.1\r\n" + host + "A\r\n\r\n":                                               400,
		"GET / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n":                              400,
		"GET / HTTP/1.1\r\n" + host + "Content-Length: +1\r\n\r\n":                              400,
		"GET / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n":          400,
		"GET / HTTP/1.1\r\n" + host + "Content-Length: 99999999999\r\n\r\n":                     413,
		"GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n":                         501,
		"GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, gzip\r\n\r\n":                400,
		"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n":                                  400,
		"GET / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n": 400,
		"GET /" + strings.Repeat("a", maxLine) + " HTTP/1.1\r\n" + host + "\r\n":                414,
		"GET /" + strings.Repeat("a", maxLine+1):                                                414,
		"GET /" + strings.Repeat("a", maxHead) + " HTTP/1.1\r\nHo":                              414,
		strings.Repeat("\r\n", maxHead):                                                         400,
		"GET / HTTP/1.1\r\nA: " + strings.Repeat("a", maxHead):                                  431,
	} {
		var h head
		n, f := parse([]byte(text), &h)
		if f == nil || f.status != status || n != 0 && f == nil {
			t.Errorf("%.60q: %d, %v, want %d", text, n, f, status)
		}
	}
}

func TestRequests(t *testing.T) {
	for text, want := range map[string]head{
		"GET /a?b HTTP/1.1\r\nhost: x:1\r\n\r\n":                                         {method: "GET", path: "/a", query: "b", host: "x:1", minor: 1},
		"\r\nGET /a%20b HTTP/1.1\r\nHost: x\r\n\r\n":                                     {method: "GET", path: "/a b", host: "x", minor: 1},
		"GET http://x/a?b HTTP/1.1\r\nHost: x\r\n\r\n":                                   {method: "GET", path: "/a", query: "b", host: "x", minor: 1},
		"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n":                                       {method: "GET", path: "/", host: "x", minor: 1},
		"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n":                                          {method: "OPTIONS", path: "*", host: "x", minor: 1},
		"GET / HTTP/1.0\r\n\r\n":                                                         {method: "GET", path: "/", close: true},
		"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n":                               {method: "GET", path: "/"},
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: a, Close\r\n\r\n":                      {method: "GET", path: "/", host: "x", minor: 1, close: true},
		"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nExpect: 100-Continue\r\n\r\n": {method: "PUT", path: "/", host: "x", minor: 1, length: 7, expect: true},
		"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n":                {method: "PUT", path: "/", host: "x", minor: 1, length: -1},
	} {
		var h head
		n, f := parse([]byte(text+"rest"), &h)
		h.fields = nil
		if f != nil || n != len(text) || h.method != want.method || h.path != want.path || h.query != want.query || h.host != want.host ||
			h.minor != want.minor || h.length != want.length || h.close != want.close || h.expect != want.expect {
			t.Errorf("%q: %+v, %d of %d bytes, %v, want %+v", text, h, n, len(text), f, want)
		}
	}
}

// FuzzParse holds that no request panics, that more bytes after a whole head change
// nothing, and that what is not whole was not refused for being so.
func FuzzParse(f *testing.F) {
	f.Add("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	f.Add("POST /%41?x HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc")
	f.Add("GET http://a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		var h, again head
		n, refused := parse([]byte(text), &h)
		if n < 0 || n > len(text) || n > 0 && refused != nil && refused.status < 400 {
			t.Fatalf("%d of %d bytes, %v", n, len(text), refused)
		}
		if n == 0 || refused != nil {
			return
		}
		m, refused := parse([]byte(text[:n]), &again)
		if m != n || refused != nil || again.path != h.path || again.length != h.length {
			t.Fatalf("alone: %d, %v, %+v; with more: %d, %+v", m, refused, again, n, h)
		}
		if h.path == "" || h.path[0] != '/' && h.path != "*" {
			t.Fatalf("path %q", h.path)
		}
	})
}

// FuzzChunks holds that a chunked body is the same in whatever pieces it comes.
func FuzzChunks(f *testing.F) {
	f.Add("5\r\nhello\r\n0\r\n\r\n", 3)
	f.Add("1;a=b\r\nx\r\n00\r\nA: b\r\n\r\nrest", 1)
	f.Add("FFFFFFFFFFFFFFFF\r\n", 2)
	f.Fuzz(func(t *testing.T, text string, piece int) {
		if piece < 1 || len(text) > 4096 {
			return
		}
		var whole chunks
		n, body, refused := whole.take([]byte(text), nil)
		var c chunks
		var got, rest []byte
		taken := 0
		for at := 0; at < len(text) && !c.done; at += piece {
			rest = append(rest, text[at:min(at+piece, len(text))]...)
			k, out, f := c.take(rest, got)
			got, rest = out, rest[k:]
			if taken += k; f != nil {
				if refused == nil {
					t.Fatalf("in pieces: %v", f)
				}
				return
			}
		}
		if refused == nil && (string(got) != string(body) || taken != n || c.done != whole.done) {
			t.Fatalf("in pieces %q of %d, whole %q of %d", got, taken, body, n)
		}
	})
}
