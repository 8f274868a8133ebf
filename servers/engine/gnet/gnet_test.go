package gnet

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/servers/process/drain"
	"github.com/benchctl/benchctl/servers/servertest"
)

func TestServe(t *testing.T) {
	servertest.TestServe(t, Serve,
		servertest.Deviation{
			Case:   "S3 a body arrives while it is sent",
			Reason: "a body is kept whole before the app is called",
		},
	)
}

// Requests, by the status that refuses each. Host is added where "{host}" stands.
var malformedRequests = map[string]int{
	// Request lines (RFC 9112 section 3).
	"GET /\r\n{host}\r\n":                 400,
	"GET / HTTP/1.1 \r\n{host}\r\n":       400,
	" GET / HTTP/1.1\r\n{host}\r\n":       400,
	"GET  / HTTP/1.1\r\n{host}\r\n":       400,
	"GET /  HTTP/1.1\r\n{host}\r\n":       400,
	"GET\t/ HTTP/1.1\r\n{host}\r\n":       400,
	"GET / and HTTP/1.1\r\n{host}\r\n":    400,
	"GE T / HTTP/1.1\r\n{host}\r\n":       400,
	"GE(T / HTTP/1.1\r\n{host}\r\n":       400,
	"G\xc3\x89T / HTTP/1.1\r\n{host}\r\n": 400,
	"G\x00T / HTTP/1.1\r\n{host}\r\n":     400,
	" / HTTP/1.1\r\n{host}\r\n":           400,
	"GET / HTTP/1.1\n{host}\r\n":          400,
	"\nGET / HTTP/1.1\r\n{host}\r\n":      400,
	"\rGET / HTTP/1.1\r\n{host}\r\n":      400,
	"GET / HTTP/1.1\r\r\n{host}\r\n":      400,

	// Versions (RFC 9112 section 2.3).
	"GET / HTTP/9.9\r\n{host}\r\n":     505,
	"GET / HTTP/2.0\r\n{host}\r\n":     505,
	"GET / HTTP/0.9\r\n{host}\r\n":     505,
	"GET / http/1.1\r\n{host}\r\n":     400,
	"GET / HTTP/1.1x\r\n{host}\r\n":    400,
	"GET / HTTP/257.1\r\n{host}\r\n":   400,
	"GET / HTTP/1.01\r\n{host}\r\n":    400,
	"GET / HTTP/1.\r\n{host}\r\n":      400,
	"GET / HTTP/1\r\n{host}\r\n":       400,
	"GET / HTTP/x.1\r\n{host}\r\n":     400,
	"GET / HTTP/1,1\r\n{host}\r\n":     400,
	"GET / HTTP/1.1\x00\r\n{host}\r\n": 400,
	"GET / ICY/1.1\r\n{host}\r\n":      400,

	// Targets (RFC 9112 section 3.2, RFC 3986).
	"GET no HTTP/1.1\r\n{host}\r\n":          400,
	"GET * HTTP/1.1\r\n{host}\r\n":           400,
	"GET /%zz HTTP/1.1\r\n{host}\r\n":        400,
	"GET /%4 HTTP/1.1\r\n{host}\r\n":         400,
	"GET /?%zz HTTP/1.1\r\n{host}\r\n":       400,
	"GET /a#b HTTP/1.1\r\n{host}\r\n":        400,
	"GET /a\"b HTTP/1.1\r\n{host}\r\n":       400,
	"GET /a\x00b HTTP/1.1\r\n{host}\r\n":     400,
	"GET /a\rb HTTP/1.1\r\n{host}\r\n":       400,
	"GET /a\x7fb HTTP/1.1\r\n{host}\r\n":     400,
	"GET /\xc3\xa9 HTTP/1.1\r\n{host}\r\n":   400,
	"GET https://a/ HTTP/1.1\r\n{host}\r\n":  400,
	"GET http:///a HTTP/1.1\r\n{host}\r\n":   400,
	"GET http:// HTTP/1.1\r\n{host}\r\n":     400,
	"GET http://a@b/ HTTP/1.1\r\n{host}\r\n": 400,
	"CONNECT a:80 HTTP/1.1\r\n{host}\r\n":    400,
	"OPTIONS *a HTTP/1.1\r\n{host}\r\n":      400,

	// Hosts (RFC 9112 section 3.2).
	"GET / HTTP/1.1\r\n\r\n":                           400,
	"GET / HTTP/1.2\r\n\r\n":                           400,
	"GET / HTTP/1.1\r\n{host}{host}\r\n":               400,
	"GET / HTTP/1.1\r\nHost: a b\r\n\r\n":              400,
	"GET / HTTP/1.1\r\nHost: a,b\r\nHost: a,b\r\n\r\n": 400,
	"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n":              400,
	"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n":              400,
	"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n":              400,
	"GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n":            400,
	"GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n":             400,
	"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n":             400,
	"GET / HTTP/1.1\r\nHost: [a]\r\n\r\n":              400,
	"GET / HTTP/1.1\r\nHost: [::1]80\r\n\r\n":          400,
	"GET / HTTP/1.1\r\nHost: [fe80::1%eth0]\r\n\r\n":   400,
	"GET / HTTP/1.1\r\nHost: a\xc3\xa9\r\n\r\n":        400,
	"GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n":      400,

	// Field lines (RFC 9112 section 5).
	"GET / HTTP/1.1\r\n{host}A : b\r\n\r\n":        400,
	"GET / HTTP/1.1\r\n{host}A\t: b\r\n\r\n":       400,
	"GET / HTTP/1.1\r\n A: b\r\n{host}\r\n":        400,
	"GET / HTTP/1.1\r\n{host}A: b\r\n c\r\n\r\n":   400,
	"GET / HTTP/1.1\r\n{host}A: b\r\n\tc\r\n\r\n":  400,
	"GET / HTTP/1.1\r\n{host}A\r\n\r\n":            400,
	"GET / HTTP/1.1\r\n{host}: b\r\n\r\n":          400,
	"GET / HTTP/1.1\r\n{host}A(: b\r\n\r\n":        400,
	"GET / HTTP/1.1\r\n{host}A\xc3\xa9: b\r\n\r\n": 400,
	"GET / HTTP/1.1\r\n{host}A\x00: b\r\n\r\n":     400,
	"GET / HTTP/1.1\r\n{host}A: b\x00\r\n\r\n":     400,
	"GET / HTTP/1.1\r\n{host}A: b\x7f\r\n\r\n":     400,
	"GET / HTTP/1.1\r\n{host}A: b\rc\r\n\r\n":      400,
	"GET / HTTP/1.1\r\n{host}A: b\r\r\n\r\n":       400,
	"GET / HTTP/1.1\r\n{host}A: b\nC: d\r\n\r\n":   400,
	"GET / HTTP/1.1\r\n{host}A: b\n\n":             400, // and no end
	"GET / HTTP/1.1\r\n{host}A: b\n\r\n":           400,
	"GET / HTTP/1.1\r\n{host}\n":                   400,
	"GET / HTTP/1.1\r\n{host}A: b\r\rGET":          400,

	// Lengths (RFC 9112 section 6.2).
	"GET / HTTP/1.1\r\n{host}Content-Length: -1\r\n\r\n":                     400,
	"GET / HTTP/1.1\r\n{host}Content-Length: +1\r\n\r\n":                     400,
	"GET / HTTP/1.1\r\n{host}Content-Length: 0x2\r\n\r\n":                    400,
	"GET / HTTP/1.1\r\n{host}Content-Length: 0_2\r\n\r\n":                    400,
	"GET / HTTP/1.1\r\n{host}Content-Length: 2,3\r\n\r\n":                    400,
	"GET / HTTP/1.1\r\n{host}Content-Length: 2 2\r\n\r\n":                    400,
	"GET / HTTP/1.1\r\n{host}Content-Length: 2.0\r\n\r\n":                    400,
	"GET / HTTP/1.1\r\n{host}Content-Length:\r\n\r\n":                        400,
	"GET / HTTP/1.1\r\n{host}Content-Length: \xd9\xa2\r\n\r\n":               400, // a digit, in Arabic
	"GET / HTTP/1.1\r\n{host}Content-Length: 18446744073709551618\r\n\r\n":   400, // 2 more than 64 bits hold
	"GET / HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\n": 400,
	"GET / HTTP/1.1\r\n{host}Content-Length: 99999999999\r\n\r\n":            413,

	// Encodings (RFC 9112 sections 6.1 and 6.3).
	"GET / HTTP/1.1\r\n{host}Transfer-Encoding: gzip\r\n\r\n":                                  501,
	"GET / HTTP/1.1\r\n{host}Transfer-Encoding: xchunked\r\n\r\n":                              501,
	"GET / HTTP/1.1\r\n{host}Transfer-Encoding: gzip, chunked\r\n\r\n":                         501,
	"GET / HTTP/1.1\r\n{host}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n":    501,
	"GET / HTTP/1.1\r\n{host}Transfer-Encoding: identity\r\n\r\n":                              501,
	"GET / HTTP/1.1\r\n{host}Transfer-Encoding: chunked, gzip\r\n\r\n":                         400,
	"GET / HTTP/1.1\r\n{host}Transfer-Encoding: chunked, chunked\r\n\r\n":                      400,
	"GET / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n": 400,
	"GET / HTTP/1.1\r\n{host}Transfer-Encoding: ,chunked\r\n\r\n":                              400,
	"GET / HTTP/1.1\r\n{host}Transfer-Encoding: chunked,\r\n\r\n":                              400,
	"GET / HTTP/1.1\r\n{host}Transfer-Encoding:\r\n\r\n":                                       400,
	"GET / HTTP/1.1\r\n{host}Transfer-Encoding: chunked;a=b\r\n\r\n":                           400,
	"GET / HTTP/1.1\r\n{host}Transfer-Encoding: \x0bchunked\r\n\r\n":                           400,
	"GET / HTTP/1.1\r\n{host}Transfer-Encoding: \"chunked\"\r\n\r\n":                           400,
	"GET / HTTP/1.1\r\n{host}Transfer-Encoding: chun ked\r\n\r\n":                              400,
	"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n":                                     400,
	"GET / HTTP/1.1\r\n{host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n":          400,

	// Bounds.
	"GET /" + strings.Repeat("a", maxLine) + " HTTP/1.1\r\n{host}\r\n": 414,
	"GET /" + strings.Repeat("a", maxLine+1):                           414,
	"GET /" + strings.Repeat("a", maxHead) + " HTTP/1.1\r\nHo":         414,
	strings.Repeat("\r\n", maxHead):                                    400,
	"GET / HTTP/1.1\r\nA: " + strings.Repeat("a", maxHead):             431,
}

func withHost(text string) string { return strings.ReplaceAll(text, "{host}", "Host: a\r\n") }

func TestMalformedRequests(t *testing.T) {
	for text, status := range malformedRequests {
		var h head
		if _, f := parse([]byte(withHost(text)), &h); f == nil || f.status != status {
			t.Errorf("%.90q: %v, want %d", text, f, status)
		}
	}
}

// A head that has not come to its end is waited for.
func TestUnfinishedRequests(t *testing.T) {
	const text = "\r\nPUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"
	for n := range len(text) {
		var h head
		if n, f := parse([]byte(text[:n]), &h); n != 0 || f != nil {
			t.Errorf("%q: %d, %v", text[:n], n, f)
		}
	}
}

func TestRequests(t *testing.T) {
	for text, want := range map[string]head{
		"GET /a?b HTTP/1.1\r\nhost: x:1\r\n\r\n":                                              {method: "GET", path: "/a", query: "b", host: "x:1", minor: 1},
		"\r\nGET /a%20b HTTP/1.1\r\nHost: x\r\n\r\n":                                          {method: "GET", path: "/a b", host: "x", minor: 1},
		"GET http://x/a?b HTTP/1.1\r\nHost: x\r\n\r\n":                                        {method: "GET", path: "/a", query: "b", host: "x", minor: 1},
		"GET HTTP://x:80/a HTTP/1.1\r\nHost: y\r\n\r\n":                                       {method: "GET", path: "/a", host: "x:80", minor: 1},
		"GET http://x?b HTTP/1.1\r\nHost: x\r\n\r\n":                                          {method: "GET", path: "/", query: "b", host: "x", minor: 1},
		"get /a HTTP/1.1\r\nHost:\r\n\r\n":                                                    {method: "get", path: "/a", minor: 1},
		"GET /%41/-._~!$&'()*+,;=:@?a/?%20 HTTP/1.9\r\nHost: [::1]:80\r\n\r\n":                {method: "GET", path: "/A/-._~!$&'()*+,;=:@", query: "a/?%20", host: "[::1]:80", minor: 1},
		"!#$%&'*+-.^_`|~ // HTTP/1.1\r\nHost: a%41.b:\r\n!#$%&'*+-.^_`|~: \xc3\xa9\t\r\n\r\n": {method: "!#$%&'*+-.^_`|~", path: "//", host: "a%41.b:", minor: 1},
		"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 02\r\nContent-Length: 2\r\n\r\n":        {method: "PUT", path: "/", host: "x", minor: 1, length: 2},
		"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n":                                            {method: "GET", path: "/", host: "x", minor: 1},
		"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n":                                               {method: "OPTIONS", path: "*", host: "x", minor: 1},
		"GET / HTTP/1.0\r\n\r\n":                                                              {method: "GET", path: "/", close: true},
		"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n":                                    {method: "GET", path: "/"},
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: a, Close\r\n\r\n":                           {method: "GET", path: "/", host: "x", minor: 1, close: true},
		"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nExpect: 100-Continue\r\n\r\n":      {method: "PUT", path: "/", host: "x", minor: 1, length: 7, expect: true},
		"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n":                     {method: "PUT", path: "/", host: "x", minor: 1, length: -1},
	} {
		var h head
		n, f := parse([]byte(text+"rest"), &h)
		host := h.header("Host")
		if f != nil || n != len(text) || h.method != want.method || h.path != want.path || h.query != want.query || host != want.host ||
			h.minor != want.minor || h.length != want.length || h.close != want.close || h.expect != want.expect {
			t.Errorf("%q: %+v, %d of %d bytes, %v, want %+v", text, h, n, len(text), f, want)
		}
	}
}

// Chunked bodies, by the status that refuses each.
var malformedChunks = map[string]int{
	// Sizes (RFC 9112 section 7.1).
	"0x2\r\nab\r\n":                     400,
	"+2\r\nab\r\n":                      400,
	"-2\r\nab\r\n":                      400,
	"0_2\r\nab\r\n":                     400,
	"2x\r\nab\r\n":                      400,
	" 2\r\nab\r\n":                      400,
	"2 \r\nab\r\n":                      400,
	"\t2\r\nab\r\n":                     400,
	"2\t\r\nab\r\n":                     400,
	"2\r\n \r\n":                        400,
	"\r\n2\r\nab\r\n":                   400,
	";a\r\nab\r\n":                      400,
	"2.0\r\nab\r\n":                     400,
	"\xd9\xa2\r\nab\r\n":                400, // a digit, in Arabic
	"2\x00\r\nab\r\n":                   400,
	"10000000000000002\r\nab":           400, // 2 more than 64 bits hold
	"8000000000000002\r\nab":            400, // 2 more than a signed number holds
	"7fffffffffffffff\r\nab":            413,
	"4000001\r\na":                      413,
	"1\r\na\r\n4000000\r\na":            413,
	strings.Repeat("0", maxChunkLine+1): 400,

	// Line ends.
	"2\nab\r\n":        400,
	"2\rab\r\n":        400,
	"2\r\r\nab\r\n":    400,
	"2;a\nab\r\n":      400,
	"2\r\nab\n":        400,
	"2\r\nab\rx":       400,
	"2\r\nabc":         400, // at once
	"2\r\nabc\r\n":     400,
	"3\r\nab\r\n0\r\n": 400,
	"0\r\n\n":          400,
	"0\n\n":            400,
	"0\r\n\rx":         400,

	// Extensions (RFC 9112 section 7.1.1).
	"2;a\x00\r\nab\r\n":                      400,
	"2;\x00=a\r\nab\r\n":                     400,
	"2;a=\x00\r\nab\r\n":                     400,
	"2;a=\"\x00\"\r\nab\r\n":                 400,
	"2;a\rb\r\nab\r\n":                       400,
	"2;a=\"\r\"\r\nab\r\n":                   400,
	"2;a=\"\n\"\r\nab\r\n":                   400,
	"2;a=\"\r\n\"\r\nab\r\n":                 400,
	"2;\r\nab\r\n":                           400,
	"2;;a\r\nab\r\n":                         400,
	"2;a;\r\nab\r\n":                         400,
	"2;a=\r\nab\r\n":                         400,
	"2;a =\r\nab\r\n":                        400,
	"2;a b\r\nab\r\n":                        400,
	"2;a \r\nab\r\n":                         400,
	"2;a=b \r\nab\r\n":                       400,
	"2;=b\r\nab\r\n":                         400,
	"2;a=b=c\r\nab\r\n":                      400,
	"2;a=(\r\nab\r\n":                        400,
	"2;a=\"b\r\nab\r\n":                      400,
	"2;a=\"b\\\r\nab\r\n":                    400,
	"2;a=\"b\\\"\r\nab\r\n":                  400,
	"2;a=\"\\\x00\"\r\nab\r\n":               400,
	"2;a=\"b\"c\r\nab\r\n":                   400,
	"2,a\r\nab\r\n":                          400,
	"0;\x7f\r\n\r\n":                         400,
	"2;" + strings.Repeat("a", maxChunkLine): 400,

	// Trailers (RFC 9112 section 7.1.2).
	"0\r\nA\r\n\r\n":                                        400,
	"0\r\n: b\r\n\r\n":                                      400,
	"0\r\nA : b\r\n\r\n":                                    400,
	"0\r\n A: b\r\n\r\n":                                    400,
	"0\r\nA: b\r\n c\r\n\r\n":                               400,
	"0\r\nA(: b\r\n\r\n":                                    400,
	"0\r\nA\xc3\xa9: b\r\n\r\n":                             400,
	"0\r\nA\x00: b\r\n\r\n":                                 400,
	"0\r\nA: b\x00\r\n\r\n":                                 400,
	"0\r\nA: b\x7f\r\n\r\n":                                 400,
	"0\r\nA: b\rc\r\n\r\n":                                  400,
	"0\r\nA: b\nC: d\r\n\r\n":                               400,
	"0\r\nGET / HTTP/1.1\r\n\r\n":                           400,
	"0\r\nA: " + strings.Repeat("a", maxChunkLine) + "\r\n": 400,
	"0\r\n" + strings.Repeat("A: "+strings.Repeat("a", 1000)+"\r\n", 10) + "\r\n": 431,
}

func TestMalformedChunks(t *testing.T) {
	for text, status := range malformedChunks {
		var c chunks
		n, body, f := c.take([]byte(text), nil)
		if f == nil || f.status != status {
			t.Errorf("%.60q: %d bytes taken, body %.20q, %v, want %d", text, n, body, f, status)
		}
	}
}

func TestChunks(t *testing.T) {
	for text, want := range map[string]string{
		"2\r\nab\r\n0\r\n\r\n": "ab",
		"0\r\n\r\n":            "",
		"000\r\n\r\n":          "",
		strings.Repeat("0", 100) + "2\r\nab\r\n0\r\n\r\n":       "ab",
		"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n":       "01234567890123456789",
		"2\r\n\r\n\r\n0\r\n\r\n":                                "\r\n",
		"2;a\r\nab\r\n0;b\r\n\r\n":                              "ab",
		"2;a=b;c=\"d;\t\\\"\xc3\xa9\"\r\nab\r\n0\r\n\r\n":       "ab",
		"2 ; a = b\t;\tc\t=\t\"\"\r\nab\r\n0\r\n\r\n":           "ab",
		"2\r\nab\r\n0\r\nA: b\r\nC:\r\nD: \xc3\xa9\t\"\r\n\r\n": "ab",
	} {
		var c chunks
		n, body, f := c.take([]byte(text+"rest"), nil)
		if f != nil || !c.done || n != len(text) || string(body) != want {
			t.Errorf("%.60q: %q, %d of %d bytes, %v, want %q", text, body, n, len(text), f, want)
		}
	}
}

// What a refusal says goes over the wire, and the connection ends: a request that
// follows has no answer.
func TestRefusalsEndTheConnection(t *testing.T) {
	address := serve(t)
	chunked := "POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n"
	all := maps.Clone(malformedRequests)
	for text, status := range malformedChunks {
		all[chunked+text] = status
	}
	for text, status := range all {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		if _, err := io.WriteString(conn, withHost(text)); err != nil {
			t.Errorf("%.90q: %v", text, err)
		}
		_, _ = io.WriteString(conn, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") // which may be too late
		got, err := io.ReadAll(conn)
		begins := fmt.Sprintf("HTTP/1.1 %d ", status)
		if err != nil || !strings.HasPrefix(string(got), begins) || strings.Count(string(got), "HTTP/1.1 ") != 1 || !strings.Contains(string(got), "\r\nConnection: close\r\n") {
			t.Errorf("%.90q: %q, %v, want %s and the end", text, got, err, begins)
		}
		conn.Close()
	}
}

// serve serves an app that answers anything.
func serve(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, drain.New(ln), apps.Func(func(_ apps.Request, res apps.Response) error { return res.Reply(200, []byte("app")) }))
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
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

// FuzzLikeNetHTTP holds that a request which both this codec and net/http take is the
// same to both, and ends where the other says: else one could be hidden in another
// (RFC 9112 section 11.2).
func FuzzLikeNetHTTP(f *testing.F) {
	for text := range malformedRequests {
		if len(text) < 1000 {
			f.Add(withHost(text) + "rest")
		}
	}
	for text := range malformedChunks {
		if len(text) < 1000 {
			f.Add("POST /a?b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + text + "\r\n0\r\n\r\nrest")
		}
	}
	f.Add("POST /a%20b?c HTTP/1.1\r\nHost: a:1\r\nTransfer-Encoding: chunked\r\n\r\n2;a=\"b\"\r\nab\r\n0\r\nA: b\r\n\r\nrest")
	f.Add("GET http://b HTTP/1.0\r\n\r\nrest")
	f.Add("PUT http://b/a HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\nabrest")
	f.Fuzz(func(t *testing.T, text string) {
		var h head
		body, rest, ok := whole(text, &h)
		if !ok {
			return
		}
		r := bufio.NewReader(strings.NewReader(text))
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		theirs, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		left, _ := io.ReadAll(r)
		if h.method != req.Method || h.path != req.URL.Path && req.URL.Path != "" || h.query != req.URL.RawQuery || h.header("Host") != req.Host {
			t.Errorf("%s %q ? %q of %q, net/http: %s %q ? %q of %q", h.method, h.path, h.query, h.header("Host"), req.Method, req.URL.Path, req.URL.RawQuery, req.Host)
		}
		if string(body) != string(theirs) || rest != string(left) {
			t.Errorf("body %q and then %q, net/http: %q and %q", body, rest, theirs, left)
		}
		for name, values := range req.Header {
			if h.header(name) != values[0] {
				t.Errorf("%s is %q, net/http: %q", name, h.header(name), values[0])
			}
		}
	})
}

// whole takes the request that text begins with, and returns its body and what
// follows.
func whole(text string, h *head) (body []byte, rest string, ok bool) {
	n, f := parse([]byte(text), h)
	if n == 0 || f != nil {
		return nil, "", false
	}
	text = text[n:]
	if h.length >= 0 {
		if int64(len(text)) < h.length {
			return nil, "", false
		}
		return []byte(text[:h.length]), text[h.length:], true
	}
	var c chunks
	n, body, f = c.take([]byte(text), nil)
	return body, text[n:], c.done && f == nil
}
