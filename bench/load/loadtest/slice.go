package loadtest

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/scenarios"
)

// Soon is the timeout of tests that wait for one. It also applies to connecting, which must
// succeed in time on a busy machine.
const Soon = 500 * time.Millisecond

// Opener opens a session by one of the engines, or of their loops.
type Opener func(context.Context, load.Config) (load.Session, error)

// Each runs f for every opener, all in parallel as they mostly wait, and fails if goroutines
// are left.
func Each(t *testing.T, openers map[string]Opener, f func(t *testing.T, open Opener)) {
	before := runtime.NumGoroutine()
	t.Run("engine", func(t *testing.T) {
		for name, open := range openers {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f(t, open)
			})
		}
	})
	waitFor(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("waited too long for %s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}

// HelloConfig is a closed loop on s that asks for Hello.
func HelloConfig(s *Server, connections int) load.Config {
	return load.Config{Address: s.Address, Targets: []load.Target{GetHello()}, Load: scenarios.Load{Connections: connections}}
}

// MustOpen calls open, and ends the test if it fails.
func MustOpen(t testing.TB, open Opener, c load.Config) load.Session {
	t.Helper()
	s, err := open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Slice runs one slice and closes the session.
func Slice(t testing.TB, open Opener, c load.Config, w load.Window) *load.Result {
	t.Helper()
	s := MustOpen(t, open, c)
	defer s.Close()
	return SlicesUntil(t, s, w, func(*load.Result) bool { return true })
}

// Patient runs slices, each with a window twice as long, until one has counted enough. On a
// busy machine, a short slice may stay empty.
func Patient(w load.Window, run func(load.Window) *load.Result, enough func(*load.Result) bool) *load.Result {
	for {
		if r := run(w); enough(r) || w.Span > 20*time.Second {
			return r
		}
		w.Lead, w.Span = 2*w.Lead, 2*w.Span
	}
}

// SliceUntil is Slice with a window of at least w, long enough to count enough.
func SliceUntil(t testing.TB, open Opener, c load.Config, w load.Window, enough func(*load.Result) bool) *load.Result {
	t.Helper()
	return Patient(w, func(w load.Window) *load.Result { return Slice(t, open, c, w) }, enough)
}

// SlicesUntil runs slices of a session, with a window of at least w, until one has counted enough.
func SlicesUntil(t testing.TB, s load.Session, w load.Window, enough func(*load.Result) bool) *load.Result {
	t.Helper()
	return Patient(w, func(w load.Window) *load.Result {
		r, err := s.Slice(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		Balanced(t, r)
		return r
	}, enough)
}

// AnyAnswered reports whether there was a reply.
func AnyAnswered(r *load.Result) bool { return r.Answered > 0 }

// AnyErrored reports whether a request failed.
func AnyErrored(r *load.Result) bool { return r.Errored() > 0 }

// AnyCounted reports whether a reply was counted.
func AnyCounted(r *load.Result) bool { return r.Counted > 0 }

// Balanced checks the invariants of every slice that was not cancelled.
func Balanced(t testing.TB, r *load.Result) {
	t.Helper()
	bad := r.Errors[load.ErrStatus] + r.Errors[load.ErrLength] + r.Errors[load.ErrWrongBody]
	lost := r.Errors[load.ErrClosed] + r.Errors[load.ErrReset] + r.Errors[load.ErrTimeout] + r.Errors[load.ErrMalformed]
	if r.Sent != r.Answered+lost {
		t.Errorf("sent %d, but answered %d and lost %d: %v", r.Sent, r.Answered, lost, r.Errors)
	}
	if r.Counted+bad > r.Answered {
		t.Errorf("answered %d, but counted %d and bad %d", r.Answered, r.Counted, bad)
	}
	if n := uint64(r.Response.TotalCount()); n < r.Counted || n > r.Counted+r.Errors[load.ErrTimeout] {
		t.Errorf("counted %d and %v, but %d in the histogram", r.Counted, r.Errors, n)
	}
	// Histograms keep three digits, and ns by 512.
	if most := time.Duration(r.Service.Max()) / 1000 * 998; r.Busy < most-1024 || r.Longest < most-1024 {
		t.Errorf("busy for %v, longest %v, but one took %v", r.Busy, r.Longest, most)
	}
}

// Summary returns r without its long fields.
func Summary(r *load.Result) any {
	return map[string]any{
		"sent": r.Sent, "answered": r.Answered, "counted": r.Counted, "missed": r.Missed, "errors": r.Errors,
		"compared": r.Compared, "wrong": r.Wrong, "reconnects": r.Reconnects, "causes": r.Causes,
	}
}

// Within reports whether most, of a histogram that keeps three digits, is least at least.
func Within(least time.Duration, most int64) bool { return most >= int64(least)/1000*999 }

// Depths are the depths of pipelining that the raw engine offers on this system.
func Depths() []int {
	if runtime.GOOS != "linux" {
		return []int{1}
	}
	return []int{1, 16}
}
