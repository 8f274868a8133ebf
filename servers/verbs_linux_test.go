package servers_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// exits are how candidates end by a verb, where that is not by exit status 0 or by the
// SIGKILL that they were sent.
var exits = map[string]string{
	"caddy stop-now":   "exit status 2",
	"haproxy stop-now": "ended by signal: terminated",
}

// cutting are the candidates that cut a reply in flight on stop-graceful, and why.
var cutting = map[string]string{
	"gevent":             "its program ends when the server has stopped, and the greenlets with it",
	"uwsgi-http":         "its HTTP router ends at once",
	"uwsgi-http:cheaper": "its HTTP router ends at once",
}

// leaving are those that may end before all of their processes have, and why.
var leaving = map[string]string{
	"uvicorn": "the tracker of resources of Python's multiprocessing ends after the main process",
}

// hanging are those that do not end on stop-graceful while a reply is in flight, and why.
var hanging = map[string]string{
	"twisted": "the reactor waits for the thread of the app, which waits for the reactor to write",
}

// TestVerbs starts every server that is installed, asks it each verb that it declares, and
// holds what it does then against what the verb says.
func TestVerbs(t *testing.T) {
	if testing.Short() {
		t.Skip("starts every server once for each of its verbs")
	}
	for _, s := range all(t) {
		for _, profile := range s.Profiles() {
			c := servers.Candidate{Name: s.Name, Server: s, Profile: profile}
			if profile == servers.Native && s.Manifest == nil {
				continue // it has the verbs of the default
			}
			if profile != "default" {
				if s.Manifest != nil && len(s.Manifest.Profiles[profile].Control) == 0 {
					continue
				}
				c.Name += ":" + profile
			}
			for _, verb := range c.Verbs() {
				t.Run(c.Name+"/"+string(verb.Name), func(t *testing.T) {
					t.Parallel()
					if err := s.Check(t.Context()); err != nil {
						t.Skip(err)
					}
					if strings.HasPrefix(s.Name, "nbio") && underRace() {
						t.Skip("the engine has races of its own")
					}
					try(t, c, verb.Name)
				})
			}
		}
	}
}

// trial is a candidate with two workers that is asked one verb.
type trial struct {
	*testing.T
	ctx     context.Context // ends when it hangs
	process *control.Process
	name    string
	verb    control.Verb
	address string
	dir     string
	log     string
	events  chan control.Event
	before  []int // its processes, but for the main one
}

// begin starts the candidate, and waits until it has all of its processes.
func begin(t *testing.T, c servers.Candidate, verb control.Verb) *trial {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	log := filepath.Join(t.TempDir(), "log")
	r := &trial{T: t, ctx: ctx, name: c.Name, verb: verb, dir: launchDir(t), log: log, events: make(chan control.Event, 1000)}
	user, _, err := control.RunAs("") // as by default
	if err != nil {
		t.Fatal(err)
	}
	r.process, r.address, err = c.Start(ctx, servers.Launch{
		Benchctl: os.Args[0], Guard: []string{os.Args[0], "guard"}, Dir: r.dir, Log: log, Workers: 2, Threads: 2,
		Env: []string{"GORACE=atexit_sleep_ms=0"}, User: user, Observe: func(e control.Event) { r.events <- e },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.process.Kill()
		if t.Failed() {
			t.Logf("its log ends:\n%s", control.LogTail(log, 20))
		}
	})
	hello, err := suite.Parse("hello")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.process.Ready(ctx, r.address, time.Minute, func(ctx context.Context) error { return conform.Probe(ctx, r.address, hello) }); err != nil {
		t.Fatal(err)
	}
	if c.Profile == servers.Supervised { // its first worker answers before the others are ready
		r.until("all workers serve", func() bool { return strings.Contains(control.LogTail(log, 1000), "http://") })
	}
	r.settle()
	r.isOf(user)
	return r
}

func try(t *testing.T, c servers.Candidate, verb control.Verb) {
	r := begin(t, c, verb)
	switch verb {
	case control.StopGraceful:
		r.stopsGracefully(c.Server)
	case control.StopNow:
		r.ask()
		r.ends()
	case control.Reload:
		r.reloads()
	case control.Upgrade:
		if c.Server.Engine != nil { // its supervisor stays
			r.reloads()
			break
		}
		r.upgrades()
	case control.ScaleUp:
		r.scales(+1)
	case control.ScaleDown:
		r.scales(-1)
	}
}

// launchDir is a directory for a launch. That of t.TempDir is closed to servers that give
// up root's rights.
func launchDir(t *testing.T) string {
	t.Helper()
	dir, err := control.MakeTemp()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// held are the candidate's processes, but for the main one.
func (r *trial) held() []int {
	r.Helper()
	held, err := r.process.Held()
	if err != nil {
		r.Fatal(err)
	}
	main := r.process.PID()
	return slices.DeleteFunc(held, func(pid int) bool { return pid == main || pid == r.process.Guard || !proc.Alive(pid) })
}

// isOf checks whose processes the candidate has.
func (r *trial) isOf(u *control.User) {
	r.Helper()
	want := uint32(os.Geteuid())
	if u != nil {
		want = u.UID
	}
	for _, pid := range append(r.held(), r.process.PID()) {
		info, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != want {
			r.Errorf("%s is not of user %s", proc.Describe(pid), u)
		}
	}
}

// settle waits until the candidate has its processes and threads: it answers before that.
// No event tells it.
func (r *trial) settle() {
	r.Helper()
	last := ""
	r.until("it has all its threads", func() bool {
		var now []string
		r.before = r.held()
		for _, pid := range append(r.before, r.process.PID()) {
			tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
			now = append(now, tasks...)
		}
		time.Sleep(200 * time.Millisecond)
		same := last == strings.Join(now, " ")
		last = strings.Join(now, " ")
		return same
	})
}

// until waits for something that no event tells.
func (r *trial) until(what string, is func() bool) {
	r.Helper()
	for !is() {
		select {
		case <-r.ctx.Done():
			r.Fatalf("waited in vain until %s; there were %v and are %v", what, r.before, r.held())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// ask asks the verb.
func (r *trial) ask() {
	r.Helper()
	if ack, err := r.process.Ask(r.ctx, r.verb); err != nil || ack.Code != 0 {
		r.Fatalf("asked: %+v, %v", ack, err)
	}
}

// ends waits until the candidate has ended, as it is to by the verb, and left nothing.
func (r *trial) ends() {
	r.Helper()
	select {
	case <-r.process.Done():
	case <-r.ctx.Done():
		r.Fatal("it runs on")
	}
	exit := r.process.Exit()
	killed := exit.Signal == syscall.SIGKILL && r.verb == control.StopNow
	how := exit.String()
	if killed || leaving[r.name] != "" { // without its workers, which the guard ends
		how, _, _ = strings.Cut(how, ",")
	}
	want := exits[r.name+" "+string(r.verb)]
	if how != cmp.Or(want, "exit status 0") && !(killed && want == "") {
		r.Errorf("it ended by %s: %s", r.verb, exit)
	}
	if exit.Left != nil {
		r.Errorf("left is %v", exit.Left)
	}
	if conn, err := net.Dial("tcp", r.address); err == nil {
		conn.Close()
		r.Error("somebody listens on its port still")
	}
}

// blocks is an app whose reply is in flight for a while, in so many bytes.
const (
	blocks      = "stream?chunks=3&bytes=10&ms=500"
	blocksBytes = 30
)

// stopsGracefully asks for the stop while a reply is in flight, if the candidate has one
// that takes any time and is to end.
func (r *trial) stopsGracefully(s servers.Server) {
	if hanging[r.name] != "" || !s.Carries("stream") || s.Protocol != "" {
		r.ask()
		r.ends()
		return
	}
	res, err := get(r.ctx, r.address, blocks)
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	first := make([]byte, 1)
	if _, err := io.ReadFull(res.Body, first); err != nil {
		r.Fatal(err)
	}
	r.ask()
	rest, err := io.ReadAll(res.Body)
	if n := 1 + len(rest); err != nil || n != blocksBytes {
		if why := cutting[r.name]; why == "" {
			r.Errorf("the reply in flight was cut after %d bytes: %v", n, err)
		} else {
			r.Logf("the reply in flight was cut after %d bytes, as %s", n, why)
		}
	}
	r.ends()
}

func get(ctx context.Context, address, app string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+address+"/"+app, nil)
	if err != nil {
		return nil, err
	}
	req.Close = true
	return http.DefaultClient.Do(req)
}

// What the app hello says, and is changed to say.
const (
	said  = "Hello, World!"
	saysN = "Hello, again!"

	// sayingN is an app in Python that says it.
	sayingN = `def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [b"` + saysN + `"]
`
)

// What a candidate does not declare is refused, and nothing is sent.
func TestUndeclaredVerb(t *testing.T) {
	p, _ := start(t, "nethttp", servers.Launch{})
	for _, verb := range []control.Verb{control.Reload, control.Upgrade, control.ScaleUp, control.ScaleDown} {
		if ack, err := p.Ask(t.Context(), verb); !errors.Is(err, control.ErrNotOffered) || !ack.Sent.IsZero() {
			t.Errorf("%s: %+v, %v", verb, ack, err)
		}
	}
}
