package harness_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

// serveAgents is "agents SERVER...": both agents, at the other end of standard input and
// output.
func serveAgents(names []string) int {
	all, err := servers.All()
	if err != nil {
		return fail(err)
	}
	choice, err := servers.Choose(all, names)
	if err != nil {
		return fail(err)
	}
	setup := agent.Setup{Candidates: choice.Candidates, Benchctl: os.Args[0], Guard: []string{os.Args[0], "guard"}, Env: []string{"GORACE=atexit_sleep_ms=0"}}
	loader, err := agent.NewLoader(setup)
	if err != nil {
		return fail(err)
	}
	if err := agent.Serve(ends{os.Stdin, os.Stdout}, agent.NewHost(setup), loader); err != nil {
		return fail(err)
	}
	return 0
}

// ends are the two ends of a pipe that a process has.
type ends struct {
	io.ReadCloser
	io.WriteCloser
}

func (e ends) Close() error {
	_ = e.ReadCloser.Close()
	return e.WriteCloser.Close()
}

// elsewhere has a setting take place in another process. ended is closed when that has
// ended.
func (s *setting) elsewhere() (pipe *agent.Pipe, ended <-chan error) {
	s.t.Helper()
	args := []string{"agents"}
	for _, c := range s.Candidates {
		args = append(args, c.Name)
	}
	other := exec.Command(os.Args[0], args...)
	other.Stderr = os.Stderr
	in, err := other.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := other.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		s.t.Fatal(err)
	}
	pipe, done := agent.Dial(ends{out, in}), make(chan error, 1)
	s.Host, s.Loader = pipe, pipe
	go func() { done <- other.Wait() }()
	return pipe, done
}

// The smoke scenario runs with both agents in another process, and tells what it tells here.
func TestSmokeAcrossAPipe(t *testing.T) {
	t.Parallel()
	all, err := scenarios.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	found, err := scenarios.Find(all, []string{"smoke"})
	if err != nil {
		t.Fatal(err)
	}
	smoke := found[0]
	s := prepare(t, "", func(m *results.Manifest) {
		m.Blocks, m.Passes, m.Pass = nil, 1, 100*time.Millisecond
		for _, app := range smoke.Apps {
			m.Blocks = append(m.Blocks, results.Block{Scenario: smoke.Name, App: app, Load: smoke.Load})
		}
	}, "nethttp", "fasthttp")
	pipe, ended := s.elsewhere()
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := pipe.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	complete(t, r)
	sum, err := judge.Summarize(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(sum.Cells) != 2*len(smoke.Apps) {
		t.Errorf("%d cells", len(sum.Cells))
	}
	for _, c := range sum.Cells {
		if !c.Verdict.Usable() || c.Figures.Throughput() == nil || c.Latency == nil || c.StartupMS == nil || c.Whole == nil {
			t.Errorf("%s, %s: %s %q: %+v", c.App, c.Candidate, c.Verdict, judge.Texts(c.Reasons), c)
		}
		if runtime.GOOS == "linux" && (c.Figures.ServerCPU() == nil || c.Memory == nil || c.Loader == nil || c.Loader.CPU == nil) {
			t.Errorf("%s, %s has no meters: %+v", c.App, c.Candidate, c)
		}
	}
}

// What a candidate does is told across the pipe as it is here, and an end of the run reaches
// the other process.
func TestFaultsAcrossAPipe(t *testing.T) {
	t.Parallel()
	s := prepare(t, "", nil, "nethttp", "fasthttp")
	pipe, ended := s.elsewhere()
	s.Candidates[1].Name = "nobody" // whom the other process does not know
	ctx, cancel := context.WithCancel(t.Context())
	s.Observe = func(e launch.Event) {
		if e.Kind == launch.Round {
			cancel()
		}
	}
	if _, err := s.measure(ctx); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("the run ended with %v", err)
	}
	r, err := results.Read(s.Store.Dir())
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, l := range r.Launches {
		if l.Candidate == "nobody" && strings.Contains(l.Failure, "there is no such candidate") {
			failed++
		}
		if l.Candidate == "nethttp" && l.Exit == "" {
			t.Errorf("nethttp was not stopped: %+v", l)
		}
	}
	if failed != 1 || len(r.Launches) != 2 {
		t.Errorf("launches are %+v", r.Launches)
	}
	_ = pipe.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Who uses the agents may be killed: then they stop what was started.
func TestAgentsStopWhatIsLeft(t *testing.T) {
	t.Parallel()
	s := prepare(t, "", nil, "nethttp")
	pipe, ended := s.elsewhere()
	started, err := s.Host.Start(t.Context(), agent.Start{Candidate: "nethttp", App: stacked.App{Name: "hello"}, Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Host.Ended(started.ID, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Host.Ask(t.Context(), started.ID, "upgrade"); !errors.Is(err, control.ErrNotOffered) {
		t.Errorf("a verb that is not offered: %v", err)
	}
	if ack, err := s.Host.Ask(t.Context(), started.ID, control.StopGraceful); err != nil || ack.PID == 0 || ack.Sent.IsZero() {
		t.Errorf("a verb: %+v, %v", ack, err)
	}
	if err := s.Host.Ended(started.ID, time.Minute); err == nil {
		t.Error("it goes on after it was asked to stop")
	}
	if started, err = s.Host.Start(t.Context(), agent.Start{Candidate: "nethttp", App: stacked.App{Name: "hello"}, Patience: time.Minute}); err != nil {
		t.Fatal(err)
	}
	_ = pipe.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := s.Host.Ended(started.ID, 0); err == nil || !strings.Contains(err.Error(), "it is not known") {
		t.Errorf("after the end of the pipe: %v", err)
	}
}
