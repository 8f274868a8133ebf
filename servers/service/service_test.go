package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/servers/control"
)

// fake is a Server that notes what is done with it.
type fake struct {
	mu      sync.Mutex
	did     []string
	fails   map[string]error
	ended   chan struct{}
	entered chan struct{} // has an element when a step that blocks has begun
	blocks  string        // step that waits for the end of its context
}

func (f *fake) do(ctx context.Context, what string) error {
	f.mu.Lock()
	f.did = append(f.did, what)
	err, block := f.fails[what], f.blocks == what
	f.mu.Unlock()
	if block {
		f.entered <- struct{}{}
		<-ctx.Done()
		f.mu.Lock()
		f.did = append(f.did, what+" hurried")
		f.mu.Unlock()
	}
	return err
}

func (f *fake) done() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.did)
}

func (f *fake) set(what string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails[what] = err
}

func (f *fake) Open(ctx context.Context) error { return f.do(ctx, "open") }
func (f *fake) Close() error                   { return f.do(context.Background(), "close") }
func (f *fake) Stop(ctx context.Context) error { return f.do(ctx, "stop") }
func (f *fake) Err() error                     { return errors.New("it broke down") }

func (f *fake) Start(ctx context.Context) error {
	f.mu.Lock()
	f.ended = make(chan struct{})
	f.mu.Unlock()
	return f.do(ctx, "start")
}

func (f *fake) Done() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ended
}

func (f *fake) Ask(ctx context.Context, v control.Verb) error { return f.do(ctx, string(v)) }

func (f *fake) Status() Status {
	return Status{Addresses: []string{"here"}, Processes: []Process{{PID: 7}}}
}

// running is a service that runs in this process.
type trial struct {
	*testing.T
	*fake
	dir    Dir
	serves chan string
	ended  chan error

	mu   sync.Mutex
	said []string
}

// dir is a directory with a short path, as sockets need one.
func shortDir(t *testing.T) Dir {
	t.Helper()
	path, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(path) })
	return Dir(filepath.Join(path, "d"))
}

// run runs a service until it is stopped, at the end of the test at the latest.
func run(t *testing.T, dir Dir, f *fake) *trial {
	t.Helper()
	if f.fails == nil {
		f.fails = make(map[string]error)
	}
	f.entered = make(chan struct{}, 10)
	r := &trial{T: t, fake: f, dir: dir, serves: make(chan string, 10), ended: make(chan error, 1)}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	s := Service{
		Server: f, Control: &Control{Dir: dir, Name: "web", Of: "fake", Command: Command{Dir: "/", Args: []string{"serve", "--server", "fake"}}},
		Serves: func(address string) { r.serves <- address },
		Say: func(line string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.said = append(r.said, line)
		},
	}
	go func() { r.ended <- s.Run(ctx) }()
	return r
}

// up waits until it serves.
func (r *trial) up() {
	r.Helper()
	select {
	case address := <-r.serves:
		if address != "here" {
			r.Errorf("it serves at %s", address)
		}
	case err := <-r.ended:
		r.Fatalf("it ended: %v, %q", err, r.told())
	case <-time.After(time.Minute):
		r.Fatal("it does not serve")
	}
}

// end waits until it has ended.
func (r *trial) end() error {
	r.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(time.Minute):
		r.Fatal("it does not end")
		return nil
	}
}

func (r *trial) told() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.said, "\n")
}

func (r *trial) ask(v Verb) error {
	r.Helper()
	return r.dir.Ask(r.Context(), "web", v)
}

func TestVerbs(t *testing.T) {
	r := run(t, shortDir(t), new(fake))
	r.up()
	for _, v := range []Verb{Reload, Upgrade, ScaleUp, ScaleDown, Restart} {
		if err := r.ask(v); err != nil {
			t.Errorf("%s: %v", v, err)
		}
	}
	now, err := r.dir.Status(t.Context(), "web")
	if err != nil || now.Name != "web" || now.Server != "fake" || now.State != "started" || now.PID != os.Getpid() || now.Since.IsZero() || len(now.Processes) != 1 {
		t.Errorf("%+v, %v", now, err)
	}
	r.set("reload", errors.New("no"))
	if err := r.ask(Reload); err == nil || !strings.Contains(err.Error(), "service web: reload: no") || misuse.Is(err) {
		t.Error(err)
	}
	r.set("upgrade", fmt.Errorf("upgrade: %w", control.ErrNotOffered))
	if err := r.ask(Upgrade); !misuse.Is(err) || !strings.Contains(err.Error(), "not offered") {
		t.Error(err)
	}
	if err := r.ask("fly"); !misuse.Is(err) {
		t.Error(err)
	}
	if err := r.ask(Stop); err != nil {
		t.Error(err)
	}
	if err := r.end(); err != nil {
		t.Error(err)
	}
	if did, want := r.done(), "open start reload upgrade scale-up scale-down stop start reload upgrade close stop close"; strings.Join(did, " ") != want {
		t.Errorf("done was %v, want %s", did, want)
	}
	if err := r.ask(Reload); !errors.Is(err, ErrNotRunning) || misuse.Is(err) {
		t.Errorf("after its end: %v", err)
	}
}

// A failed start is undone; nothing is left.
func TestStartFails(t *testing.T) {
	for step, did := range map[string]string{"open": "open", "start": "open start close"} {
		r := run(t, shortDir(t), &fake{fails: map[string]error{step: errors.New("broken")}})
		if err := r.end(); !errors.Is(err, ErrFailed) || !strings.Contains(r.told(), "broken") {
			t.Errorf("%v, told was %q", err, r.told())
		}
		if got := strings.Join(r.done(), " "); got != did {
			t.Errorf("done was %s, want %s", got, did)
		}
		if list, err := r.dir.List(t.Context()); err != nil || len(list) != 1 || list[0].State != Stopped {
			t.Errorf("%+v, %v", list, err)
		}
	}
}

// A server that ends unasked ends its service, and so does one that does not start again.
func TestServerEnds(t *testing.T) {
	r := run(t, shortDir(t), new(fake))
	r.up()
	close(r.fake.ended)
	if err := r.end(); !errors.Is(err, ErrFailed) || !strings.Contains(r.told(), "ended: it broke down") {
		t.Errorf("%v, told was %q", err, r.told())
	}
	r = run(t, shortDir(t), new(fake))
	r.up()
	r.set("start", errors.New("broken"))
	if err := r.ask(Restart); err == nil {
		t.Error("it started again")
	}
	if err := r.end(); !errors.Is(err, ErrFailed) {
		t.Error(err)
	}
	if did := strings.Join(r.done(), " "); did != "open start stop start close close" {
		t.Errorf("done was %s", did)
	}
}

// Stop-now does not wait for what takes long.
func TestStopNow(t *testing.T) {
	for _, blocks := range []string{"reload", "stop"} {
		r := run(t, shortDir(t), &fake{blocks: blocks})
		r.up()
		go func() { _ = r.ask(map[string]Verb{"reload": Reload, "stop": Stop}[blocks]) }()
		<-r.entered
		if err := r.ask(StopNow); err != nil && !strings.Contains(err.Error(), "before it answered") {
			t.Error(err)
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
		if !slices.Contains(r.done(), blocks+" hurried") {
			t.Errorf("done was %v", r.done())
		}
	}
}

func TestOneOfAName(t *testing.T) {
	dir := shortDir(t)
	first := run(t, dir, new(fake))
	first.up()
	second := run(t, dir, new(fake))
	if err := second.end(); err == nil || !strings.Contains(second.told(), fmt.Sprintf("process %d has that name: it is running already", os.Getpid())) {
		t.Errorf("%v, %q", err, second.told())
	}
	if len(second.done()) > 0 {
		t.Errorf("done was %v", second.done())
	}
	if err := first.ask(Reload); err != nil {
		t.Error(err)
	}
}

// leave leaves what a killed service does.
func leave(t *testing.T, dir Dir) {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: dir.socket("web"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
}

// A killed service is listed as such until it starts again, which what it left does not stop.
func TestKilled(t *testing.T) {
	dir := shortDir(t)
	r := run(t, dir, new(fake))
	r.up()
	if err := errors.Join(r.ask(Stop), r.end()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{Stopped, Killed, Killed} {
		list, err := dir.List(t.Context())
		if err != nil || len(list) != 1 || list[0].Name != "web" || list[0].State != want {
			t.Errorf("%+v, %v, want %s", list, err, want)
		}
		if want == Stopped {
			leave(t, dir)
		}
	}
	r = run(t, dir, new(fake))
	r.up()
	if list, err := dir.List(t.Context()); err != nil || len(list) != 1 || list[0].State != Running || list[0].Status.Server != "fake" {
		t.Errorf("%+v, %v", list, err)
	}
}

// A service that does not run can be forgotten, whatever it left; then nothing is known of it.
func TestForget(t *testing.T) {
	dir := shortDir(t)
	for _, killed := range []bool{false, true} {
		r := run(t, dir, new(fake))
		r.up()
		if err := dir.Forget(t.Context(), "web"); err == nil || misuse.Is(err) || !strings.Contains(err.Error(), fmt.Sprintf("service web: process %d runs it: stop it first (benchctl ctl stop web)", os.Getpid())) {
			t.Error(err)
		}
		if err := errors.Join(r.ask(Reload), r.ask(Stop), r.end()); err != nil {
			t.Fatal(err)
		}
		if killed {
			leave(t, dir)
		}
		if err := dir.Forget(t.Context(), "web"); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(string(dir)); err != nil || len(left) > 0 {
			t.Errorf("left are %v, %v", left, err)
		}
		if _, err := dir.ToStart("web", nil); !misuse.Is(err) {
			t.Errorf("forgotten, it can be started: %v", err)
		}
		if err := dir.Forget(t.Context(), "web"); !misuse.Is(err) || !strings.Contains(err.Error(), `no service "web" is known`) {
			t.Error(err)
		}
	}
	for _, name := range []string{"../web", ""} {
		if err := dir.Forget(t.Context(), name); !misuse.Is(err) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// What is in a service's directory and is not its own stays, and is told.
func TestForgetsNothingElse(t *testing.T) {
	dir := shortDir(t)
	r := run(t, dir, new(fake))
	r.up()
	if err := errors.Join(r.ask(Stop), r.end()); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir.home("web"), "other")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := dir.Forget(t.Context(), "web"); err == nil || !strings.Contains(err.Error(), "directory not empty") {
		t.Error(err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
	if list, err := dir.List(t.Context()); err != nil || len(list) != 1 || list[0].State != Stopped {
		t.Errorf("%+v, %v", list, err)
	}
}

// Who asks nonsense gets no further, and others do.
func TestNonsense(t *testing.T) {
	r := run(t, shortDir(t), new(fake))
	r.up()
	for _, text := range []string{"", "\n", "{", "[]\n", `{"verb":7}` + "\n", strings.Repeat("x", 1<<16)} {
		conn, err := net.Dial("unix", r.dir.socket("web"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(text))
		conn.Close()
	}
	if err := r.ask(Reload); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(r.dir.socket("web"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v", info, err)
	}
}
