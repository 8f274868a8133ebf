package measure_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/servers/control"
)

// The test binary plays the guard and the candidates too.
func TestMain(m *testing.M) {
	switch part := os.Getenv("MEASURE_TEST_PART"); {
	case len(os.Args) == 2 && os.Args[1] == "guard":
		os.Exit(control.RunGuard())
	case part != "":
		if err := play(part, os.NewFile(3, "test")); err != nil {
			fmt.Fprintln(os.Stderr, part+":", err)
			os.Exit(7)
		}
		os.Exit(0)
	default:
		os.Setenv("GORACE", "atexit_sleep_ms=0") // of the parts: they end often
		os.Exit(m.Run())
	}
}

// work is the CPU time that a candidate uses each time it is told to.
const work = 100 * time.Millisecond

// play is a candidate. It says when it is ready, works whenever the test tells it to by
// a byte, and answers with one when the work is done.
func play(part string, test *os.File) error {
	switch part {
	case "fork-twice": // a grandchild works, whose parent has ended
		if err := child("fork", test).Run(); err != nil {
			return err
		}
		if _, err := test.Write([]byte{'r'}); err != nil {
			return err
		}
		for { // until it is killed; an empty select would be a deadlock
			time.Sleep(time.Hour)
		}
	case "fork":
		return child("serve", test).Start()
	case "serve":
		return serve(test, use)
	case "ignore": // children that nobody waits for work
		signal.Ignore(syscall.SIGCHLD)
		if _, err := test.Write([]byte{'r'}); err != nil {
			return err
		}
		return serve(test, func() error {
			cmd := child("use", nil)
			ended, err := cmd.StdoutPipe()
			if err != nil {
				return err
			}
			if err := cmd.Start(); err != nil {
				return err
			}
			said, err := io.ReadAll(ended) // its end is the child's
			if err == nil && string(said) != "used" {
				err = fmt.Errorf("the child said %q", said)
			}
			_ = cmd.Wait() // no child
			return err
		})
	case "use":
		if err := use(); err != nil {
			return err
		}
		fmt.Print("used")
		return nil
	}
	return fmt.Errorf("no such part")
}

func child(part string, test *os.File) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "MEASURE_TEST_PART="+part)
	cmd.Stderr = os.Stderr
	if test != nil {
		cmd.ExtraFiles = []*os.File{test}
	}
	return cmd
}

// serve works for each byte until the test hangs up.
func serve(test *os.File, work func() error) error {
	for b := make([]byte, 1); ; {
		if _, err := test.Read(b); err != nil {
			return nil
		}
		if err := work(); err != nil {
			return err
		}
		if _, err := test.Write(b); err != nil {
			return nil
		}
	}
}

// use uses work of CPU time.
func use() error {
	began, err := measure.SelfCPU()
	for now := began; err == nil && now-began < work; {
		now, err = measure.SelfCPU()
	}
	return err
}

// candidate starts a candidate under a guard and returns once it is ready. tell makes it
// work once.
func candidate(t *testing.T, part string, groups control.Groups) (p *control.Process, tell func()) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	need(t, err)
	mine, theirs := os.NewFile(uintptr(pair[0]), "candidate"), os.NewFile(uintptr(pair[1]), "test")
	t.Cleanup(func() { mine.Close() })
	defer theirs.Close()
	log := filepath.Join(t.TempDir(), "log")
	p, err = control.Start(part, control.Spec{
		Command: control.Command{Argv: []string{os.Args[0]}, Env: []string{"MEASURE_TEST_PART=" + part, "GORACE=atexit_sleep_ms=0"}},
		Guard:   []string{os.Args[0], "guard"}, Listener: theirs, Log: log, Groups: groups,
	})
	need(t, err)
	t.Cleanup(p.Kill)
	if groups != control.NoGroup && groups != control.AnyGroup && p.Group == "" {
		t.Skipf("no control group of %s can be made here", groups)
	}
	theirs.Close()
	answer := make([]byte, 1)
	await := func() {
		t.Helper()
		if _, err := io.ReadFull(mine, answer); err != nil {
			t.Fatalf("the candidate does not answer: %v\n%s", err, control.LogTail(log, 5))
		}
	}
	await()
	return p, func() {
		t.Helper()
		if _, err := mine.Write([]byte{'w'}); err != nil {
			t.Fatal(err)
		}
		await()
	}
}

// least is what must be seen of work: the kernel shows a running process up to its last
// tick, of at most 10 ms. most leaves room for what the candidate does beside it.
const least, most = work - 20*time.Millisecond, 20 * work

// The time of a grandchild whose parent has ended counts.
func TestHeldSeesGrandchild(t *testing.T) {
	for _, groups := range []control.Groups{control.NoGroup, control.GroupV1, control.GroupV2} {
		t.Run(string(groups), func(t *testing.T) {
			p, tell := candidate(t, "fork-twice", groups)
			tree := measure.NewHeld(p.Guard, p.Group)
			before, err := tree.CPU()
			need(t, err)
			tell()
			after, err := tree.CPU()
			need(t, err)
			if used := after - before; used < least || used > most {
				t.Errorf("%v of a grandchild were read as %v", work, used)
			}
			mib, err := tree.Memory()
			need(t, err)
			main, err := measure.NewTree(p.PID()).Memory()
			need(t, err)
			if mib <= main {
				t.Errorf("%.1f MiB are held, of which the main process has %.1f", mib, main)
			}
			p.Kill()
			if _, err := tree.CPU(); err == nil || !strings.Contains(err.Error(), "has ended") {
				t.Errorf("CPU time of what has ended: %v", err)
			}
			if _, err := tree.Memory(); err == nil || !strings.Contains(err.Error(), "has ended") {
				t.Errorf("memory of what has ended: %v", err)
			}
		})
	}
}

// The time of children that nobody waits for counts where there is a group.
func TestGroupSeesTheUnreaped(t *testing.T) {
	for _, groups := range []control.Groups{control.GroupV1, control.GroupV2} {
		t.Run(string(groups), func(t *testing.T) {
			p, tell := candidate(t, "ignore", groups)
			tree := measure.NewHeld(p.Guard, p.Group)
			before, err := tree.CPU()
			need(t, err)
			tell()
			tell()
			after, err := tree.CPU()
			need(t, err)
			if used := after - before; used < 2*least || used > 2*most {
				t.Errorf("%v of two children were read as %v", 2*work, used)
			}
		})
	}
}

// Many trees are read together as each alone.
func TestCPUs(t *testing.T) {
	grouped, tellGrouped := candidate(t, "fork-twice", control.AnyGroup)
	plain, tellPlain := candidate(t, "fork-twice", control.NoGroup)
	ended, _ := candidate(t, "fork-twice", control.NoGroup)
	trees := []*measure.Tree{measure.NewHeld(grouped.Guard, grouped.Group), nil, measure.NewHeld(plain.Guard, ""), measure.NewHeld(ended.Guard, "")}
	before := measure.CPUs(trees)
	tellGrouped()
	tellPlain()
	ended.Kill()
	after := measure.CPUs(trees)
	for i, known := range []bool{true, false, true, false} {
		if (after[i] != nil) != known {
			t.Fatalf("tree %d is known: %v", i, after[i] != nil)
		}
		if !known {
			continue
		}
		if before[i] == nil || *before[i] != 0 {
			t.Fatalf("tree %d begins at %v", i, before[i])
		}
		if *after[i] < least || *after[i] > most {
			t.Errorf("%v of tree %d were read as %v", work, i, *after[i])
		}
		if alone, err := trees[i].CPU(); err != nil || alone < *after[i] {
			t.Errorf("tree %d: %v, and alone %v, %v", i, *after[i], alone, err)
		}
	}
}

// What is not of the tree is told beside its CPU time, and what is, is not.
func TestBeside(t *testing.T) {
	stranger := os.Getppid()
	tree := measure.NewTree(os.Getpid())
	own, others, err := tree.Beside()
	if err != nil {
		t.Fatal(err)
	}
	if _, there := others[stranger]; !there || others[os.Getpid()].PID != 0 {
		t.Errorf("of %d others this process is one: %v, and its parent: %v", len(others), others[os.Getpid()], others[stranger])
	}
	if pids := tree.PIDs(); len(pids) == 0 || pids[0] != os.Getpid() {
		t.Errorf("the tree is %v", pids)
	}
	for again := own; again <= own; { // it uses a little
		if again, _, err = tree.Beside(); err != nil {
			t.Fatal(err)
		}
	}
}
