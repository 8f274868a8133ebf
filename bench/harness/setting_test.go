package harness_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// The test binary plays the guard, benchctl as it serves an engine, and external
// servers, most of them broken.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "guard":
		os.Exit(control.RunGuard())
	case len(os.Args) > 1 && os.Args[1] == "agents":
		os.Exit(serveAgents(os.Args[2:]))
	case len(os.Args) > 1 && os.Args[1] == "serve":
		os.Exit(serve(os.Args[3]))
	case len(os.Args) > 1 && os.Args[1] == "play":
		os.Exit(play(os.Args[2], os.Args[3]))
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0") // of the parts: they end often
	os.Exit(inTemp(m.Run))
}

// inTemp runs the tests with a directory for temporary files of their own, and fails if
// their runs leave anything in it, or a process.
func inTemp(run func() int) int {
	dir, err := os.MkdirTemp("", "harness-test-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	os.Setenv("TMPDIR", dir)
	code := run()
	if tree, err := proc.Tree(os.Getpid()); err == nil && len(tree) > 1 {
		return fail(fmt.Errorf("processes are left: %v", tree[1:]))
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "benchctl-*")); len(left) > 0 {
		return fail(fmt.Errorf("directories are left: %v", left))
	}
	return code
}

// serve is "serve --server S --listener-fd 3".
func serve(server string) int {
	all, err := servers.All()
	if err != nil {
		return fail(err)
	}
	ln, err := servers.Listener(3)
	if err != nil {
		return fail(err)
	}
	at := slices.IndexFunc(all, func(s servers.Server) bool { return s.Name == server })
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	mux := suite.Mux()
	if err := mux.(apps.Starter).Start(ctx); err != nil {
		return fail(err)
	}
	err = all[at].Engine(ctx, drain.New(ln), mux)
	if err = errors.Join(err, mux.(apps.Stopper).Stop(context.WithoutCancel(ctx))); err != nil {
		return fail(err)
	}
	return 0
}

func fail(err error) int {
	fmt.Println(err)
	return 1
}

// underLoad is more requests than come before any load.
const underLoad = 100

// prepares is what parts do before they listen, where only one system lets them.
var prepares = map[string]func() error{}

// play is "play PART PORT". A signal ends it at once.
func play(part, port string) int {
	if first, ok := prepares[part]; ok {
		if err := first(); err != nil {
			return fail(err)
		}
	}
	switch part {
	case "exits":
		fmt.Println("no module named app")
		return 3
	case "deaf", "late":
		select {}
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	case "heedless":
		signal.Ignore(syscall.SIGHUP)
	case "second":
		return fail(second(port))
	}
	part, atOnce := strings.CutSuffix(part, "-at-once")
	part, later := strings.CutSuffix(part, "-later")
	deed := sync.OnceValue(deedOf(part))
	if atOnce {
		if err := deed(); err != nil {
			return fail(err)
		}
	}
	ln, err := sharing("127.0.0.1:" + port)
	if err != nil {
		return fail(err)
	}
	if file := os.Getenv(portFile); file != "" {
		if err := os.WriteFile(file, []byte(port), 0o600); err != nil {
			return fail(err)
		}
	}
	if _, ok := liars[part]; ok {
		return playLiar(part, ln)
	}
	if part == "spins" {
		go spin(func() bool { return false })
	}
	var served, put atomic.Int64 // put off: what is to be done later
	if part == "defers" {
		go doLater(&put)
	}
	mux := suite.Mux()
	return fail(nethttp.Serve(context.Background(), drain.New(ln), apps.Func(func(req apps.Request, res apps.Response) error {
		loaded, hello := served.Add(1) > underLoad, req.Path() == "/hello"
		switch {
		case part == "dies" && hello && loaded:
			fmt.Println("panic: out of luck")
			os.Exit(4)
		case part == "lies" && hello && (!later || loaded):
			res.SetHeader("Content-Type", apps.ContentTypeText)
			return res.Reply(200, []byte("Hello, Welt!!"))
		case part == "hangs" && hello && loaded:
			select {}
		case part == "hurries" && served.Load() > 20 && req.Path() == "/sleep":
			res.SetHeader("Content-Type", apps.ContentTypeText)
			return res.Reply(200, []byte("slept\n"))
		case part == "defers" && hello:
			put.Add(1)
		case hello && loaded && (!later || told()):
			if err := deed(); err != nil {
				return err
			}
		}
		return mux.Serve(req, res)
	})))
}

// second serves the suite correctly over HTTP/1.1, and over HTTP/2 takes no HEAD.
func second(port string) error {
	right := nethttp.Handler(nil, suite.Mux())
	srv := http.Server{Addr: "127.0.0.1:" + port, Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 && r.Method == http.MethodHead {
			w.WriteHeader(http.StatusNotImplemented)
			return
		}
		right.ServeHTTP(w, r)
	})}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	return srv.ListenAndServe()
}

// deedOf is what a part does to win, at once or under load: nothing, unless it is so named.
func deedOf(part string) func() error {
	if deed := deeds[part]; deed != nil {
		return deed
	}
	return func() error { return nil }
}

// told reports whether the test has told the part, which left its port, to go on.
func told() bool {
	_, err := os.Stat(os.Getenv(portFile) + ".told")
	return err == nil
}

// portFile names the variable of a file in which a part leaves its port.
const portFile = "HARNESS_TEST_PORT"

// sharing listens so that others can too (SO_REUSEPORT of socket(7)).
func sharing(address string) (net.Listener, error) {
	var lc net.ListenConfig
	lc.Control = func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
		return errors.Join(failed, err)
	}
	return lc.Listen(context.Background(), "tcp", address)
}

// spin uses a processor until it is to end.
func spin(end func() bool) {
	for n := uint64(1); n != 0 && !end(); n++ {
	}
}

// laterWork is the CPU time that a request costs after its reply, where that is put off.
const laterWork = 5 * time.Millisecond

// doLater does the work of requests on a thread of its own, which lags behind them.
func doLater(put *atomic.Int64) {
	runtime.LockOSThread()
	for {
		for ; put.Load() > 0; put.Add(-1) {
			until := threadTime() + laterWork
			spin(func() bool { return threadTime() > until })
		}
		time.Sleep(time.Millisecond)
	}
}

// external describes servers that the test binary plays.
func external(t *testing.T, parts ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, part := range parts {
		text := fmt.Sprintf("name: %s\nclass: baseline\ndoc: a part\ncommand: [%q, play, %s, \"{{.Port}}\"]\nready: {timeout: %s}\n",
			part, os.Args[0], part, map[bool]string{true: "500ms", false: "15s"}[part == "deaf"])
		if err := os.WriteFile(filepath.Join(dir, part+".yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// setting is a run of candidates that is not begun yet.
type setting struct {
	launch.Config
	t *testing.T
}

// prepare makes a setting. Of the quick tests one run is enough.
func prepare(t *testing.T, dir string, change func(*results.Manifest), candidates ...string) *setting {
	t.Helper()
	if testing.Short() && t.Name() != "TestRun" {
		t.Skip("measures")
	}
	var dirs []string
	if dir != "" {
		dirs = []string{dir}
	}
	all, err := servers.All(dirs...)
	if err != nil {
		t.Fatal(err)
	}
	choice, err := servers.Choose(all, candidates)
	if err != nil {
		t.Fatal(err)
	}
	block := results.Block{
		Scenario: "small", App: "hello", Load: scenarios.Load{Engine: scenarios.Raw, Connections: 4, Lead: 10 * time.Millisecond},
	}
	m := results.Manifest{ID: "r", Started: time.Now(), Seed: 1, Launches: 1, Rounds: 2, Slice: 100 * time.Millisecond, Blocks: []results.Block{block, block}}
	m.Blocks[1].App = "echo"
	for _, c := range choice.Candidates {
		m.Candidates = append(m.Candidates, results.Candidate{Name: c.Name, Server: c.Server.Name, Profile: c.Profile, Class: c.Server.Class})
	}
	if change != nil {
		change(&m)
	}
	store, err := results.Create(filepath.Join(t.TempDir(), m.ID), m)
	if err != nil {
		t.Fatal(err)
	}
	s := &setting{launch.Config{Store: store, Setup: agent.Setup{
		Candidates: choice.Candidates, Benchctl: os.Args[0], Guard: []string{os.Args[0], "guard"}, Env: []string{"GORACE=atexit_sleep_ms=0"},
	}}, t}
	t.Cleanup(func() { s.Store.Close() })
	return s
}

// measure runs, and tells what is recorded then.
func (s *setting) measure(ctx context.Context) (*results.Record, error) {
	s.t.Helper()
	err := harness.Run(ctx, s.Config)
	r, errRead := results.Read(s.Store.Dir())
	if errRead != nil {
		s.t.Fatal(errRead)
	}
	return r, err
}

// resume opens the run again, as another process does.
func (s *setting) resume() {
	s.t.Helper()
	s.Store.Close()
	store, err := results.Reopen(s.Store.Dir())
	if err != nil {
		s.t.Fatal(err)
	}
	s.Store = store
}

// ownTemp gives the test its own directory for temporary files. The tests that have
// one run alone: they look at what this process has started, and nothing else may.
func ownTemp(t *testing.T) { t.Setenv("TMPDIR", t.TempDir()) }

// complete checks that each planned round is there exactly once, with a trial of
// each candidate in the planned order.
func complete(t *testing.T, r *results.Record) {
	t.Helper()
	m := r.Manifest
	if got, want := len(r.Done()), m.Launches*m.Rounds*len(m.Blocks); got != want {
		t.Errorf("%d rounds were measured, not %d", got, want)
	}
	for i := 0; i < len(r.Trials); i += len(m.Candidates) {
		key := r.Trials[i].Key()
		for at, c := range plan.Order(m.Seed, key, m.Candidates) {
			if trial := r.Trials[i+at]; trial.Key() != key || trial.Candidate != m.Candidates[c].Name || trial.Position != at {
				t.Errorf("trial %d of round %v is %s in %v, want %s", at, key, trial.Candidate, trial.Key(), m.Candidates[c].Name)
			}
		}
	}
	if got, want := len(r.Trials), m.Launches*m.Rounds*len(m.Blocks)*len(m.Candidates); got != want {
		t.Errorf("%d trials were recorded, not %d", got, want)
	}
}
