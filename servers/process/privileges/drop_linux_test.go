package privileges

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/benchctl/benchctl/servers/process/bus"
)

// The test program is also the process that drops its privileges. It says how that went, and
// lives until its input ends.
func TestMain(m *testing.M) {
	if part := os.Getenv("PRIVILEGES_TEST_PART"); part != "" {
		fmt.Println(parts[part]())
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var parts = map[string]func() string{
	"drop": func() string {
		crowd()
		target, err := Lookup("nobody", "")
		if err != nil {
			return err.Error()
		}
		if err := Drop(target); err != nil {
			return err.Error()
		}
		if err := Drop(target); err != nil { // again
			return err.Error()
		}
		if _, err := os.Open("/etc/shadow"); !errors.Is(err, os.ErrPermission) {
			return fmt.Sprint("opened /etc/shadow: ", err)
		}
		return "dropped"
	},
	"plugin": func() string {
		b := bus.New(nil)
		To("nobody", "").Attach(b)
		for _, e := range []bus.Event{bus.Start, bus.Stop, bus.Start} {
			if err := b.Publish(e).Wait(context.Background()); err != nil {
				return err.Error()
			}
		}
		return "dropped"
	},
	"unprivileged": func() string { return fmt.Sprint(Drop(Target{User: "daemon", UID: 1, GID: 1})) },
	"root":         func() string { return fmt.Sprint(Check(Target{User: "root"})) },
}

// crowd makes many threads, of all kinds: in system calls, at work, and coming and going.
func crowd() {
	var pipe [2]int // that nobody closes or writes to
	if err := syscall.Pipe(pipe[:]); err != nil {
		panic(err)
	}
	up := make(chan struct{})
	for range 32 {
		go func() {
			runtime.LockOSThread()
			up <- struct{}{}
			for {
				if _, err := syscall.Read(pipe[0], make([]byte, 1)); !errors.Is(err, syscall.EINTR) {
					return
				}
			}
		}()
	}
	go func() {
		runtime.LockOSThread()
		up <- struct{}{}
		for {
			runtime.Gosched()
		}
	}()
	go func() {
		up <- struct{}{}
		for { // a thread that a goroutine ends locked to ends too
			done := make(chan struct{})
			go func() {
				runtime.LockOSThread()
				close(done)
			}()
			<-done
		}
	}()
	for range 34 {
		<-up
	}
}

// Without cgo and with it, no thread keeps anything of root's, of the groups and of the
// ambient capabilities that the process was started with.
func TestDrop(t *testing.T) {
	asRoot(t)
	target, err := Lookup("nobody", "")
	if err != nil {
		t.Skip(err)
	}
	for _, cgo := range []string{"0", "1"} {
		program := build(t, cgo)
		if program == "" {
			continue
		}
		for _, part := range []string{"drop", "plugin"} {
			t.Run(part+" cgo="+cgo, func(t *testing.T) {
				pid, said := start(t, program, part, &syscall.SysProcAttr{
					Credential:  &syscall.Credential{Groups: []uint32{0, 4, 27}},
					AmbientCaps: []uintptr{10},
				})
				if said != "dropped" {
					t.Fatal(said)
				}
				threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
				if err != nil || part == "drop" && len(threads) < 33 {
					t.Fatalf("%d threads, %v", len(threads), err)
				}
				for _, path := range threads {
					text, err := os.ReadFile(path)
					if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					for _, want := range []string{
						fmt.Sprintf("\nUid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\n", target.UID), fmt.Sprintf("\nGid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\n", target.GID), "\nGroups:\t \n", "\nNoNewPrivs:\t1\n",
						"\nCapInh:\t0000000000000000\n", "\nCapPrm:\t0000000000000000\n", "\nCapEff:\t0000000000000000\n", "\nCapBnd:\t0000000000000000\n", "\nCapAmb:\t0000000000000000\n",
					} {
						if !strings.Contains(string(text), want) {
							t.Fatalf("%s has no %q:\n%s", path, want, text)
						}
					}
				}
			})
		}
	}
}

// Who is not root is told so, and root is not taken for somebody else.
func TestNotDropped(t *testing.T) {
	asRoot(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := public(t)
	if err := os.Link(self, filepath.Join(dir, "test")); err != nil { // a user can run it there
		t.Skip(err)
	}
	self = filepath.Join(dir, "test")
	_, said := start(t, self, "unprivileged", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}})
	if want := `become user "daemon": set its groups: operation not permitted: only root may, and this is user 65534`; said != want {
		t.Errorf("said %q, want %q", said, want)
	}
	if _, said := start(t, self, "root", nil); !strings.Contains(said, "thread ") {
		t.Errorf("root: %s", said)
	}
}

func asRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root has privileges to drop")
	}
}

// public is a directory that all users may look into.
func public(t *testing.T) string {
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// build makes this test program with or without cgo; there is none with it where no C
// compiler is.
func build(t *testing.T, cgo string) string {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil && cgo == "1" {
		t.Log("cgo needs gcc: it is not tried")
		return ""
	}
	program := filepath.Join(t.TempDir(), "test")
	cmd := exec.Command("go", "test", "-c", "-o", program, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	return program
}

// start runs a part and returns what it says. It ends with the test.
func start(t *testing.T, program, part string, as *syscall.SysProcAttr) (pid int, said string) {
	t.Helper()
	cmd := exec.Command(program)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "PRIVILEGES_TEST_PART="+part)
	cmd.SysProcAttr, cmd.Stderr = as, os.Stderr
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
		in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid, strings.TrimSpace(line)
}

// Whatever is left in one of the threads is found and named.
func TestCheck(t *testing.T) {
	target := Target{UID: 33, GID: 34, Supplementary: []int{41, 40}}
	well := map[string]string{
		"Uid": "33\t33\t33\t33", "Gid": "34\t34\t34\t34", "Groups": "40 41 ", "NoNewPrivs": "1",
		"CapInh": "0000000000000000", "CapPrm": "0000000000000000", "CapEff": "0000000000000000", "CapBnd": "0000000000000000", "CapAmb": "0000000000000000",
	}
	tasks := func(n int, fields map[string]string) fstest.MapFS {
		all := make(fstest.MapFS)
		for i := range n {
			of := well
			if i == n-1 {
				of = fields
			}
			text := "Name:\tserver\n"
			for _, name := range slices.Sorted(maps.Keys(of)) {
				text += name + ":\t" + of[name] + "\n"
			}
			all[strconv.Itoa(100+i)+"/status"] = &fstest.MapFile{Data: []byte(text)}
		}
		return all
	}
	if err := check(tasks(3, well), target); err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ field, value, err string }{
		{"Uid", "33\t33\t0\t33", `thread 102: Uid is "33 33 0 33", not "33 33 33 33"`},
		{"Uid", "33\t33\t33\t0", `thread 102: Uid is "33 33 33 0", not "33 33 33 33"`},
		{"Gid", "0\t34\t34\t34", `thread 102: Gid is "0 34 34 34", not "34 34 34 34"`},
		{"Groups", "0 40 41", `thread 102: Groups is "0 40 41", not "40 41"`},
		{"Groups", "", `thread 102: Groups is "", not "40 41"`},
		{"NoNewPrivs", "0", `thread 102: NoNewPrivs is "0", not "1"`},
		{"CapInh", "0000000000000400", `thread 102: CapInh is "0000000000000400", not 0`},
		{"CapPrm", "0000000000000001", `thread 102: CapPrm is "0000000000000001", not 0`},
		{"CapEff", "ffffffffffffffff", `thread 102: CapEff is "ffffffffffffffff", not 0`},
		{"CapBnd", "000001ffffffffff", `thread 102: CapBnd is "000001ffffffffff", not 0`},
		{"CapAmb", "0000000000000400", `thread 102: CapAmb is "0000000000000400", not 0`},
	} {
		fields := maps.Clone(well)
		fields[c.field] = c.value
		if err := check(tasks(3, fields), target); err == nil || err.Error() != c.err {
			t.Errorf("%v, want %s", err, c.err)
		}
	}
	for field := range well { // what is not told proves nothing
		fields := maps.Clone(well)
		delete(fields, field)
		if err := check(tasks(2, fields), target); err == nil || !strings.HasPrefix(err.Error(), "thread 101: "+field+" is") {
			t.Errorf("without %s: %v", field, err)
		}
	}
	if err := check(fstest.MapFS{}, target); err == nil {
		t.Error("no thread is enough")
	}
}
