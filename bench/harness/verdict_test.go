package harness_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// Rules of the verdicts, provoked by runs. Those that take processors of their own
// are in cmd/benchctl, where a run is a process that can be pinned.

const goodLength, goodBody = "Content-Length: 13\r\n", "Hello, World!"

// liars are servers that pass the gate and then, under load, change some of their
// replies. Each is named after what it does.
var liars = map[string]struct {
	every int64 // which replies are changed, from underLoad on
	lie   func(reply []byte) []byte
	want  map[string]string // reason of the verdict, by engine
}{
	"too-long":     {4, swap(goodLength, "Content-Length: 14\r\n"), either("timeout")},
	"too-short":    {4, swap(goodLength, "Content-Length: 12\r\n"), map[string]string{load.Raw: "malformed", load.Vegeta: "length"}},
	"two-lengths":  {4, swap(goodLength, goodLength+"Content-Length: 12\r\n"), either("malformed")},
	"no-body":      {4, swap(goodBody, ""), either("timeout")},
	"empty-body":   {4, func(b []byte) []byte { return swap(goodBody, "")(swap(goodLength, "Content-Length: 0\r\n")(b)) }, either("length")},
	"wrong-body":   {1, swap(goodBody, "Hello, world!"), either("wrong body")},
	"cached":       {1, oldDate, either("stale replies: ")},
	"some-errors":  {4, swap("200 OK", "503 No"), either("status")},
	"cuts-replies": {4, func(b []byte) []byte { return bytes.TrimSuffix(b, []byte(goodBody)) }, either("closed")},
}

// either is what both engines say.
func either(want string) map[string]string {
	return map[string]string{load.Raw: want, load.Vegeta: want}
}

func swap(old, by string) func([]byte) []byte {
	return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(by), 1) }
}

// oldDate makes the reply one of an hour ago.
func oldDate(b []byte) []byte {
	before, after, _ := bytes.Cut(b, []byte("\r\nDate: "))
	after = after[min(len(after), len(http.TimeFormat)):]
	return fmt.Appendf(nil, "%s\r\nDate: %s%s", before, time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), after)
}

// playLiar serves the suite under net/http and changes what that writes.
func playLiar(part string, ln net.Listener) int {
	return fail(nethttp.Serve(context.Background(), drain.New(&lyingListener{Listener: ln, part: part}), suite.Mux()))
}

type lyingListener struct {
	net.Listener
	part   string
	hellos atomic.Int64 // replies of app hello so far
}

func (l *lyingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &lyingConn{c, l}, err
}

type lyingConn struct {
	net.Conn
	of *lyingListener
}

func (c *lyingConn) Write(b []byte) (int, error) {
	if !bytes.HasSuffix(b, []byte(goodBody)) {
		return c.Conn.Write(b)
	}
	liar, n := liars[c.of.part], c.of.hellos.Add(1)
	if n <= underLoad || n%liar.every != 0 || !timeToLie() {
		return c.Conn.Write(b)
	}
	if _, err := c.Conn.Write(liar.lie(b)); err != nil {
		return 0, err
	}
	if c.of.part == "cuts-replies" {
		return len(b), c.Close()
	}
	return len(b), nil
}

// lieFile names a file that liars wait for before they lie.
const lieFile = "HARNESS_TEST_LIE"

func timeToLie() bool {
	file := os.Getenv(lieFile)
	if file == "" {
		return true
	}
	_, err := os.Stat(file)
	return err == nil
}

// only takes the first block, in so many rounds.
func only(rounds int) func(*results.Manifest) {
	return func(m *results.Manifest) { m.Blocks, m.Rounds = m.Blocks[:1], rounds }
}

// cells measures and summarizes.
func (s *setting) cells() map[string]judge.Cell {
	s.t.Helper()
	r, err := s.measure(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	sum, err := judge.Summarize(r)
	if err != nil {
		s.t.Fatal(err)
	}
	all := make(map[string]judge.Cell)
	for _, c := range sum.Cells {
		all[c.Candidate] = c
	}
	return all
}

func says(c judge.Cell, reason string) bool {
	return slices.ContainsFunc(judge.Texts(c.Reasons), func(r string) bool { return strings.Contains(r, reason) })
}

// A server that is right until there is load is not measured wrongly: its rows are
// void and say why.
func TestLiesUnderLoad(t *testing.T) {
	t.Parallel()
	log.SetOutput(io.Discard) // net/http complains of bytes after a reply
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	parts := slices.Sorted(maps.Keys(liars))
	for _, engine := range []string{load.Raw, load.Vegeta} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			s := prepare(t, external(t, parts...), func(m *results.Manifest) {
				only(3)(m)
				m.Blocks[0].Load.Engine, m.Blocks[0].Load.Timeout, m.Slice = engine, 3*time.Second, 300*time.Millisecond
			}, append([]string{"nethttp"}, parts...)...)
			cells := s.cells()
			for name, liar := range liars {
				if c, want := cells[name], liar.want[engine]; c.Verdict != judge.Invalid || !says(c, want) || c.Rank > 0 {
					t.Errorf("%s is %s: %q, want %q", name, c.Verdict, c.Reasons, want)
				}
			}
			if c := cells["nethttp"]; c.Verdict == judge.Invalid || c.Errors.Total > 0 {
				t.Errorf("nethttp is %s: %q", c.Verdict, c.Reasons)
			}
		})
	}
}

// A candidate whose requests time out in one warm-up after the other, in a load without a
// break, or in slice after slice is not waited for any longer; the others go on.
func TestTimeoutsEndABlock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		from  launch.EventKind // on which its replies lack their bodies
		slow  int              // slices of it
		wants string
	}{
		{"warm-up", launch.Measuring, 0, "requests fail on many of 4 connections in 2s of a warm-up: "},
		{"pass", launch.Passing, 0, "s without a break"},
		{"slices", launch.Round, 1 + 3, "in the last of 3 slices in a row"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := prepare(t, external(t, "no-body"), func(m *results.Manifest) {
				only(8)(m)
				m.Passes, m.Pass = 1, 100*time.Millisecond
				m.Blocks[0].Load.Engine, m.Blocks[0].Load.Timeout = load.Raw, 3*time.Second // which one of them waits for
			}, "nethttp", "no-body")
			file := filepath.Join(t.TempDir(), "lie")
			s.Env = append(s.Env, lieFile+"="+file)
			s.Observe = func(e launch.Event) {
				if e.Kind == c.from {
					_ = os.WriteFile(file, nil, 0o600)
				}
			}
			cells := s.cells()
			if cell := cells["no-body"]; cell.Verdict != judge.Invalid || cell.Slices != c.slow || !says(cell, c.wants) {
				t.Errorf("%s after %d slices: %q", cell.Verdict, cell.Slices, judge.Texts(cell.Reasons))
			}
			if cell := cells["nethttp"]; cell.Verdict == judge.Invalid || cell.Slices != 8 {
				t.Errorf("nethttp is %s after %d slices: %q", cell.Verdict, cell.Slices, judge.Texts(cell.Reasons))
			}
		})
	}
}

func TestReservationsOfARun(t *testing.T) {
	t.Parallel()
	scaled := func(d time.Duration) func() (time.Duration, error) {
		began := time.Now()
		return func() (time.Duration, error) { return time.Since(began) / d, nil }
	}
	for _, c := range []struct {
		name   string
		change func(*results.Manifest)
		meters agent.Meters
		want   string
	}{
		{name: "too few slices", change: only(5), want: "too few slices: 5, and an interval takes 6"},
		{name: "not pinned", change: only(1), want: "not pinned: "},
		{name: "a rate that one connection can't reach", want: "rate not reached: ", change: func(m *results.Manifest) {
			only(2)(m)
			m.Blocks[0].App, m.Blocks[0].Load.Connections, m.Blocks[0].Load.Rate, m.Slice = "sleep?ms=20", 1, 200, 400*time.Millisecond
		}},
		{name: "requests that find no connection in time", want: "late load: ", change: func(m *results.Manifest) {
			only(2)(m)
			m.Blocks[0].App, m.Blocks[0].Load.Connections, m.Blocks[0].Load.Rate, m.Slice = "sleep?ms=20", 1, 100, 400*time.Millisecond
			m.Blocks[0].Load.Engine = load.Vegeta // which does not tell this from being late itself
		}},
		// A hypervisor can't be made to steal, nor a processor to be hot: the meters are.
		{name: "steal", change: only(2), meters: agent.Meters{Steal: scaled(20)}, want: "stolen time: the hypervisor withheld "},
		{name: "heat", change: only(2), want: "throttled: heat slowed processors down ", meters: agent.Meters{Throttling: func() measure.Throttling {
			return measure.Throttling{Heat: uint64(time.Now().UnixNano())}
		}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := prepare(t, "", func(m *results.Manifest) {
				m.Environment = measure.Environment()
				m.Blocks[0].Load.Engine = load.Raw
				c.change(m)
			}, "nethttp")
			s.Meters = c.meters
			if cell := s.cells()["nethttp"]; cell.Verdict != judge.Degraded || !says(cell, c.want) {
				t.Errorf("it is %s: %q, want %q", cell.Verdict, cell.Reasons, c.want)
			}
		})
	}
}

// A run finds its load generator's limit before the first launch, for each shape of
// a closed loop once, and not again when it is resumed.
func TestCalibratesOnce(t *testing.T) {
	t.Parallel()
	s := prepare(t, "", func(m *results.Manifest) {
		only(4)(m)
		more := m.Blocks[0]
		more.Load.Connections, more.Load.Engine = 2, load.Vegeta
		rate := m.Blocks[0]
		rate.Load.Rate = 100
		m.Blocks = append(m.Blocks, more, m.Blocks[0], rate)
	}, "nethttp")
	s.Sink = []string{s.Benchctl, "serve", "--server", "nethttp", "--listener-fd", "3"}
	ctx, cancel := context.WithCancel(t.Context())
	s.Observe = func(e launch.Event) {
		if e.Kind == launch.Round {
			cancel()
		}
	}
	r, _ := s.measure(ctx)
	ceilings := r.Manifest.LoaderCeilings
	if len(ceilings) != 2 || ceilings[0].Engine != load.Raw || ceilings[0].Connections != 4 || ceilings[1].Engine != load.Vegeta || ceilings[1].Connections != 2 {
		t.Fatalf("ceilings %+v", ceilings)
	}
	for _, c := range ceilings {
		if c.RPS <= 0 || c.Throughput <= 0 || c.CPU <= 0 || c.LoaderShare <= 0 || c.Seconds > 0.3 {
			t.Errorf("ceiling %+v", c)
		}
	}
	s.resume()
	s.Observe = nil
	r, err := s.measure(t.Context())
	if err != nil || !slices.EqualFunc(r.Manifest.LoaderCeilings, ceilings, func(a, b results.LoaderCeiling) bool { return a.RPS == b.RPS }) {
		t.Errorf("resumed: %v, %+v", err, r.Manifest.LoaderCeilings)
	}
}

// A sink that fails is noted, and stops no run.
func TestNoSink(t *testing.T) {
	t.Parallel()
	s := prepare(t, "", only(1), "nethttp")
	s.Sink = []string{s.Benchctl, "play", "exits", "0"}
	r, err := s.measure(t.Context())
	if err != nil || len(r.Trials) != 1 || !slices.ContainsFunc(r.Manifest.Notes, func(n string) bool {
		return strings.HasPrefix(n, "the load generator's limit is unknown: ")
	}) {
		t.Errorf("%v, %d trials, notes %q", err, len(r.Trials), r.Manifest.Notes)
	}
}
