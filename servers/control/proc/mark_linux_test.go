package proc_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// TestMain prints a new mark, or waits, where it is told to.
func TestMain(m *testing.M) {
	switch os.Getenv("PROC_TEST_PART") {
	case "mark":
		os.Stdout.WriteString(string(proc.NewMark()) + "\n")
	case "wait":
		bufio.NewReader(os.Stdin).ReadByte()
	default:
		os.Exit(m.Run())
	}
}

func TestAbandoned(t *testing.T) {
	child := exec.Command(os.Args[0])
	child.Env = []string{"PROC_TEST_PART=mark"}
	said, err := child.Output()
	if err != nil {
		t.Fatal(err)
	}
	own := strings.Split(string(proc.NewMark()), ".")
	with := func(field int, value string) proc.Mark {
		parts := slices.Clone(own)
		parts[field] = value
		return proc.Mark(strings.Join(parts, "."))
	}
	for _, c := range []struct {
		name string
		mark proc.Mark
		want bool
	}{
		{"this process's", proc.Mark(strings.Join(own, ".")), false},
		{"that of a process that ended", proc.Mark(strings.TrimSpace(string(said))), true},
		{"that of an earlier process with the PID", with(1, "1"), true},
		{"one of another namespace", with(2, "1"), false},
		{"one without a PID", with(0, "x"), false},
		{"a number, as of other directories for temporary files", "12345", false},
		{"none", "", false},
	} {
		if got := c.mark.Abandoned(); got != c.want {
			t.Errorf("%s, %q: %v, want %v", c.name, c.mark, got, c.want)
		}
	}
}

// A process is found by its own variable, whatever else is in its environment.
func TestMarked(t *testing.T) {
	mark, other := proc.NewMark(), proc.NewMark()
	start := func(env ...string) int {
		t.Helper()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(env, "PROC_TEST_PART=wait")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { in.Close(); cmd.Wait() })
		for { // its environment can be read a moment after it executes
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", cmd.Process.Pid))
			if err != nil {
				t.Fatal(err)
			}
			if len(text) > 0 {
				return cmd.Process.Pid
			}
		}
	}
	want := []int{start(mark.Variable()), start("A=b", "X="+other.Variable(), mark.Variable())}
	start("X"+mark.Variable(), "A= "+mark.Variable())
	start(other.Variable())
	start(mark.Variable() + "x")
	got, err := proc.Marked(mark)
	slices.Sort(got)
	slices.Sort(want)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("marked are %v, %v; want %v", got, err, want)
	}
}

func TestRemoveAbandoned(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	own, err := proc.MakeTemp()
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(filepath.Base(own), ".")
	parts[1] = "1"
	stale := filepath.Join(tmp, strings.Join(parts, "."))
	for _, dir := range []string{filepath.Join(stale, "a"), filepath.Join(tmp, "benchctl-123"), filepath.Join(tmp, "benchctl-static-4")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := proc.RemoveAbandoned(); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(filepath.Join(tmp, "*"))
	if want := []string{filepath.Join(tmp, "benchctl-123"), own, filepath.Join(tmp, "benchctl-static-4")}; len(left) != 3 || !slices.Contains(left, own) || slices.Contains(left, stale) {
		t.Errorf("left are %v, want %v", left, want)
	}
}
