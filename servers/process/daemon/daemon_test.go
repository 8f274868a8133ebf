package daemon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/process/bus"
	"github.com/benchctl/benchctl/servers/process/daemon"
)

// The test program is also the daemon, which does what a variable says, and a launcher.
const (
	partVariable = "DAEMON_TEST_PART"
	testVariable = "DAEMON_TEST_ADDRESS" // where the test listens
)

func TestMain(m *testing.M) {
	if part := os.Getenv(partVariable); part != "" {
		os.Exit(parts[part]())
	}
	os.Exit(m.Run())
}

var parts = map[string]func() int{
	"ready": func() int {
		d := entered()
		fmt.Println("warms up")
		before := look()
		if err := d.Ready(); err != nil {
			return 4
		}
		if err := d.Ready(); err != nil { // again
			return 5
		}
		fmt.Println("serves")
		return report(before, look())
	},
	"plugin": func() int {
		b := bus.New(nil)
		entered().Attach(b)
		if err := b.Publish(bus.Start).Wait(context.Background()); err != nil {
			return 4
		}
		return report(look())
	},
	"fails":  func() int { entered(); fmt.Fprintln(os.Stderr, "the port is in use"); return 3 },
	"ends":   func() int { entered(); return 0 },
	"panics": func() int { entered(); panic("at the disco") },
	"killed": func() int { entered(); _ = syscall.Kill(os.Getpid(), syscall.SIGKILL); select {} },
	"late": func() int { // it must be asked to end
		entered()
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, syscall.SIGTERM)
		fmt.Println("takes its time")
		<-asked
		fmt.Println("was asked")
		return 0
	},
	"deaf": func() int { // and so is its child
		entered()
		signal.Ignore(syscall.SIGTERM)
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), partVariable+"=child")
		if err := child.Start(); err != nil {
			return 4
		}
		_ = child.Wait()
		return 0
	},
	"child": func() int { return report(look()) },
	"launcher": func() int {
		if err := os.Setenv(partVariable, "orphan"); err != nil {
			return 4
		}
		_, err := daemon.Launch(context.Background(), daemon.Options{}, os.Stderr)
		fmt.Println(err)
		return 1
	},
	"orphan": func() int { // loses its launcher before it is ready
		d := entered()
		conn, err := net.Dial("tcp", os.Getenv(testVariable))
		if err != nil {
			return 4
		}
		fmt.Fprintln(conn, os.Getppid())
		_, _ = conn.Read(make([]byte, 1)) // the test has killed it
		fmt.Fprintln(conn, d.Ready())
		return 0
	},
}

func entered() *daemon.Daemon {
	d, err := daemon.Enter()
	if err != nil || d == nil {
		fmt.Fprintln(os.Stderr, "no daemon:", err)
		os.Exit(6)
	}
	return d
}

// facts are what a process sees of itself.
type facts struct {
	PID, Session, Group int
	Terminal            bool
	Null                [3]bool
	Umask               int
	Dir                 string
	Args                []string
	Marked              bool
}

func look() facts {
	f := facts{PID: os.Getpid(), Args: os.Args}
	f.Session, _ = unix.Getsid(0)
	f.Group, _ = unix.Getpgid(0)
	if tty, err := os.Open("/dev/tty"); err == nil {
		f.Terminal = true
		tty.Close()
	}
	null, _ := os.Stat(os.DevNull)
	for i, file := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		if info, err := file.Stat(); err == nil {
			f.Null[i] = os.SameFile(info, null)
		}
	}
	f.Umask = syscall.Umask(0)
	syscall.Umask(f.Umask)
	f.Dir, _ = os.Getwd()
	for _, v := range os.Environ() {
		f.Marked = f.Marked || strings.HasPrefix(v, "SERVER_PROCESS_DAEMON")
	}
	return f
}

// report sends facts to the test, and lives until that ends the connection.
func report(all ...facts) int {
	conn, err := net.Dial("tcp", os.Getenv(testVariable))
	if err != nil {
		return 7
	}
	if err := json.NewEncoder(conn).Encode(all); err != nil {
		return 8
	}
	_, _ = io.Copy(io.Discard, conn)
	return 0
}

// listen is where daemons come to; those that did end with the test.
func listen(t *testing.T, part string) net.Listener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	t.Setenv(partVariable, part)
	t.Setenv(testVariable, ln.Addr().String())
	return ln
}

func accept(t *testing.T, ln net.Listener) net.Conn {
	t.Helper()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.(*net.TCPConn).CloseWrite() // it ends
		_, _ = io.Copy(io.Discard, conn)
		conn.Close()
	})
	return conn
}

func heard(t *testing.T, ln net.Listener) (all []facts) {
	t.Helper()
	if err := json.NewDecoder(accept(t, ln)).Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// A daemon has a session of its own and no terminal, writes to its log, and its launcher
// returns once it is ready.
func TestLaunch(t *testing.T) {
	ln := listen(t, "ready")
	log, dir := filepath.Join(t.TempDir(), "log"), t.TempDir()
	if err := os.WriteFile(log, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	pid, err := daemon.Launch(t.Context(), daemon.Options{Log: log, Dir: dir, Umask: 0o137}, &said)
	if err != nil {
		t.Fatalf("%v\n%s", err, said.Bytes())
	}
	all := heard(t, ln)
	for i, f := range all {
		if f.PID != pid || f.Session != pid || f.Group != pid || f.Terminal || f.Umask != 0o137 || f.Marked || !f.Null[0] || f.Null[1] || f.Null[2] {
			t.Errorf("%d: process %d: %+v", i, pid, f)
		}
		if want, err := filepath.EvalSymlinks(dir); err != nil || f.Dir != want {
			t.Errorf("it runs in %s, not %s (%v)", f.Dir, want, err)
		}
		if strings.Join(f.Args, " ") != strings.Join(os.Args, " ") {
			t.Errorf("its arguments are %q", f.Args)
		}
	}
	if said.String() != "warms up\n" && said.String() != "warms up\nserves\n" {
		t.Errorf("said %q", said.String())
	}
	if text, err := os.ReadFile(log); err != nil || string(text) != "before\nwarms up\nserves\n" {
		t.Errorf("logged %q, %v", text, err)
	}
}

// Without a log, the output goes nowhere once it is ready, and the root is the directory.
func TestDefaults(t *testing.T) {
	ln := listen(t, "ready")
	var said bytes.Buffer
	was := look()
	if _, err := daemon.Launch(t.Context(), daemon.Options{}, &said); err != nil {
		t.Fatalf("%v\n%s", err, said.Bytes())
	}
	all := heard(t, ln)
	if before, after := all[0].Null, all[1].Null; before != [3]bool{true, false, false} || after != [3]bool{true, true, true} {
		t.Errorf("null before %v, after %v", before, after)
	}
	if all[0].Dir != "/" || all[0].Umask != was.Umask {
		t.Errorf("%+v", all[0])
	}
	if said.String() != "warms up\n" {
		t.Errorf("said %q", said.String())
	}
}

func TestPlugin(t *testing.T) {
	ln := listen(t, "plugin")
	pid, err := daemon.Launch(t.Context(), daemon.Options{}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if all := heard(t, ln); all[0].PID != pid {
		t.Errorf("%+v is not %d", all, pid)
	}
}

// What does not get ready is reported, with its words and its status.
func TestFailedStart(t *testing.T) {
	for part, want := range map[string]struct {
		code         int
		error, wrote string
	}{
		"fails":  {3, "the daemon ended before it was ready: exit status 3", "the port is in use\n"},
		"ends":   {1, "the daemon ended before it was ready: exit status 0", ""},
		"panics": {2, "the daemon ended before it was ready: exit status 2", "panic: at the disco"},
		"killed": {137, "the daemon was killed before it was ready: killed", ""},
	} {
		for _, log := range []string{"", filepath.Join(t.TempDir(), "log")} {
			t.Setenv(partVariable, part)
			var said bytes.Buffer
			_, err := daemon.Launch(t.Context(), daemon.Options{Log: log}, &said)
			var exit *daemon.ExitError
			if !errors.As(err, &exit) || exit.Code() != want.code || err.Error() != want.error {
				t.Errorf("%s: %v, want status %d", part, err, want.code)
			}
			if !strings.HasPrefix(said.String(), want.wrote) {
				t.Errorf("%s: said %q", part, said.String())
			}
			if text, err := os.ReadFile(log); log != "" && (err != nil || string(text) != said.String()) {
				t.Errorf("%s: logged %q, %v", part, text, err)
			}
		}
	}
}

// One that is not ready in time is asked to end.
func TestLate(t *testing.T) {
	t.Setenv(partVariable, "late")
	log := filepath.Join(t.TempDir(), "log")
	if err := syscall.Mkfifo(log, 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := os.OpenFile(log, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	text := make(chan string, 1)
	go func() { // the time is up when it has begun
		first := make([]byte, len("takes its time\n"))
		_, _ = io.ReadFull(said, first)
		cancel(cause)
		second := make([]byte, len("was asked\n"))
		_, _ = io.ReadFull(said, second)
		text <- string(first) + string(second)
	}()
	if _, err := daemon.Launch(ctx, daemon.Options{Log: log, Grace: time.Minute}, io.Discard); !errors.Is(err, cause) {
		t.Error(err)
	}
	if got := <-text; got != "takes its time\nwas asked\n" {
		t.Errorf("said %q", got)
	}
}

// One that does not end either is killed, with what it started.
func TestDeaf(t *testing.T) {
	ln := listen(t, "deaf")
	gone := make(chan error, 1)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			gone <- err
			return
		}
		defer conn.Close()
		var all []facts
		d := json.NewDecoder(conn)
		_ = d.Decode(&all)
		cancel(daemon.ErrLate)
		err = d.Decode(&all)
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			err = nil
		}
		gone <- err
	}()
	if _, err := daemon.Launch(ctx, daemon.Options{Grace: time.Millisecond}, io.Discard); !errors.Is(err, daemon.ErrLate) {
		t.Error(err)
	}
	if err := <-gone; err != nil {
		t.Errorf("its child: %v", err)
	}
}

func TestLimit(t *testing.T) {
	t.Setenv(partVariable, "late")
	if _, err := daemon.Launch(t.Context(), daemon.Options{Limit: time.Millisecond}, io.Discard); !errors.Is(err, daemon.ErrLate) {
		t.Error(err)
	}
}

// A daemon whose launcher is killed hears of it.
func TestLauncherKilled(t *testing.T) {
	ln := listen(t, "launcher")
	launcher := exec.Command(os.Args[0])
	if err := launcher.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = launcher.Process.Kill()
		_ = launcher.Wait()
	})
	conn := accept(t, ln)
	var parent int
	if _, err := fmt.Fscanln(conn, &parent); err != nil || parent != launcher.Process.Pid {
		t.Fatalf("its parent is %d (%v), not %d", parent, err, launcher.Process.Pid)
	}
	_ = launcher.Process.Kill()
	_ = launcher.Wait()
	if _, err := conn.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(conn); err != nil || string(said) != "daemon: its launcher is gone\n" {
		t.Errorf("said %q, %v", said, err)
	}
}

// What is no daemon, and what only looks like one.
func TestEnter(t *testing.T) {
	if d, err := daemon.Enter(); d != nil || err != nil {
		t.Errorf("%v, %v", d, err)
	}
	for value, want := range map[string]string{"": "is of no launcher", "1 2": "is gone", "nonsense": "is of no launcher", "1": "is of no launcher"} {
		t.Setenv("SERVER_PROCESS_DAEMON", value)
		if d, err := daemon.Enter(); d != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v", value, d, err)
		}
		if _, is := os.LookupEnv("SERVER_PROCESS_DAEMON"); is {
			t.Errorf("%q is still there", value)
		}
	}
	var none *daemon.Daemon
	none.Attach(bus.New(nil))
}

func TestErrors(t *testing.T) {
	t.Setenv(partVariable, "ready")
	for _, o := range []daemon.Options{{Log: filepath.Join(t.TempDir(), "no", "log")}, {Dir: filepath.Join(t.TempDir(), "no")}} {
		if _, err := daemon.Launch(t.Context(), o, io.Discard); err == nil || !strings.HasPrefix(err.Error(), "start the daemon: ") || !strings.Contains(err.Error(), "no such file or directory") {
			t.Error(err)
		}
	}
}
