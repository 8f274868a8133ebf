package engine

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
	"github.com/benchctl/benchctl/scenarios"
)

// Every engine, with any number of requests in flight, finds the end of a reply
// however it is framed.
func TestFramings(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	type framing struct {
		method, reply string
		length        int64
		last          bool // the reply ends with the connection
	}
	framings := map[string]framing{
		"sized":           {"GET", ok + "Content-Length: 13\r\n\r\n" + loadtest.Hello, 13, false},
		"chunked":         {"GET", ok + "Transfer-Encoding: chunked\r\n\r\n6\r\nHello,\r\n7;x=y\r\n World!\r\n0\r\nX-Sum: 1\r\n\r\n", 13, false},
		"until close":     {"GET", ok + "\r\n" + loadtest.Hello, 13, true},
		"interim":         {"GET", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ok + "Content-Length: 13\r\n\r\n" + loadtest.Hello, 13, false},
		"no content":      {"GET", "HTTP/1.1 204 No Content\r\n\r\n", 0, false},
		"head, sized":     {"HEAD", ok + "Content-Length: 1000000\r\n\r\n", 0, false},
		"head, chunked":   {"HEAD", ok + "Transfer-Encoding: chunked\r\n\r\n", 0, false},
		"head, no length": {"HEAD", ok + "\r\n", 0, false},
		"head, closes":    {"HEAD", ok + "Connection: close\r\nContent-Length: 13\r\n\r\n", 0, true},
	}
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		for name, f := range framings {
			s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool { return loadtest.Says(f.reply)(c, n, "") && !f.last })
			c := loadtest.HelloConfig(s, 2)
			c.Targets[0].Method, c.Targets[0].Length, c.Targets[0].Status = f.method, f.length, 0
			c.Targets[0].Match = nil
			r := loadtest.SliceUntil(t, open, c, load.Window{Span: 30 * time.Millisecond}, func(r *load.Result) bool { return r.Counted > 0 && (r.Reconnects > 0 || !f.last) })
			if r.Errored() > 0 || r.Counted == 0 || f.last && r.Reconnects == 0 || !f.last && !kept(t, r, 0) {
				t.Errorf("%s: %v", name, loadtest.Summary(r))
			}
			s.Close()
		}
	})
	for _, depth := range loadtest.Depths()[1:] {
		for name, f := range framings {
			if f.last {
				continue // nothing can follow
			}
			s := loadtest.Serve(t, loadtest.Says(f.reply))
			c := loadtest.HelloConfig(s, 2)
			c.Targets[0].Method, c.Targets[0].Length, c.Targets[0].Status, c.Pipeline = f.method, f.length, 0, depth
			c.Targets[0].Match = nil
			if r := loadtest.SliceUntil(t, openers()[load.Raw], c, load.Window{Span: 30 * time.Millisecond}, loadtest.AnyCounted); r.Errored() > 0 || r.Counted == 0 {
				t.Errorf("%s, depth %d: %v", name, depth, loadtest.Summary(r))
			}
			s.Close()
		}
	}
}

// Requests with and without a body, sized or in chunks, arrive as they were meant.
func TestBodies(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 32 << 10, 32<<10 + 1, 300_000} {
		s := loadtest.Site(t)
		back := loadtest.Get("/back")
		back.Method, back.Body, back.Length = "POST", []byte(strings.Repeat("x", size)), int64(size)
		back.Match = func(_ int64, b []byte) bool { return strings.Trim(string(b), "x") == "" }
		chunked := back
		chunked.Chunked = true
		for name, open := range openers() {
			for _, depth := range loadtest.Depths() {
				if depth > 1 && name != load.Raw {
					continue
				}
				c := load.Config{Address: s.Address, Targets: []load.Target{back, chunked}, Load: scenarios.Load{Connections: 2, Pipeline: depth}}
				r := loadtest.SliceUntil(t, open, c, load.Window{Span: 30 * time.Millisecond}, func(r *load.Result) bool { return r.Answered >= 4 })
				if what := fmt.Sprintf("%s, depth %d, %d bytes", name, depth, size); r.Errored() > 0 || r.Answered < 4 || r.Reconnects > 0 {
					t.Errorf("%s: %v", what, loadtest.Summary(r))
				}
			}
		}
		s.Close()
	}
}
