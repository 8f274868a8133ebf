package control_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// The test binary plays every part: the guard, the candidates, and a benchctl
// that is killed.
func TestMain(m *testing.M) {
	switch part := os.Getenv("CONTROL_TEST_PART"); {
	case len(os.Args) == 2 && os.Args[1] == "stopped-guard":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case len(os.Args) == 2 && os.Args[1] == "guard":
		os.Unsetenv("CONTROL_TEST_PART")
		os.Exit(control.RunGuard())
	case part != "":
		play(part)
	default:
		os.Setenv("GORACE", "atexit_sleep_ms=0") // of the parts: they end often
		os.Exit(m.Run())
	}
}

// otherParts are those that other files tell how to play.
var otherParts = map[string]func(){}

func play(part string) {
	if of, ok := otherParts[part]; ok {
		of()
	}
	switch part {
	case "serve": // on the handed-in listener
		ln, err := net.FileListener(os.NewFile(3, "listener"))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(7)
		}
		stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer cancel()
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})}
		go srv.Serve(ln)
		<-stop.Done()
		fmt.Println("stopping as asked")
		os.Exit(0)
	case "bind": // by itself, on TEST_ADDRESS, once TEST_PARENT is not its parent any longer
		for strconv.Itoa(os.Getppid()) == os.Getenv("TEST_PARENT") {
			runtime.Gosched()
		}
		ln, err := sharing(os.Getenv("TEST_ADDRESS"))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(7)
		}
		http.Serve(ln, http.NotFoundHandler())
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("deaf now")
		forever()
	case "hang":
		forever()
	case "fail":
		fmt.Fprintln(os.Stderr, "no module named app")
		os.Exit(3)
	case "daemonize": // a child in a session of its own, main gone
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "CONTROL_TEST_PART=hang")
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := child.Start(); err != nil {
			os.Exit(7)
		}
		fmt.Println("child", child.Process.Pid)
		os.Exit(0)
	case "fork-twice": // a grandchild answers, whose parent has ended
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "CONTROL_TEST_PART=fork")
		if err := child.Run(); err != nil {
			os.Exit(7)
		}
		forever()
	case "fork":
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "CONTROL_TEST_PART=bind", fmt.Sprintf("TEST_PARENT=%d", os.Getpid()))
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := child.Start(); err != nil {
			os.Exit(7)
		}
		os.Exit(0)
	case "threads": // so many, beside those of the runtime
		n, _ := strconv.Atoi(os.Getenv("TEST_THREADS"))
		var there sync.WaitGroup
		there.Add(n)
		for range n {
			go func() {
				runtime.LockOSThread()
				there.Done()
				select {}
			}()
		}
		there.Wait()
		fmt.Println("there")
		forever()
	case "say":
		fmt.Println(os.Getenv("TEST_SAID"))
		os.Exit(0)
	case "flood":
		out := bufio.NewWriter(os.Stdout)
		for i := range 400_000 {
			fmt.Fprintf(out, "line %d of far too many\n", i)
		}
		fmt.Fprintln(out, "the end")
		out.Flush()
		os.Exit(0)
	case "owner": // a benchctl with a candidate, to be killed
		s := spec(os.Getenv("TEST_CANDIDATE"), os.Getenv("TEST_LOG"))
		s.Env, s.Groups = append(s.Env, "TEST_ADDRESS="+os.Getenv("TEST_ADDRESS")), control.Groups(os.Getenv("TEST_GROUPS"))
		p, err := control.Start("owned", s)
		if err != nil {
			fmt.Println(err)
			os.Exit(7)
		}
		fmt.Printf("%d %d %s\n", p.PID(), p.Guard, p.Group)
		forever()
	}
}

// sharing listens so that others can too (SO_REUSEPORT of socket(7)).
func sharing(address string) (net.Listener, error) {
	var lc net.ListenConfig
	lc.Control = func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
		return errors.Join(failed, err)
	}
	return lc.Listen(context.Background(), "tcp", address)
}

// forever waits to be killed. An empty select would end a program without cgo, for
// a deadlock.
func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

func spec(part, log string) control.Spec {
	return control.Spec{
		Command: control.Command{Argv: []string{os.Args[0]}, Env: []string{"CONTROL_TEST_PART=" + part, "GORACE=atexit_sleep_ms=0"}},
		Guard:   []string{os.Args[0], "guard"},
		Log:     log,
	}
}

func start(t *testing.T, part string, change func(*control.Spec)) *control.Process {
	t.Helper()
	s := spec(part, filepath.Join(t.TempDir(), "log"))
	if change != nil {
		change(&s)
	}
	p, err := control.Start(part, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

// listen returns a listener's file and address.
func listen(t *testing.T) (*os.File, string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	t.Cleanup(func() { f.Close() })
	return f, f2addr(t, f)
}

func f2addr(t *testing.T, f *os.File) string {
	ln, err := net.FileListener(f)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func probe(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, "GET", "http://"+address+"/", nil)
		if err != nil {
			return err
		}
		req.Close = true
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		return res.Body.Close()
	}
}

func TestHandedInListener(t *testing.T) {
	f, address := listen(t)
	log := filepath.Join(t.TempDir(), "log")
	p := start(t, "serve", func(s *control.Spec) { s.Listener, s.Log = f, log })
	f.Close()
	took, err := p.Ready(t.Context(), address, time.Minute, probe(address))
	if err != nil {
		t.Fatal(err)
	}
	if took <= 0 {
		t.Errorf("ready after %v", took)
	}
	if exit := p.Stop(t.Context(), time.Minute); exit.Code != 0 || exit.Killed {
		t.Errorf("stop: %+v", exit)
	}
	if tail := control.LogTail(log, 1); tail != "stopping as asked" {
		t.Errorf("log ends with %q", tail)
	}
}

func TestStopKillsWhatIgnoresIt(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	p := start(t, "stubborn", func(s *control.Spec) { s.Log = log })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for control.LogTail(log, 1) != "deaf now" && ctx.Err() == nil {
		runtime.Gosched()
	}
	exit := p.Stop(t.Context(), 50*time.Millisecond)
	if !exit.Killed || exit.Signal != syscall.SIGKILL {
		t.Errorf("stop: %+v", exit)
	}
	gone(t, p.PID())
}

func TestEndsBeforeReady(t *testing.T) {
	p := start(t, "fail", nil)
	_, err := p.Ready(t.Context(), "127.0.0.1:1", 10*time.Second, func(context.Context) error { return errors.New("refused") })
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no module named app") {
		t.Errorf("ready: %v", err)
	}
}

// What is told of a candidate that is never ready is what was seen of it.
func TestNeverReady(t *testing.T) {
	says := func(text string) func(context.Context) error {
		return func(context.Context) error { return errors.New(text) }
	}
	hangs := func(ctx context.Context) error {
		<-ctx.Done()
		return &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	}
	p := start(t, "hang", nil)
	for _, c := range []struct {
		want  string
		probe func(context.Context) error
	}{
		{"connection refused", says("connection refused")},
		{"status is 503, not 200", says("status is 503, not 200")},
		{"no reply in time", hangs},
	} {
		_, err := p.Ready(t.Context(), "127.0.0.1:1", 20*time.Millisecond, c.probe)
		if !errors.Is(err, control.ErrNotReady) || err.Error() != "not ready in 20ms: "+c.want {
			t.Errorf("ready: %v, want %s", err, c.want)
		}
	}
}

// One who no longer waits is told why, and nothing of the candidate.
func TestReadyInterrupted(t *testing.T) {
	p := start(t, "hang", nil)
	why := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := p.Ready(ctx, "127.0.0.1:1", time.Minute, func(ctx context.Context) error {
		cancel(why)
		<-ctx.Done()
		return ctx.Err()
	})
	if err != why { //nolint:errorlint // it is that and nothing more
		t.Errorf("ready: %v", err)
	}
}

// What a candidate is given takes the place of what its parent has.
func TestEnvironment(t *testing.T) {
	t.Setenv("TEST_SAID", "the parent's")
	log := filepath.Join(t.TempDir(), "log")
	p := start(t, "say", func(s *control.Spec) { s.Log, s.Env = log, append(s.Env, "TEST_SAID=its own") })
	<-p.Done()
	if said := control.LogTail(log, 1); said != "its own" {
		t.Errorf("said %q", said)
	}
}

// A candidate has a standard input, which is empty: some that fork want one to hand on.
func TestStandardInput(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	p := start(t, "hang", func(s *control.Spec) {
		s.Log, s.Argv = log, []string{"/bin/sh", "-c", "exec 3<&0 && read line <&3; echo it ended: $?"}
	})
	<-p.Done()
	if said := control.LogTail(log, 2); said != "it ended: 1" {
		t.Errorf("said %q", said)
	}
}

func TestDaemonizedChildIsKilled(t *testing.T) {
	needProc(t)
	log := filepath.Join(t.TempDir(), "log")
	p := start(t, "daemonize", func(s *control.Spec) { s.Log = log })
	<-p.Done()
	if p.Exit().Escaped == 0 || !strings.Contains(p.Exit().String(), "leaving 1 processes behind") {
		t.Errorf("exit: %s", p.Exit())
	}
	child, err := strconv.Atoi(strings.TrimPrefix(control.LogTail(log, 1), "child "))
	if err != nil {
		t.Fatal(err)
	}
	gone(t, child)
}

func TestLogIsBounded(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	p := start(t, "flood", func(s *control.Spec) { s.Log = log })
	<-p.Done()
	var total int64
	for _, name := range []string{log, log + ".old"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if total > 3<<20 {
		t.Errorf("%d bytes of log were kept", total)
	}
	if tail := control.LogTail(log, 1); tail != "the end" {
		t.Errorf("log ends with %q", tail)
	}
}

func TestMissingProgram(t *testing.T) {
	s := spec("hang", "")
	s.Argv = []string{"no-such-server-program"}
	if _, err := control.Start("ghost", s); err == nil || !strings.Contains(err.Error(), "start ghost") || !strings.Contains(err.Error(), "no-such-server-program") {
		t.Errorf("start: %v", err)
	}
}

// owned is what an owner tells of itself and its candidate.
type owned struct {
	owner      *exec.Cmd
	pid, guard int
	group      proc.Group
}

// own starts an owner of a candidate.
func own(t *testing.T, part string, groups control.Groups) owned {
	t.Helper()
	o := owned{owner: exec.Command(os.Args[0])}
	o.owner.Env = append(os.Environ(), "CONTROL_TEST_PART=owner", "TEST_CANDIDATE="+part, "TEST_GROUPS="+string(groups), "TEST_LOG="+filepath.Join(t.TempDir(), "log"))
	out, err := o.owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.owner.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Split(strings.TrimSuffix(line, "\n"), " ")
	if len(said) != 3 {
		t.Fatalf("owner said %q", line)
	}
	o.pid, _ = strconv.Atoi(said[0])
	o.guard, _ = strconv.Atoi(said[1])
	o.group = proc.Group(said[2])
	if o.pid == 0 || o.guard == 0 {
		t.Fatalf("owner said %q", line)
	}
	return o
}

// kill ends the owner at once.
func (o owned) kill() {
	_ = o.owner.Process.Kill()
	_ = o.owner.Wait()
}

// A killed benchctl closes its end of the pipe, and the guard sees to the rest.
func TestNothingOutlivesItsOwner(t *testing.T) {
	needProc(t)
	o := own(t, "stubborn", control.AnyGroup)
	o.kill()
	gone(t, o.pid)
}

// gone waits until pid no longer exists, within reason.
func gone(t *testing.T, pid int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for syscall.Kill(pid, 0) == nil {
		if state, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); strings.Contains(string(state), ") Z ") {
			return // dead; init has not reaped it yet
		}
		if ctx.Err() != nil {
			t.Fatalf("process %d is still there", pid)
		}
	}
}

func needProc(t *testing.T) {
	if _, err := proc.Tree(os.Getpid()); err != nil {
		t.Skip(err)
	}
}

func TestShareCore(t *testing.T) {
	root := fstest.MapFS{}
	for n, siblings := range []string{"0,2", "1,3", "0,2", "1,3"} {
		root[fmt.Sprintf("sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", n)] = &fstest.MapFile{Data: []byte(siblings + "\n")}
	}
	for _, c := range []struct {
		a, b control.CPUs
		want bool
	}{
		{control.CPUs{0, 1}, control.CPUs{2, 3}, true},
		{control.CPUs{0, 2}, control.CPUs{1, 3}, false},
		{control.CPUs{0}, control.CPUs{2}, true},
		{control.CPUs{8}, control.CPUs{9}, false}, // nothing is known of them
		{nil, nil, false},
	} {
		if got := control.ShareCore(root, c.a, c.b); got != c.want {
			t.Errorf("%v and %v: %v", c.a, c.b, got)
		}
	}
}

func TestParseCPUs(t *testing.T) {
	for list, want := range map[string]string{"0": "0", "0-3": "0-3", "3,0-1": "0-1,3", "1,1": "1"} {
		if got, err := control.ParseCPUs(list); err != nil || got.String() != want {
			t.Errorf("ParseCPUs(%q) = %v, %v; want %s", list, got, err, want)
		}
	}
	for _, list := range []string{"", "a", "3-1", "-1", "0,", "99999"} {
		if got, err := control.ParseCPUs(list); err == nil {
			t.Errorf("ParseCPUs(%q) = %v, want an error", list, got)
		}
	}
}
