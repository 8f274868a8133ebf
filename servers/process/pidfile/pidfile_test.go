package pidfile_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/benchctl/benchctl/servers/process/bus"
	"github.com/benchctl/benchctl/servers/process/pidfile"
)

// The test program is also the processes that have pidfiles.
func TestMain(m *testing.M) {
	if part := os.Getenv("PIDFILE_TEST_PART"); part != "" {
		if err := parts[part](os.Args[1]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// parts are what a child does, with the path of a pidfile.
var parts = map[string]func(string) error{
	"owner": func(path string) error {
		f, err := pidfile.Create(path)
		if err != nil {
			return err
		}
		untilTold()
		return f.Remove()
	},
	"successor": func(path string) error {
		f, err := pidfile.Adopt(path, os.NewFile(3, "lock"))
		if err != nil {
			return err
		}
		untilTold()
		return f.Remove()
	},
	"dropped": func(path string) error { // has no right to the directory any longer
		f, err := pidfile.Create(path)
		if err != nil {
			return err
		}
		if err := syscall.Setuid(65534); err != nil {
			return err
		}
		if err := f.HandOver(os.Getppid()); err != nil {
			return err
		}
		untilTold()
		if err := f.HandOver(os.Getpid()); err != nil {
			return err
		}
		return f.Remove()
	},
}

// untilTold says that it is up, and waits for a line or the end of input.
func untilTold() {
	fmt.Println("up")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
}

type child struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(t *testing.T, part, path string, files ...*os.File) child {
	t.Helper()
	cmd := exec.Command(os.Args[0], path)
	cmd.Env = append(os.Environ(), "PIDFILE_TEST_PART="+part)
	cmd.ExtraFiles, cmd.Stderr = files, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return child{cmd, in, bufio.NewReader(out)}
}

func (c child) line() string {
	line, _ := c.out.ReadString('\n')
	return strings.TrimSpace(line)
}

func (c child) kill() {
	_ = c.Process.Kill()
	_ = c.Wait()
}

func (c child) finish(t *testing.T) {
	t.Helper()
	c.in.Close()
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

func reads(t *testing.T, path string, want int) {
	t.Helper()
	if pid, err := pidfile.Read(path); err != nil || pid != want {
		t.Errorf("the pidfile has %d (%v), want %d", pid, err, want)
	}
}

func gone(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is there: %v", path, err)
	}
}

func TestCreateAndRemove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	f, err := pidfile.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	reads(t, path, os.Getpid())
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	gone(t, path+".new")
	if err := f.Remove(); err != nil {
		t.Error(err)
	}
	gone(t, path)
}

// A live owner is named, and keeps its file; when it is killed, nothing is in the way.
func TestLiveAndKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	for range 3 {
		owner := start(t, "owner", path)
		if said := owner.line(); said != "up" {
			t.Fatal(said)
		}
		_, err := pidfile.Create(path)
		if !errors.Is(err, pidfile.ErrLive) || !strings.Contains(err.Error(), fmt.Sprintf("%s: process %d has it", path, owner.Process.Pid)) {
			t.Errorf("a second owner: %v", err)
		}
		reads(t, path, owner.Process.Pid)
		owner.kill()
		reads(t, path, owner.Process.Pid)
	}
	f, err := pidfile.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	reads(t, path, os.Getpid())
	if err := f.Remove(); err != nil {
		t.Error(err)
	}
}

// What other deaths leave is replaced too: a number of a process that lives, nonsense, and a
// temporary file.
func TestStale(t *testing.T) {
	for _, left := range []string{strconv.Itoa(os.Getppid()) + "\n", "", "nonsense", "-1", "99999999999999999999"} {
		path := filepath.Join(t.TempDir(), "server.pid")
		for _, name := range []string{path, path + ".new"} {
			if err := os.WriteFile(name, []byte(left), 0o400); err != nil {
				t.Fatal(err)
			}
		}
		f, err := pidfile.Create(path)
		if err != nil {
			t.Fatalf("%q: %v", left, err)
		}
		reads(t, path, os.Getpid())
		if err := f.Remove(); err != nil {
			t.Error(err)
		}
	}
}

// Only one of many that start at once has it.
func TestAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	var owners []child
	for range 8 {
		owners = append(owners, start(t, "owner", path))
	}
	up := 0
	for _, o := range owners {
		if said := o.line(); said == "up" {
			up++
			reads(t, path, o.Process.Pid)
		} else if !strings.Contains(said, "has it") {
			t.Error(said)
		}
	}
	if up != 1 {
		t.Errorf("%d of them own it", up)
	}
}

// A reader sees a whole file at all times.
func TestAtomic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	f, err := pidfile.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Remove()
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				reads(t, path, os.Getpid())
			}
		}
	})
	for range 200 {
		if err := f.Write(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
}

// A file that tells of somebody else, or is gone, is left alone.
func TestRemoveWhatIsOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	for _, text := range []string{"1\n", "nonsense"} {
		f, err := pidfile.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := f.Remove(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadFile(path); err != nil || string(left) != text {
			t.Errorf("left %q, %v", left, err)
		}
	}
	f, err := pidfile.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(path)
	if err := f.Remove(); err != nil {
		t.Error(err)
	}
}

// The successor has the lock from the first moment on, and the pidfile when it is given.
func TestHandOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	f, err := pidfile.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	failed := start(t, "successor", path, f.Lock())
	failed.line()
	failed.finish(t) // it goes before anything was handed over
	reads(t, path, os.Getpid())
	if err := f.HandOver(failed.Process.Pid); err == nil {
		t.Error("handed over to a process that has ended")
	}

	successor := start(t, "successor", path, f.Lock())
	if said := successor.line(); said != "up" {
		t.Fatal(said)
	}
	if err := f.HandOver(successor.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(); err != nil { // as the predecessor stops
		t.Error(err)
	}
	reads(t, path, successor.Process.Pid)
	if _, err := pidfile.Create(path); !errors.Is(err, pidfile.ErrLive) {
		t.Errorf("beside a successor: %v", err)
	}
	successor.finish(t)
	gone(t, path)
	again, err := pidfile.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Remove(); err != nil {
		t.Error(err)
	}
}

// A lock that is not that of the pidfile, or not held, is refused.
func TestAdoptWrongLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	f, err := pidfile.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Remove()
	other, err := os.Create(filepath.Join(t.TempDir(), "other"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pidfile.Adopt(path, other); err == nil || !strings.Contains(err.Error(), "it is not "+path+".lock") {
		t.Errorf("another file: %v", err)
	}
	free, err := os.Open(path + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pidfile.Adopt(path, free); !errors.Is(err, pidfile.ErrLive) {
		t.Errorf("without the lock: %v", err)
	}
}

// After a drop of privileges the file is written and emptied in place.
func TestDropped(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root has privileges to drop")
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // like /run: all may look
		t.Fatal(err)
	}
	path := filepath.Join(dir, "server.pid")
	c := start(t, "dropped", path)
	if said := c.line(); said != "up" {
		t.Fatal(said)
	}
	reads(t, path, os.Getpid())
	c.finish(t)
	if text, err := os.ReadFile(path); err != nil || len(text) != 0 {
		t.Errorf("left %q, %v", text, err)
	}
}

func TestErrors(t *testing.T) {
	if _, err := pidfile.Create(filepath.Join(t.TempDir(), "no", "server.pid")); err == nil || !strings.Contains(err.Error(), "no such file or directory") {
		t.Error(err)
	}
	dir := t.TempDir()
	if err := os.Symlink("/dev/null", filepath.Join(dir, "server.pid.lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := pidfile.Create(filepath.Join(dir, "server.pid")); err == nil {
		t.Error("a link was followed")
	}
	if err := os.Mkdir(filepath.Join(dir, "dir.pid"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := pidfile.Create(filepath.Join(dir, "dir.pid")); err == nil {
		t.Error("a directory was replaced")
	}
	gone(t, filepath.Join(dir, "dir.pid.new"))
}

// The plugin has the file from start to stop, and again.
func TestPlugin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	b := bus.New(nil)
	p := pidfile.At(path)
	p.Attach(b)
	if p.Lock() != nil || p.HandOver(os.Getpid()) == nil {
		t.Error("it has a lock before the start")
	}
	for range 2 {
		if err := b.Publish(bus.Start).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		reads(t, path, os.Getpid())
		second := bus.New(nil)
		pidfile.At(path).Attach(second)
		if err := second.Publish(bus.Start).Wait(t.Context()); !errors.Is(err, pidfile.ErrLive) {
			t.Errorf("a second program: %v", err)
		}
		second.Publish(bus.Exit)
		if status := second.Wait(); status != bus.StatusStartFailed {
			t.Errorf("its status %d", status)
		}
		reads(t, path, os.Getpid())
		if err := b.Publish(bus.Stop).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		gone(t, path)
	}
	b.Publish(bus.Exit)
	b.Wait()
}

// The plugin of a successor has the lock, and the file once it is handed over.
func TestPluginInherits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.pid")
	old, err := pidfile.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Dup(int(old.Lock().Fd()))
	if err != nil {
		t.Fatal(err)
	}
	b := bus.New(nil)
	p := pidfile.Inherit(path, os.NewFile(uintptr(fd), "lock"))
	p.Attach(b)
	if err := b.Publish(bus.Start).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := old.HandOver(os.Getpid()); err != nil {
		t.Fatal(err)
	}
	b.Publish(bus.Exit)
	if status := b.Wait(); status != bus.StatusOK {
		t.Errorf("status %d", status)
	}
	gone(t, path)
	if err := old.Remove(); err != nil {
		t.Error(err)
	}
}
