package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test's binary be a worker.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == workerCommand {
		os.Exit(work(context.Background(), os.Args[2:], os.Stderr))
	}
	os.Exit(m.Run())
}

const loopback = "tcp:127.0.0.1:0"

// No engine loses a request while it is replaced, also where the new version is broken.
func TestNothingIsLost(t *testing.T) {
	for _, engine := range []string{"nethttp", "fasthttp", "hertz", "hertz-std", "nbio", "nbio-blocking", "nbio-mixed", "gnet", "gin", "echo", "chi", "fiber"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			one := trial{engine: engine, listen: loopback, restarts: 4, requests: 3000, connections: 64, workers: 1, crashEvery: 4, drain: time.Minute}
			if strings.Contains("gin echo chi fiber hertz-std nbio-blocking nbio-mixed", engine) {
				one.requests, one.restarts, one.crashEvery = 1000, 2, 0
			}
			r := tried(t, one)
			if r.tally.GET == 0 || r.tally.POST == 0 || r.tally.Completed < one.requests || r.killed > 0 {
				t.Errorf("got\n%s%s", tableHead, r.row())
			}
			if want := one.restarts - r.failed; r.replaced != want || r.failed == 0 && one.crashEvery > 0 {
				t.Errorf("replaced %d times, failed %d times", r.replaced, r.failed)
			}
			for generation := range one.restarts + 1 {
				generation++
				if (r.tally.Generations[generation] == 0) != broken(generation, one.crashEvery) {
					t.Errorf("generation %d answered %d requests", generation, r.tally.Generations[generation])
				}
			}
			if r.tally.Last == 0 {
				t.Error("no reply ended its connection")
			}
		})
	}
}

func tried(t *testing.T, one trial) result {
	t.Helper()
	r, err := one.run(t.Context(), testOutput{t})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.tally.Err(); err != nil {
		t.Error(err)
	}
	return r
}

type testOutput struct{ *testing.T }

func (o testOutput) Write(p []byte) (int, error) {
	o.Logf("worker: %s", p)
	return len(p), nil
}

// A Unix socket is handed over as one of TCP is.
func TestUnixSocket(t *testing.T) {
	for _, engine := range []string{"nethttp", "fasthttp", "hertz", "hertz-std", "nbio-blocking", "gnet"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			tried(t, trial{engine: engine, listen: "unix:" + filepath.Join(t.TempDir(), "s"), restarts: 2, requests: 1000, connections: 16, workers: 1, drain: time.Minute})
		})
	}
}

// Several workers are replaced one after the other.
func TestWorkers(t *testing.T) {
	t.Parallel()
	r := tried(t, trial{engine: "nethttp", listen: loopback, restarts: 2, requests: 2000, connections: 32, workers: 3, drain: time.Minute})
	if r.replaced != 2 {
		t.Errorf("replaced %d times", r.replaced)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-no-such-flag"}, {"more"}} {
		if code := run(t.Context(), args, io.Discard, io.Discard); code != exitUsage {
			t.Errorf("%q: exit code %d", args, code)
		}
	}
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"-engines=none", "-requests=1", "-restarts=1"}, &out, &errs); code != exitLost || !strings.Contains(errs.String(), `no engine "none"`) {
		t.Errorf("exit code %d, %s", code, errs.String())
	}
}
