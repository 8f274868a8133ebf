package lint_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// TestEngines has every engine serve apps of the suite without a breach, by either side.
func TestEngines(t *testing.T) {
	all, err := servers.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Engine == nil || s.Protocol == servers.H2C || s.Check(t.Context()) != nil {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			a, f := linted(t, suite.Mux())
			t.Cleanup(func() { f.hold(t, "") }) // after the stop
			url := start(t, s.Serve, a)
			for _, path := range []string{"/hello", "/json", "/size?bytes=100000", "/stream", "/headers", "/error", "/error?at=1", "/none"} {
				exchange(t, "GET", url+path, "")
			}
			exchange(t, "POST", url+"/echo", strings.Repeat("hello", 10000))
			exchange(t, "HEAD", url+"/hello", "")
		})
	}
}

func exchange(t *testing.T, method, url, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Errorf("%s: %v", url, err)
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
		if err := a.(apps.Stopper).Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return "http://" + inner.Addr().String()
}
