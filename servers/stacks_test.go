package servers_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/layers"
	"github.com/benchctl/benchctl/apps/stack/paste"
	"github.com/benchctl/benchctl/apps/stack/suiteapps"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

const threeLayers = `
[composite:main]
use = egg:Paste#urlmap
/ = sized
/streamed = streamed

[pipeline:sized]
pipeline = headers compress egg:benchctl#etag size

[pipeline:streamed]
pipeline = known headers compress stream

[filter:known]
use = egg:benchctl#request-id
trust = true
networks = 127.0.0.1

[filter:headers]
use = egg:benchctl#headers
set = X-Frame-Options: DENY

[filter:compress]
use = egg:benchctl#compress
encodings = gzip

[app:size]
use = egg:benchctl#size
bytes = 5000

[app:stream]
use = egg:benchctl#stream
chunks = 3
`

// TestStackOverTheWire holds that WSGI servers reply with a stack of a file as net/http does, apart from the
// fields that are the server's own and the number of encoded bytes.
func TestStackOverTheWire(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "benchctl-stack-") // t.TempDir is not for servers with other rights
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	place := filepath.Join(dir, `it's a "place" $HOME {{.}} é`)
	ini := filepath.Join(place, "site.ini")
	for _, err := range []error{os.Chmod(dir, 0o755), os.Mkdir(place, 0o755), os.WriteFile(ini, []byte(threeLayers), 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	golang := serveInGo(t, ini)
	t.Run("servers", func(t *testing.T) { // so that the directory outlasts them
		for _, name := range []string{"gunicorn-sync", "waitress", "mod-wsgi", "uwsgi-http", "cheroot"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				python := serveStack(t, name, ini)
				for _, r := range wireRequests() {
					want, got := replyTo(t, golang, r), replyTo(t, python, r)
					if got != want {
						t.Errorf("%v:\n%s\nnet/http replies\n%s", r, got, want)
					}
				}
			})
		}
	})
}

// serveInGo serves a stack by net/http, and returns the address.
func serveInGo(t *testing.T, ini string) string {
	t.Helper()
	catalog := layers.Catalog()
	catalog.Sources = append(catalog.Sources, suiteapps.All()...)
	node, _, _, err := paste.Read(ini, "", catalog)
	if err != nil {
		t.Fatal(err)
	}
	app, err := stack.Build(node)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- nethttp.Serve(ctx, drain.New(ln), app) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

// serveStack serves a stack by a server of a manifest, and returns the address.
func serveStack(t *testing.T, name, ini string) string {
	t.Helper()
	choice, err := servers.Choose(all(t), []string{name})
	if err != nil {
		t.Fatal(err)
	}
	m := choice.Candidates[0].Server.Manifest
	for _, err := range []error{m.Check(t.Context()), m.CheckStacks(t.Context())} {
		if err != nil {
			t.Skip(err)
		}
	}
	log := filepath.Join(t.TempDir(), "log")
	dir, err := os.MkdirTemp("", "benchctl-launch-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p, address := start(t, name, servers.Launch{Dir: dir, Stack: ini + "#main", Workers: 2, Log: log})
	ready := func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
		if err != nil {
			return err
		}
		res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
		if err != nil {
			return err
		}
		return res.Body.Close()
	}
	if _, err := p.Ready(t.Context(), address, time.Minute, ready); err != nil {
		said, _ := os.ReadFile(log)
		t.Fatalf("%v\n%s", err, said)
	}
	return address
}

type wireRequest struct {
	method, target string
	fields         [2]string
}

func wireRequests() (all []wireRequest) {
	const tag = `"_hVJPqBozgzADC_NFPqmhA"`
	for _, method := range []string{"GET", "HEAD", "POST"} {
		for _, target := range []string{"/", "/?bytes=10", "/?bytes=0", "/?bytes=200000", "/any/path", "/streamed", "/streamed/x?chunks=1"} {
			for _, fields := range [][2]string{{}, {"Accept-Encoding", "gzip"}, {"Accept-Encoding", "identity;q=0"}, {"If-None-Match", tag}, {"If-Match", `"no"`}} {
				all = append(all, wireRequest{method, target, fields})
			}
		}
	}
	return all
}

// ownFields are those of a server, or of how a body is framed, which servers of HTTP/1.0 do by its end.
var ownFields = []string{"Date", "Server", "Connection", "Keep-Alive", "Content-Length", "Transfer-Encoding"}

// replyTo is what must be equal of a reply: status, fields, and decoded body.
func replyTo(t *testing.T, address string, r wireRequest) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.method, "http://"+address+r.target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.fields[0] != "" {
		req.Header.Set(r.fields[0], r.fields[1])
	}
	req.Header.Set("X-Request-Id", "abc") // which is taken of the peer that is known, and of no other
	client := http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}, Timeout: time.Minute}
	res, err := client.Do(req)
	if err != nil {
		t.Fatalf("%v: %v", r, err)
	}
	defer res.Body.Close()
	body := io.Reader(res.Body)
	if res.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(body); err != nil {
			t.Fatalf("%v: %v", r, err)
		}
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatalf("%v: %v", r, err)
	}
	var fields []string
	for name, values := range res.Header {
		if !slices.Contains(ownFields, name) {
			fields = append(fields, name+": "+strings.Join(values, " | "))
		}
	}
	slices.Sort(fields)
	return fmt.Sprintf("%d %q %d bytes, %.40q", res.StatusCode, fields, len(text), text)
}
