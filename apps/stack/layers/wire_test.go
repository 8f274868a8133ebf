package layers_test

import (
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// engines are those that layers are tried on over the wire: one of each kind.
var engines = []string{"nethttp", "fasthttp", "hertz-std", "gnet"}

// hang bounds waits that end by an event, unless something is broken.
const hang = time.Minute

// onEngines serves a on each engine and has try ask there.
func onEngines(t *testing.T, make func(t *testing.T) apps.App, try func(t *testing.T, url string)) {
	all, err := servers.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(all, func(s servers.Server) bool { return s.Name == name })
			try(t, start(t, all[i].Engine, make(t)))
		})
	}
}

// start serves a until the test ends. It returns the URL.
func start(t *testing.T, serve servers.Serve, a apps.App) string {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- serve(ctx, drain.New(inner), a) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "http://" + inner.Addr().String()
}

// ask sends a request with fields in pairs. The body of the reply is as it was sent.
func ask(t *testing.T, method, url string, fields ...string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	client := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	res, err := client.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		res.Body.Close()
	})
	return res
}

// decoded reads a body of a content coding.
func decoded(t testing.TB, coding string, body io.Reader) io.Reader {
	t.Helper()
	switch coding {
	case "":
		return body
	case "br":
		return brotli.NewReader(body)
	case "zstd":
		r, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		return r
	case "gzip":
		r, err := gzip.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	t.Fatalf("content coding %q", coding)
	return nil
}

// read reads a reply to its end, and undoes its content coding.
func read(t *testing.T, res *http.Response) string {
	t.Helper()
	if res.Request.Method == http.MethodHead {
		return ""
	}
	body, err := io.ReadAll(decoded(t, res.Header.Get("Content-Encoding"), res.Body))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// hold compares a reply over the wire. A wanted value of "" means that there is none.
func hold(t *testing.T, res *http.Response, status int, fields ...string) {
	t.Helper()
	if res.StatusCode != status {
		t.Errorf("status %d, want %d", res.StatusCode, status)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		if got := res.Header.Get(fields[i]); got != fields[i+1] {
			t.Errorf("%s: %q, want %q", fields[i], got, fields[i+1])
		}
	}
}
