package layers_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

func init() {
	courses["timeout"] = func(testing.TB) course {
		return course{layer: layers.Timeout{After: time.Hour}, app: text("hello")}
	}
}

// waiting waits for a time in Serve and for one in each block, as the context lets it.
type waiting struct {
	serve, block time.Duration
	deaf         bool // to the context
	late         bool // it answers after the context ended
}

func (w waiting) wait(ctx context.Context, d time.Duration) error {
	if w.deaf {
		time.Sleep(d)
		return nil
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w waiting) Serve(req apps.Request, res apps.Response) error {
	res.SetHeader("X-App", "set")
	if err := w.wait(req.Context(), w.serve); err != nil && !w.late {
		return err
	}
	if w.block == 0 {
		return res.Reply(200, []byte("done"))
	}
	return res.Stream(200, &waitingBody{waiting: w, ctx: req.Context(), left: 3})
}

type waitingBody struct {
	waiting
	ctx  context.Context
	left int
}

func (b *waitingBody) Next() ([]byte, error) {
	if b.left--; b.left < 0 {
		return nil, io.EOF
	}
	if err := b.wait(b.ctx, b.block); err != nil {
		return nil, err
	}
	return []byte("block "), nil
}

func (b *waitingBody) Close() error { return nil }

func TestTimeout(t *testing.T) {
	const s = time.Second
	for name, test := range map[string]struct {
		app    waiting
		status int
		own    string
		body   string
		err    error
		took   time.Duration
	}{
		"in time":                {waiting{serve: s}, 200, "set", "done", nil, s},
		"too long":               {waiting{serve: time.Hour}, 503, "", "timeout\n", nil, 2 * s},
		"too long, deaf":         {waiting{serve: 5 * s, deaf: true}, 200, "set", "done", nil, 5 * s},
		"too long, answers":      {waiting{serve: 5 * s, late: true}, 200, "set", "done", nil, 2 * s},
		"a stream in time":       {waiting{serve: s, block: s + s/2}, 200, "set", "block block block ", nil, 5*s + s/2},
		"a stream too long":      {waiting{block: 3 * s}, 200, "set", "", context.DeadlineExceeded, 2 * s},
		"a stream too long,deaf": {waiting{block: 3 * s, deaf: true}, 200, "set", "", context.DeadlineExceeded, 3 * s},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				r := appstest.Serve(t, wrap(t, test.app, layers.Timeout{After: 2 * s}), appstest.Get("/"))
				if r.Status != test.status || r.Body() != test.body || !errors.Is(r.Err, test.err) || r.Field("X-App") != test.own {
					t.Errorf("%v, want %d %q %v", r, test.status, test.body, test.err)
				}
				if took := time.Since(begin); took != test.took {
					t.Errorf("it took %v, want %v", took, test.took)
				}
			})
		})
	}
}

// TestTimeoutContext holds what the app's context tells.
func TestTimeoutContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var inner context.Context
		a := wrap(t, apps.Func(func(req apps.Request, _ apps.Response) error {
			ctx := req.Context()
			if at, ok := ctx.Deadline(); !ok || !at.Equal(begin.Add(time.Minute)) || ctx.Err() != nil {
				t.Error(at, ok, ctx.Err())
			}
			if layers.RequestIDOf(ctx) == "" {
				t.Error("the context lost a value")
			}
			var cancel context.CancelFunc
			inner, cancel = context.WithCancel(ctx)
			defer cancel()
			<-inner.Done()
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) || !errors.Is(context.Cause(inner), context.DeadlineExceeded) {
				t.Error(ctx.Err(), context.Cause(inner))
			}
			if _, err := req.Body().Read(make([]byte, 1)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a read after the deadline: %v", err)
			}
			return errBody
		}), layers.RequestID{}, layers.Timeout{After: time.Minute})
		expect(t, appstest.Serve(t, a, appstest.Of("POST", "/", "hello")), 503)
	})
}

// TestTimeoutClient has the end of the context be that of the client, and not the layer's.
func TestTimeoutClient(t *testing.T) {
	req := appstest.Get("/")
	ctx, leave := context.WithDeadline(t.Context(), time.Now().Add(time.Minute))
	req.Ctx = ctx
	a := wrap(t, apps.Func(func(req apps.Request, _ apps.Response) error {
		if at, ok := req.Context().Deadline(); !ok || time.Until(at) > time.Minute {
			t.Error("the deadline outside is lost", at, ok)
		}
		leave()
		<-req.Context().Done()
		return req.Context().Err()
	}), layers.Timeout{After: time.Hour})
	if r := appstest.Serve(t, a, req); !errors.Is(r.Err, context.Canceled) || r.Status != 0 {
		t.Error(r)
	}
}

// TestTimeoutEnds has contexts end with their requests.
func TestTimeoutEnds(t *testing.T) {
	var kept context.Context
	keep := func(a app) apps.App {
		return wrap(t, apps.Func(func(req apps.Request, res apps.Response) error {
			kept = req.Context()
			return a.Serve(req, res)
		}), layers.Timeout{})
	}
	for _, a := range []app{{}, {err: errBody}, {blocks: []string{"a"}}} {
		appstest.Serve(t, keep(a), appstest.Get("/"))
		if !errors.Is(kept.Err(), context.Canceled) {
			t.Errorf("%+v: %v", a, kept.Err())
		}
	}
}

func TestTimeoutReads(t *testing.T) {
	r := appstest.Serve(t, wrap(t, reads, layers.Timeout{}), appstest.Of("POST", "/", "hello"))
	if expect(t, r, 200); r.Body() != "hello" {
		t.Error(r)
	}
}

func TestTimeoutOverTheWire(t *testing.T) {
	onEngines(t, func(t *testing.T) apps.App {
		return apps.Func(func(req apps.Request, res apps.Response) error {
			w := waiting{serve: time.Hour}
			if req.Path() == "/stream" {
				w = waiting{block: time.Hour}
			}
			return wrap(t, w, layers.Timeout{After: 10 * time.Millisecond}).Serve(req, res)
		})
	}, func(t *testing.T, url string) {
		hold(t, ask(t, "GET", url+"/"), 503, "X-App", "")
		res := ask(t, "GET", url+"/stream")
		if body, err := io.ReadAll(res.Body); err == nil && res.StatusCode == 200 {
			t.Errorf("a stream that was too slow looks complete: %q", body)
		}
	})
}

func TestTimeoutRefuses(t *testing.T) {
	var l stack.Layer = layers.Timeout{After: 1}
	refused(t, l, "after: 1ns is less than 1ms")
}
