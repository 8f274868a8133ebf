package external

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/benchctl/benchctl/servers/control"
)

// Python is the interpreter that modules are looked up in: the system's, for which
// the manifests' install commands are, whatever else is first in PATH.
const Python = "/usr/bin/python3"

// probeTimeout bounds a question to a program about itself.
const probeTimeout = 10 * time.Second

// NotInstalledError says what a server requires and is not there.
type NotInstalledError struct {
	Server  string
	Missing []Requirement // at least one
}

// Error is one line without the hint.
func (e *NotInstalledError) Error() string {
	var what []string
	for _, r := range e.Missing {
		what = append(what, r.String())
	}
	return fmt.Sprintf("server %s: not installed: %s", e.Server, strings.Join(what, ", "))
}

// Hint is the commands that install what is missing, "" if none is known.
func (e *NotInstalledError) Hint() string {
	var how []string
	for _, r := range e.Missing {
		if r.Install != "" && !slices.Contains(how, r.Install) {
			how = append(how, r.Install)
		}
	}
	if len(how) == 0 {
		return ""
	}
	return "install it with: " + strings.Join(how, " && ")
}

// Check looks for what the server requires. What is missing is told by a
// *NotInstalledError.
func (m Manifest) Check(ctx context.Context) error { return Check(ctx, m.Name, m.requirements()) }

// ErrNoStacks is that a server of a manifest can't serve a stack of layers and apps.
var ErrNoStacks = errors.New("only servers in Go, and others with twins: wsgi, serve stacks")

// CheckStacks looks for what the server requires to serve stacks, beside what it requires anyway.
func (m Manifest) CheckStacks(ctx context.Context) error {
	if m.Twins != TwinsWSGI {
		return fmt.Errorf("server %s: %w", m.Name, ErrNoStacks)
	}
	return Check(ctx, m.Name, []Requirement{
		{Python: "paste.deploy", Install: "apt-get install python3-pastedeploy"}, {Python: "paste.urlmap", Install: "apt-get install python3-paste"},
	})
}

// Check looks for what a server requires.
func Check(ctx context.Context, server string, all []Requirement) error {
	var missing []Requirement
	for _, r := range all {
		ok, err := r.there(ctx)
		if err != nil {
			return fmt.Errorf("check %s: %s: %w", server, r, err)
		}
		if !ok {
			missing = append(missing, r)
		}
	}
	if len(missing) > 0 {
		return &NotInstalledError{server, missing}
	}
	return nil
}

// requirements are those of the manifest and, if it names no program at all, the
// one that it starts.
func (m Manifest) requirements() []Requirement {
	named := func(r Requirement) bool { return r.Command != "" }
	if slices.ContainsFunc(m.Requires, named) || strings.Contains(m.Argv[0], "{{") {
		return m.Requires
	}
	return append([]Requirement{{Command: m.Argv[0]}}, m.Requires...)
}

func (r Requirement) there(ctx context.Context) (bool, error) {
	switch {
	case r.File != "":
		_, err := os.Stat(r.File)
		return err == nil, nil
	case r.Python != "":
		return module(ctx, r.Python)
	}
	_, err := exec.LookPath(r.Command)
	return err == nil, nil
}

// findModule looks for a module without importing it: exit status 3 if it isn't there.
const findModule = `import importlib.util, sys
try:
    found = importlib.util.find_spec(sys.argv[1])
except ImportError:
    found = None
sys.exit(0 if found else 3)`

func module(ctx context.Context, name string) (bool, error) {
	if _, err := os.Stat(Python); err != nil {
		return false, nil
	}
	_, err := probe(ctx, Python, "-I", "-c", findModule, name)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 {
		return false, nil
	}
	return err == nil, err
}

var versionToken = regexp.MustCompile(`\d+(?:\.\d+)+(?:[-+.]?[0-9A-Za-z]+)*`)

// Version asks the server for its version: the first token like 20.1.0 that it
// prints. It is "" if the manifest does not say how to ask.
func (m Manifest) Version(ctx context.Context) (string, error) {
	if len(m.Probe) == 0 {
		return "", nil
	}
	args, err := expandArgs(m.Probe, sample())
	if err != nil {
		return "", fmt.Errorf("version of %s: %w", m.Name, err)
	}
	out, err := probe(ctx, args...)
	if v := versionToken.FindString(out); v != "" {
		return v, nil // some programs exit with 1 after printing it
	}
	if err == nil {
		err = fmt.Errorf("%s printed none", filepath.Base(args[0]))
	}
	return "", fmt.Errorf("version of %s: %w", m.Name, err)
}

// maxAnswer is how much of what a program tells of itself is read, in bytes.
const maxAnswer = 64 << 10

// probe runs a short command and returns the beginning of what it printed. It ends the
// command, and all of its process group, when it has printed more or takes too long.
func probe(ctx context.Context, args ...string) (string, error) {
	limited, cancel := context.WithTimeoutCause(ctx, probeTimeout, fmt.Errorf("%s did not end within %v", filepath.Base(args[0]), probeTimeout))
	defer cancel()
	cmd := exec.CommandContext(limited, args[0], args[1:]...)
	cmd.WaitDelay = time.Second
	cmd.Env = control.Environ(os.TempDir()) // that of the server
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	end := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = end
	out := &answer{full: func() { _ = end() }}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	if cmd.Process != nil {
		_ = end() // what it left
	}
	switch {
	case len(out.text) == maxAnswer:
		err = nil // it was ended for that
	case limited.Err() != nil:
		err = context.Cause(limited)
	}
	return string(out.text), err
}

// answer keeps the beginning of what is written to it.
type answer struct {
	text []byte
	full func()
}

// Write implements io.Writer; it never fails.
func (a *answer) Write(p []byte) (int, error) {
	room := maxAnswer - len(a.text)
	a.text = append(a.text, p[:min(room, len(p))]...)
	if room > 0 && len(a.text) == maxAnswer {
		a.full()
	}
	return len(p), nil
}
