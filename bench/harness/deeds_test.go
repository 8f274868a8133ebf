package harness_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/servers/control"
)

// pinned is a run of these candidates on the first processor.
func pinned(t *testing.T, rounds int, candidates ...string) *setting {
	t.Helper()
	all := control.Allowed()
	if len(all) < 2 || len(deeds) == 0 {
		t.Skip("takes Linux and two processors")
	}
	t.Parallel()
	s := prepare(t, external(t, candidates...), only(rounds), append([]string{"nethttp"}, candidates...)...)
	s.ServerCPUs = all[:1]
	return s
}

// A server that takes more than it was given, at its start or under load, is named at its
// own row, which is invalid; the others' rows are not.
func TestDeedsVoidTheirRow(t *testing.T) {
	first := control.Allowed()
	for name, want := range map[string]string{
		"moves":   fmt.Sprintf("moved to processors %s (given ", first),
		"rises":   fmt.Sprintf("raised its priority: nice -5 (given %d): PID ", niceness()),
		"hastens": "real-time scheduling: SCHED_FIFO 1: PID ",
		"yields":  "",
	} {
		t.Run(name, func(t *testing.T) {
			s := pinned(t, 2, name, name+"-at-once")
			if err := tried(name); err != nil {
				t.Skipf("not permitted here: %v", err)
			}
			cells := s.cells()
			for _, candidate := range []string{name, name + "-at-once"} {
				c := cells[candidate]
				void := c.Verdict == judge.Invalid
				if void != (want != "") || void && !strings.Contains(c.Reasons[0].Text, want) {
					t.Errorf("%s is %s: %q, want %q", candidate, c.Verdict, c.Reasons, want)
				}
			}
			if c := cells["nethttp"]; c.Verdict == judge.Invalid || c.Slices != 2 || says(c, "PID ") {
				t.Errorf("nethttp is %s: %q", c.Verdict, c.Reasons)
			}
		})
	}
}

// tried does a deed on a thread that ends with it, to find out whether it is permitted.
func tried(name string) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked, which ends the thread
		if name == "moves" {
			done <- nil
			return
		}
		done <- deeds[name]()
	}()
	return <-done
}

// A deed under load is in the record of its slice, so that the row is invalid also if benchctl
// is killed before the launch ends, and the candidate is not measured again.
func TestDeedIsRecorded(t *testing.T) {
	s := pinned(t, 3, "moves-later")
	file := filepath.Join(t.TempDir(), "port")
	s.Env = append(s.Env, portFile+"="+file)
	s.Observe = func(e launch.Event) {
		if e.Kind == launch.Round && e.Done == 1 {
			if err := os.WriteFile(file+".told", nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	deeds := 0
	for _, trial := range r.Trials {
		if trial.Deed != "" {
			deeds++
		}
		if (trial.Deed != "") != (trial.Candidate == "moves-later" && trial.Round == 1) {
			t.Errorf("%s in round %d: deed %q", trial.Candidate, trial.Round, trial.Deed)
		}
	}
	if deeds != 1 {
		t.Errorf("%d slices with a deed", deeds)
	}
	r.Launches = nil
	sum, err := judge.Summarize(r)
	if err != nil {
		t.Fatal(err)
	}
	if c := sum.Cells[1]; c.Verdict != judge.Invalid || !says(c, "moved to processors ") || judge.Status(r) != judge.StatusComplete {
		t.Errorf("without the launch: %s, %q, %s", c.Verdict, c.Reasons, judge.Status(r))
	}
}

// Whoever listens on a candidate's port from some time on is named after the load.
func TestAnotherListensLater(t *testing.T) {
	s := pinned(t, 2, "shares")
	file := filepath.Join(t.TempDir(), "port")
	s.Env = append(s.Env, portFile+"="+file)
	s.Observe = func(e launch.Event) {
		if e.Kind != launch.Round || e.Done != 1 {
			return
		}
		port, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		ln, err := sharing("127.0.0.1:" + string(port))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
	}
	cells := s.cells()
	want := fmt.Sprintf("PID %d (", os.Getpid())
	if c := cells["shares"]; c.Verdict != judge.Invalid || !says(c, want) || !says(c, "listens on its port ") || c.Slices != 2 {
		t.Errorf("it is %s after %d slices: %q", c.Verdict, c.Slices, c.Reasons)
	}
	if c := cells["nethttp"]; c.Verdict == judge.Invalid {
		t.Errorf("nethttp is %s: %q", c.Verdict, c.Reasons)
	}
}

// What others do in the slices of one candidate is told of its row alone. The meter makes
// them busy whenever the plan has it in turn.
func TestBusyInOnesSlices(t *testing.T) {
	t.Parallel()
	if _, err := measure.ReadTicks(); errors.Is(err, measure.ErrUnsupported) {
		t.Skip(err)
	}
	const rounds = 8
	s := prepare(t, "", func(m *results.Manifest) {
		only(rounds)(m)
		m.Environment = measure.Environment()
	}, "nethttp", "fasthttp")
	seed := s.Store.Manifest().Seed
	var now measure.Ticks
	last, reading := time.Now(), 0 // one when a round begins, and one after each slice
	s.Meters.Ticks = func() (map[int]measure.Ticks, error) {
		key := results.RoundKey{Round: reading / 3}
		if turn := reading%3 - 1; turn >= 0 && plan.Order(seed, key, s.Store.Manifest().Candidates)[turn] == 1 {
			took := time.Since(last) // all processors, many times: more than this process can have used
			now.Total += uint64(10 * runtime.NumCPU() * int(took/(10*time.Millisecond)+1))
		}
		last, reading = time.Now(), reading+1
		return map[int]measure.Ticks{0: now}, nil
	}
	s.Observe = func(e launch.Event) {
		if e.Kind == launch.Round {
			reading = 3 * e.Done // whatever was read besides, as on a machine that slows down
		}
	}
	cells := s.cells()
	if c := cells["fasthttp"]; c.Verdict != judge.Degraded || !says(c, "busy host: ") || !says(c, "and 0 % in those of the others") {
		t.Errorf("fasthttp is %s: %q", c.Verdict, c.Reasons)
	}
	if c := cells["nethttp"]; says(c, "busy host: ") {
		t.Errorf("nethttp is %s: %q", c.Verdict, c.Reasons)
	}
}

// niceness is that of this process, which the guard hands on; tests may be niced.
func niceness() int {
	priority, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return 0
	}
	return 20 - priority // getpriority(2) tells it so
}
