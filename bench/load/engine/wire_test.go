package engine

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
	"github.com/benchctl/benchctl/scenarios"
)

// wired are replies whose bytes are all to be counted: framing, interim replies, folded
// fields and trailers, and no body where there is none.
var wired = []struct{ name, method, reply string }{
	{"sized", http.MethodGet, loadtest.HelloReply},
	{"chunked", http.MethodGet, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nHello\r\n8\r\n, World!\r\n0\r\nA: b\r\n\r\n"},
	{"interim", http.MethodGet, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + loadtest.HelloReply},
	{"folded", http.MethodGet, "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 13\r\n\r\n" + loadtest.Hello},
	{"head", http.MethodHead, "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n"},
	{"large", http.MethodGet, "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("x", 300_000)},
}

// Every byte of the counted replies is counted, known or read, in whatever pieces it
// comes; an engine that can't see them says nothing.
func TestWireBytes(t *testing.T) {
	t.Parallel()
	for name, open := range openers() {
		for _, w := range wired {
			t.Run(name+"/"+w.name, func(t *testing.T) {
				c := load.Config{Address: loadtest.Serve(t, halves(w.reply)).Address, Targets: []load.Target{loadtest.Get("/")}, Load: scenarios.Load{Connections: 2}}
				c.Targets[0].Method = w.method
				r := loadtest.SliceUntil(t, open, c, load.Window{Span: 20 * time.Millisecond}, func(r *load.Result) bool { return r.Counted > 3 })
				checkWire(t, name, r, len(w.reply))
			})
		}
	}
}

// A reply that goes until the end of the connection is all that came.
func TestWireBytesUntilTheEnd(t *testing.T) {
	t.Parallel()
	const reply = "HTTP/1.0 200 OK\r\n\r\n" + loadtest.Hello
	for name, open := range openers() {
		s := loadtest.Serve(t, func(c net.Conn, n int, _ string) bool {
			loadtest.Says(reply)(c, n, "")
			return false
		})
		r := loadtest.SliceUntil(t, open, loadtest.HelloConfig(s, 2), load.Window{Span: 20 * time.Millisecond}, loadtest.AnyCounted)
		checkWire(t, name, r, len(reply))
	}
}

// halves sends every other reply of a connection in two pieces.
func halves(reply string) loadtest.Reply {
	return func(c net.Conn, n int, _ string) bool {
		if n%2 == 0 {
			return loadtest.Says(reply)(c, n, "")
		}
		for _, half := range []string{reply[:len(reply)/2], reply[len(reply)/2:]} {
			if !loadtest.Says(half)(c, n, "") {
				return false
			}
			time.Sleep(time.Millisecond) // so that they are read apart, most of them
		}
		return true
	}
}

func checkWire(t *testing.T, engine string, r *load.Result, length int) {
	t.Helper()
	want := r.Counted * uint64(length)
	if engine == load.Vegeta {
		want = 0
	}
	if r.Counted == 0 || r.WireIn != want {
		t.Errorf("%s: %d bytes of %d replies of %d: %v", engine, r.WireIn, r.Counted, length, loadtest.Summary(r))
	}
}
