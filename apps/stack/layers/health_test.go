package layers_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

func init() {
	courses["health"] = func(testing.TB) course { return course{layer: layers.Health{}, app: text("hello")} }
}

// holdHealth compares what the path tells.
func holdHealth(t *testing.T, a apps.App, status int, want string) {
	t.Helper()
	r := appstest.Serve(t, a, appstest.Get("/healthz"))
	if expect(t, r, status, "Cache-Control", "no-store", "Content-Type", "text/plain"); r.Body() != want+"\n" {
		t.Errorf("%q, want %q", r.Body(), want)
	}
}

func TestHealth(t *testing.T) {
	down := filepath.Join(t.TempDir(), "down")
	a := wrap(t, text("hello"), layers.Health{DownFile: down})
	holdHealth(t, a, 503, "starting")
	life, end := context.WithCancel(t.Context())
	if err := a.(apps.Starter).Start(life); err != nil {
		t.Fatal(err)
	}
	holdHealth(t, a, 200, "ok")
	if err := os.WriteFile(down, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	holdHealth(t, a, 503, "down")
	os.Remove(down)
	holdHealth(t, a, 200, "ok")
	end()
	holdHealth(t, a, 503, "stopping")
	begin(t, a)() // again, until the stop
	holdHealth(t, a, 503, "stopping")
	defer begin(t, a)()
	expect(t, appstest.Serve(t, a, appstest.Of("POST", "/healthz", "")), 405, "Allow", "GET, HEAD")
	expect(t, appstest.Serve(t, a, appstest.Of("HEAD", "/healthz", "")), 200)
	for _, path := range []string{"/", "/healthz/", "/healthzz"} {
		if r := appstest.Serve(t, a, appstest.Get(path)); r.Body() != "hello" {
			t.Error(path, r)
		}
	}
}

func TestHealthChecks(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	var fault error
	a := wrap(t, text("hello"), layers.Health{Timeout: time.Millisecond, Checks: map[string]func(context.Context) error{
		"store": func(context.Context) error { return fault },
		"queue": func(context.Context) error { return fault },
		"slow": func(ctx context.Context) error {
			if fault == nil {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		},
		"good": func(context.Context) error { return nil },
	}})
	defer begin(t, a)()
	holdHealth(t, a, 200, "ok")
	fault = errors.New("password hunter2 is wrong")
	holdHealth(t, a, 503, "failed: queue, slow, store")
	if !strings.Contains(log.String(), "check=store") || !strings.Contains(log.String(), "hunter2") {
		t.Error(log.String())
	}
}

func TestHealthRefuses(t *testing.T) {
	refused(t, layers.Health{Path: "healthz"}, `path: "healthz" is no path`)
	refused(t, layers.Health{Path: "/a?b"}, `path: "/a?b" is no path`)
	refused(t, layers.Health{Checks: map[string]func(context.Context) error{"a": nil}}, `check "a" is nil`)
}

func TestHealthOverTheWire(t *testing.T) {
	onEngines(t, func(t *testing.T) apps.App {
		a := wrap(t, text("hello"), layers.Health{})
		t.Cleanup(begin(t, a))
		return a
	}, func(t *testing.T, url string) {
		res := ask(t, "GET", url+"/healthz")
		if hold(t, res, 200, "Cache-Control", "no-store"); read(t, res) != "ok\n" {
			t.Error("another body")
		}
	})
}
