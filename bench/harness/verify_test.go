package harness_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/servers"
	installed "github.com/benchctl/benchctl/servers/external"
)

// verification verifies servers that this program plays.
func verification() harness.Verification {
	return harness.Verification{Benchctl: os.Args[0], Guard: []string{os.Args[0], "guard"}, Env: []string{"GORACE=atexit_sleep_ms=0"}}
}

// choose chooses among the parts in dir and a server of class stripped that nobody has.
func choose(t *testing.T, dir string, names ...string) servers.Choice {
	t.Helper()
	ghost := "name: ghost\nclass: stripped\ndoc: none\ncommand: [no-such-ghost]\n"
	if err := os.WriteFile(filepath.Join(dir, "ghost.yaml"), []byte(ghost), 0o644); err != nil {
		t.Fatal(err)
	}
	all, err := servers.Find([]string{dir}, names)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Each candidate has its row, in the order of the choice: what can't be checked fails, what
// is not installed is skipped.
func TestVerifyAll(t *testing.T) {
	ownTemp(t)
	choice := choose(t, external(t, "deaf"), "deaf", "stripped", "deaf#b")
	choice.Candidates = slices.DeleteFunc(choice.Candidates, func(c servers.Candidate) bool { return c.Name == "gnet" }) // which takes a while
	choice.Named = []bool{true, false, true}
	var told []string
	m, err := verification().All(t.Context(), choice, 2, func(r conform.Row) { told = append(told, r.Candidate) })
	if err != nil || len(m.Candidates) != 3 || len(m.Checks) == 0 || !m.Failed() {
		t.Fatalf("%+v, %v", m, err)
	}
	for i, want := range []struct {
		name, reason string
		state        conform.State
	}{{"deaf", "not ready in 500ms", conform.Broken}, {"ghost", "server ghost: not installed: ", conform.Absent}, {"deaf#b", "not ready in 500ms", conform.Broken}} {
		if r := m.Candidates[i]; r.Candidate != want.name || r.State != want.state || !strings.Contains(r.Reason, want.reason) || r.Gate {
			t.Errorf("row %d: %+v", i, r)
		}
	}
	if slices.Sort(told); !slices.Equal(told, []string{"deaf", "deaf#b"}) {
		t.Errorf("told of %q", told)
	}
}

// One that was named must be there, and nothing is begun before that is known.
func TestVerifyNamed(t *testing.T) {
	choice := choose(t, external(t, "deaf"), "deaf", "ghost")
	var missing *installed.NotInstalledError
	_, err := verification().All(t.Context(), choice, 1, func(r conform.Row) { t.Errorf("told of %s", r.Candidate) })
	if !errors.As(err, &missing) || misuse.Is(err) {
		t.Errorf("%v", err)
	}
}

// What an interruption kept from being begun is broken, with its cause, and not told of.
func TestVerifyInterrupted(t *testing.T) {
	choice := choose(t, external(t, "deaf"), "deaf", "nethttp")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	m, err := verification().All(ctx, choice, 1, func(r conform.Row) { t.Errorf("told of %s", r.Candidate) })
	if err != nil || len(m.Candidates) != 2 {
		t.Fatalf("%+v, %v", m, err)
	}
	for _, r := range m.Candidates {
		if r.State != conform.Broken || r.Reason != "interrupted" || r.Gate {
			t.Errorf("%+v", r)
		}
	}
}
