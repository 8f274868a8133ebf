package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/external"
)

// The test binary is benchctl itself when a script calls it, and when benchctl
// starts itself as a guard or as a server. It is also the candidates that fail.
func TestMain(m *testing.M) {
	if cpus := os.Getenv(burning); cpus != "" {
		burn(cpus)
		return
	}
	if mode := os.Getenv(breaking); mode != "" && len(os.Args) > 1 && os.Args[1] == "serve" {
		serveBreaking(mode, os.Args[2:])
		return
	}
	if filepath.Base(os.Args[0]) != "badserver" && len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		main()
		return
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	testscript.Main(m, map[string]func(){"benchctl": main, "badserver": badServer})
}

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() { // those that measure nothing
		files = []string{"testdata/script/usage.txtar", "testdata/script/serve.txtar"}
	}
	testscript.Run(t, testscript.Params{
		Files:               files,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", "atexit_sleep_ms=0")
			e.Setenv("ME", control.OwnName())
			programs, _, _ := strings.Cut(e.Getenv("PATH"), string(os.PathListSeparator))
			return errors.Join(passable(e.WorkDir), passable(programs), os.Chmod(filepath.Join(e.WorkDir, ".tmp"), 0o777|os.ModeSticky))
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "race":
			case "root":
				return os.Geteuid() == 0, nil
			case "pastedeploy":
				return exec.Command(external.Python, "-c", "import paste.deploy").Run() == nil, nil
			default:
				return false, fmt.Errorf("unknown condition %q", name)
			}
			info, ok := debug.ReadBuildInfo()
			return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}), nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// passable lets every user pass to a directory of a test, as candidates of root's are of
// another user.
func passable(dir string) error {
	for ; filepath.Clean(dir) != filepath.Clean(os.TempDir()) && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// exits runs a command and checks its exit code: exits 2 benchctl run.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

func TestShellQuote(t *testing.T) {
	for in, want := range map[string]string{
		"concurrency-256": "concurrency-256", "nethttp#b": "'nethttp#b'", "size?bytes=1": "'size?bytes=1'", "": "''", "it's": `'it'\''s'`,
	} {
		if got := shellQuote(in); got != want {
			t.Errorf("shellQuote(%q) = %s, want %s", in, got, want)
		}
		out, err := exec.Command("sh", "-c", "printf %s "+shellQuote(in)).Output()
		if err != nil || string(out) != in {
			t.Errorf("a shell reads %s as %q (%v)", shellQuote(in), out, err)
		}
	}
}

// Of an error after an interruption nothing else is lost.
func TestBesides(t *testing.T) {
	left, cause := errors.New("left running: PID 7"), interruption{}
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, "<nil>"},
		{cause, "<nil>"},
		{fmt.Errorf("load: %w", context.Canceled), "<nil>"},
		{left, "left running: PID 7"},
		{errors.Join(fmt.Errorf("verify: %w", cause), left), "left running: PID 7"},
		{unable(fmt.Errorf("calibrate: %w", errors.Join(errors.Join(cause, left), fmt.Errorf("disk: %w", left)))), "left running: PID 7\ndisk: left running: PID 7"},
		{fmt.Errorf("start: %w; %w", context.Canceled, left), "left running: PID 7"},
	} {
		if got := fmt.Sprint(besides(c.err)); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

func TestUnknownCommand(t *testing.T) {
	var out, errs strings.Builder
	e := env{stdout: &out, stderr: &errs, getenv: func(string) string { return "" }}
	if code := run(t.Context(), e, []string{"runn"}); code != exitUsage || !strings.Contains(errs.String(), `did you mean "run"?`) {
		t.Errorf("exit code %d, said %q", code, errs.String())
	}
}
