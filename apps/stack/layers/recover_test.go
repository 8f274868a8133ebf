package layers_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

func init() {
	courses["recover"] = func(testing.TB) course {
		return course{layer: layers.Recover{Log: slog.New(slog.DiscardHandler)}, app: text("hello")}
	}
}

// panicking panics with a value at a place.
type panicking struct {
	at    string
	value any
}

func (p panicking) Serve(_ apps.Request, res apps.Response) error {
	switch p.at {
	case "serve":
		panic(p.value)
	case "answered":
		if err := res.Reply(200, nil); err != nil {
			return err
		}
		panic(p.value)
	}
	return res.Stream(200, &panickingBody{panicking: p})
}

type panickingBody struct {
	panicking
	blocks int
}

func (b *panickingBody) Next() ([]byte, error) {
	if b.blocks++; b.blocks == 1 {
		return []byte("first"), nil
	}
	if b.at == "next" {
		panic(b.value)
	}
	return nil, io.EOF
}

func (b *panickingBody) Close() error {
	if b.at == "close" {
		panic(b.value)
	}
	return nil
}

func TestRecover(t *testing.T) {
	cause := errors.New("the cause")
	for _, at := range []string{"serve", "answered", "next", "close"} {
		for _, isError := range []bool{false, true} {
			var value any = "no error"
			if isError {
				value = cause
			}
			var log bytes.Buffer
			a := wrap(t, panicking{at, value}, layers.Recover{Log: slog.New(slog.NewTextHandler(&log, nil))})
			r := appstest.Ask(a, appstest.Get("/way?a=b"))
			told := ""
			if r.Err != nil {
				told = r.Err.Error()
			}
			if at == "close" {
				told = strings.TrimPrefix(r.Broken, "close: ")
			}
			want := "panic: no error"
			if isError {
				want = "panic: the cause"
			}
			if told != want || isError && at != "close" && !errors.Is(r.Err, cause) {
				t.Errorf("%s: %v, want %s", at, r, want)
			}
			where := map[string]string{"answered": "serve"}[at]
			if where == "" {
				where = at
			}
			for _, part := range []string{"level=ERROR", want, "in=" + where, "method=GET", "path=/way", "recover_test.go:"} {
				if !strings.Contains(log.String(), part) || strings.Count(log.String(), "\n") != 1 {
					t.Errorf("%s: log %q, want %q", at, log.String(), part)
				}
			}
		}
	}
}

func TestRecoverDefaultLog(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	a := wrap(t, panicking{"serve", "loud"}, layers.Recover{})
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	if r := appstest.Ask(a, appstest.Get("/")); r.Err == nil || !strings.Contains(log.String(), "loud") {
		t.Error(r, log.String())
	}
}

func TestRecoverOverTheWire(t *testing.T) {
	quiet := layers.Recover{Log: slog.New(slog.DiscardHandler)}
	onEngines(t, func(t *testing.T) apps.App {
		return apps.Func(func(req apps.Request, res apps.Response) error {
			return wrap(t, panicking{req.Path()[1:], "loud"}, quiet).Serve(req, res)
		})
	}, func(t *testing.T, url string) {
		hold(t, ask(t, "GET", url+"/serve"), 500)
		if body, err := io.ReadAll(ask(t, "GET", url+"/next").Body); err == nil {
			t.Errorf("a stream that panicked looks complete: %q", body)
		}
		if body := read(t, ask(t, "GET", url+"/none")); body != "first" {
			t.Errorf("%q", body)
		}
	})
}
