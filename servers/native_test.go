package servers_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/process/drain"
	"github.com/benchctl/benchctl/servers/servertest"
)

// serving serves until the test ends, and returns the address.
func serving(t testing.TB, serve drain.Serve) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- drain.Run(ctx, drain.Config{}, serve, drain.New(ln)) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

// contract serves the suite on an engine.
func contract(s servers.Server) drain.Serve {
	mux := suite.Mux()
	return behind(s, func(ctx context.Context, ln *drain.Listener) error { return s.Engine(ctx, ln, mux) })
}

// behind is how a server serves behind what always stands before it.
func behind(s servers.Server, serve drain.Serve) drain.Serve {
	serve, err := s.Behind(nil, serve)
	if err != nil {
		panic(err)
	}
	return serve
}

// natives runs a test for each Go engine that is there.
func natives(t *testing.T, test func(*testing.T, servers.Server)) {
	for _, s := range all(t) {
		if s.Native == nil {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			if err := s.Check(t.Context()); err != nil {
				t.Skip(err)
			}
			if strings.HasPrefix(s.Name, "nbio") && underRace() {
				t.Skip("the engine has races of its own")
			}
			test(t, s)
		})
	}
}

// dial connects to a server, which may take no longer than a minute.
func dial(t testing.TB, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// ask sends a request that ends its connection, and returns the reply: the status line, the
// fields in order, without the time, and the body.
func ask(t *testing.T, address, request string) string {
	t.Helper()
	conn := dial(t, address)
	defer conn.Close()
	if _, err := io.WriteString(conn, strings.Replace(request, "\r\n", "\r\nConnection: close\r\n", 1)); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := bytes.Cut(text, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\r\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "Date: ") {
			lines[i] = "Date: now"
		}
	}
	slices.Sort(lines[1:])
	return strings.Join(lines, "\n") + "\n\n" + string(body)
}

// What an engine replies without the contract is what it replies with it, to the byte.
func TestNativeReplies(t *testing.T) {
	head := func(path string) string { return strings.Replace(servertest.Get(path), "GET", "HEAD", 1) }
	natives(t, func(t *testing.T, s servers.Server) {
		one, other := serving(t, contract(s)), serving(t, behind(s, s.Native))
		for _, request := range []string{
			servertest.Get("/hello"), head("/hello"), servertest.Get("/size"), servertest.Get("/size?bytes=100"), servertest.Get("/size?bytes=10000"),
			head("/size?bytes=10000"), servertest.Post("/upload?bytes=1000", strings.Repeat("a", 1000)), servertest.Post("/upload", strings.Repeat("b", 100000)),
		} {
			line, _, _ := strings.Cut(request, "\r\n")
			if want, got := ask(t, one, request), ask(t, other, request); got != want || !strings.HasPrefix(want, "HTTP/1.1 200 OK\n") {
				t.Errorf("%s: native\n%.500s\ncontract\n%.500s", line, got, want)
			}
		}
		for request, status := range map[string]string{
			servertest.Get("/size?bytes=0"): "400", servertest.Get("/size?byte=1"): "400", servertest.Post("/upload?bytes=x", "a"): "400", servertest.Get("/none"): "404",
		} {
			line, _, _ := strings.Cut(request, "\r\n")
			for _, address := range []string{one, other} {
				if got := ask(t, address, request); !strings.HasPrefix(got, "HTTP/1.1 "+status) {
					t.Errorf("%s: %.500s", line, got)
				}
			}
		}
	})
}

// Where a framework has a route for each app, all else goes to the app too, and what follows
// a route is not taken for it.
func TestRoutes(t *testing.T) {
	natives(t, func(t *testing.T, s servers.Server) {
		address := serving(t, contract(s))
		for line, want := range map[string][]string{
			"GET /hello":    {"200", "Hello, World!"},
			"POST /hello":   {"405", "method not allowed\n", "Allow: GET, HEAD"},
			"DELETE /hello": {"405", "method not allowed\n", "Allow: GET, HEAD"},
			"GET /upload":   {"405", "method not allowed\n", "Allow: POST"},
			"GET /hello/":   {"404", "not found\n"},
			"GET /HELLO":    {"404", "not found\n"},
			"GET /":         {"404", "not found\n"},
			"GET /hell":     {"404", "not found\n"},
		} {
			got := ask(t, address, line+" HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n")
			if !strings.HasPrefix(got, "HTTP/1.1 "+want[0]+" ") || !strings.HasSuffix(got, "\n\n"+want[1]) || len(want) > 2 && !strings.Contains(got, "\n"+want[2]+"\n") {
				t.Errorf("%s: %q", line, got)
			}
		}
	})
}

// A native candidate passes the gate for its apps.
func TestNativeGate(t *testing.T) {
	natives(t, func(t *testing.T, s servers.Server) {
		address := serving(t, behind(s, s.Native))
		for _, name := range []string{"hello", "size?bytes=10000", "upload?bytes=1000"} {
			app, err := suite.Parse(name)
			if err != nil {
				t.Fatal(err)
			}
			target := conform.Target{Address: address, Carries: suite.IsNative, HTTP2: s.Protocol == servers.H2C}
			if err := conform.Gated(conform.App(t.Context(), target, app)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// taxed are requests that compare the contract with native handlers.
var taxed = map[string]string{
	"hello":  servertest.Get("/hello"),
	"size":   servertest.Get("/size?bytes=10000"),
	"upload": servertest.Post("/upload?bytes=1000", strings.Repeat("a", 1000)),
}

// The contract adds no allocation to a request.
func TestContractAllocations(t *testing.T) {
	if underRace() {
		t.Skip("with the race detector pools forget at random")
	}
	natives(t, func(t *testing.T, s servers.Server) {
		for name, request := range taxed {
			native, own := allocations(t, behind(s, s.Native), request), allocations(t, contract(s), request)
			for range 5 { // what else goes on in this process allocates too
				if own < native+1 {
					break
				}
				native, own = min(native, allocations(t, behind(s, s.Native), request)), min(own, allocations(t, contract(s), request))
			}
			if own >= native+1 { // both are means, of pools that are filled anew now and then
				t.Errorf("%s: %.2f allocations, native %.2f", name, own, native)
			}
		}
	})
}

// allocations are those of a request in all of this process, on average.
func allocations(t *testing.T, serve drain.Serve, request string) (n float64) {
	t.Run("served", func(t *testing.T) {
		const runs = 500 // nginx ends a connection after 1000 requests
		roundTrip := servertest.RoundTrip(t, dial(t, serving(t, serve)), request)
		roundTrip()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			roundTrip()
		}
		runtime.ReadMemStats(&after)
		n = float64(after.Mallocs-before.Mallocs) / runs
	})
	return n
}

// BenchmarkContract is of each engine and app, by the contract and natively.
func BenchmarkContract(b *testing.B) {
	list, err := servers.All()
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range list {
		if s.Native == nil || s.Check(b.Context()) != nil {
			continue
		}
		for name, request := range taxed {
			for by, serve := range map[string]drain.Serve{"contract": contract(s), "native": behind(s, s.Native)} {
				b.Run(fmt.Sprintf("%s/%s/%s", s.Name, name, by), func(b *testing.B) {
					roundTrip := servertest.RoundTrip(b, dial(b, serving(b, serve)), request)
					b.ReportAllocs()
					for b.Loop() {
						roundTrip()
					}
				})
			}
		}
	}
}
