package harness_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// A guard that is killed under load is the reason of the row, and the candidate is
// started again for the next one.
func TestKilledGuard(t *testing.T) {
	ownTemp(t)
	s := prepare(t, "", nil, "nethttp")
	killed := false
	s.Observe = func(e launch.Event) {
		if e.Kind != launch.Measuring || killed {
			return
		}
		killed = true
		tree, err := proc.Tree(os.Getpid())
		if err != nil || len(tree) < 2 {
			t.Errorf("processes %v, %v", tree, err)
			return
		}
		_ = syscall.Kill(tree[1], syscall.SIGKILL) // the only child
	}
	r, err := s.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum, err := judge.Summarize(r)
	if err != nil {
		t.Fatal(err)
	}
	first, second := sum.Cells[0], sum.Cells[1]
	if why := judge.Sentences(first.Reasons); first.Verdict != judge.Invalid || !strings.Contains(why, "its guard was killed (signal: killed)") || strings.Contains(why, "died") {
		t.Errorf("%s: %s: %s", first.App, first.Verdict, why)
	}
	if second.Verdict == judge.Invalid || second.Slices != 2 {
		t.Errorf("%s: %s, %d slices: %v", second.App, second.Verdict, second.Slices, second.Reasons)
	}
}

// clutter makes something in the launch's directory that a benchctl can't remove.
func clutter() error {
	dir := filepath.Join(os.Getenv("TMPDIR"), "kept")
	if err := os.MkdirAll(filepath.Join(dir, "within"), 0o755); err != nil {
		return err
	}
	if os.Getuid() == 0 {
		return syscall.Mount("tmpfs", dir, "tmpfs", 0, "")
	}
	return os.Chmod(dir, 0o555)
}

func init() { prepares["clutters"] = clutter }

// What could not be removed is told, as it happens and in the row.
func TestLeftDirectory(t *testing.T) {
	ownTemp(t)
	t.Cleanup(func() { // before the directory that this is in is removed
		all, _ := filepath.Glob(filepath.Join(os.TempDir(), "benchctl-*", "kept"))
		for _, dir := range all {
			_ = syscall.Unmount(dir, 0)
			_ = os.Chmod(dir, 0o755)
		}
	})
	s := prepare(t, external(t, "clutters"), nil, "clutters")
	var warned []string
	s.Observe = func(e launch.Event) {
		if e.Kind == launch.Warning {
			warned = append(warned, e.Text)
		}
	}
	if err := harness.Run(t.Context(), s.Config); err != nil {
		t.Fatal(err)
	}
	r, err := results.Read(s.Store.Dir())
	if err != nil {
		t.Fatal(err)
	}
	l := r.Launches[0]
	if strings.Contains(l.Failure, "operation not permitted") {
		t.Skip(l.Failure) // it may not mount
	}
	if l.Failure != "" || !strings.Contains(l.Left, filepath.Join(os.TempDir(), "benchctl-")) {
		t.Fatalf("launch %+v", l)
	}
	if want := "clutters: " + l.Left; !slices.Contains(warned, want) {
		t.Errorf("warnings are %q, without %q", warned, want)
	}
	sum, err := judge.Summarize(r)
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(sum.Cells[0].Notes, "\n"); !strings.Contains(notes, "when launch 1 ended: "+l.Left) {
		t.Errorf("notes are %q", notes)
	}
}

// What an earlier benchctl left is told before the run, and noted in it.
func TestLeftovers(t *testing.T) {
	ownTemp(t)
	owner := strings.Split(string(proc.NewMark()), ".")
	owner[1] = "1" // another process had the PID, and was started with the machine
	program := filepath.Join(t.TempDir(), "leftover")
	if err := os.Symlink(os.Args[0], program); err != nil {
		t.Fatal(err)
	}
	left := exec.Command(program, "play", "deaf", "0")
	left.Env = []string{proc.Mark(strings.Join(owner, ".")).Variable()}
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = left.Process.Kill()
		_ = left.Wait()
	}()
	abandoned := filepath.Join(os.TempDir(), "benchctl-"+strings.Join(owner, "."))
	if err := os.MkdirAll(filepath.Join(abandoned, "within"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := prepare(t, "", func(m *results.Manifest) { m.Blocks = m.Blocks[:1] }, "nethttp")
	var warned []string
	s.Observe = func(e launch.Event) {
		if e.Kind == launch.Warning {
			warned = append(warned, e.Text)
		}
	}
	if err := harness.Run(t.Context(), s.Config); err != nil {
		t.Fatal(err)
	}
	told := func(texts []string) bool {
		return slices.ContainsFunc(texts, func(text string) bool {
			named, remedy, _ := strings.Cut(text, "; kill -9 ")
			return strings.Contains(named, fmt.Sprintf("PID %d (leftover), state ", left.Process.Pid)) && slices.Contains(strings.Fields(remedy), fmt.Sprint(left.Process.Pid))
		})
	}
	if notes := s.Store.Manifest().Notes; !told(warned) || !told(notes) {
		t.Errorf("process %d is not told: warnings %q, notes %q", left.Process.Pid, warned, notes)
	}
	if _, err := os.Stat(abandoned); err != nil {
		t.Errorf("the directory of what still runs: %v", err)
	}
	_ = left.Process.Kill()
	_ = left.Wait()
	if len(proc.Leftovers()) > 0 {
		t.Skip("others have left something as well")
	}
	if err := harness.Run(t.Context(), s.Config); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(abandoned); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory of what does not run any longer: %v", err)
	}
}
