package audit_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/audit"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "guard":
		os.Exit(control.RunGuard())
	case len(os.Args) > 2 && os.Args[1] == "stage":
		os.Exit(audit.RunStage(os.Args[2:]))
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0") // of the parts: they end often
	os.Exit(m.Run())
}

// fake is the server of testdata, and how it is checked when it breaks a rule, "" for none.
func fake(t *testing.T, rule string) (audit.Audit, servers.Candidate) {
	t.Helper()
	if _, err := exec.LookPath("/usr/bin/python3"); err != nil {
		t.Skip("python3 is not installed")
	}
	if _, err := proc.Tree(os.Getpid()); err != nil {
		t.Skip(err)
	}
	choice, err := servers.Find([]string{"testdata"}, []string{"fake"})
	if err != nil {
		t.Fatal(err)
	}
	own := os.Args[0]
	return audit.Audit{Benchctl: own, Guard: []string{own, "guard"}, Stage: []string{own, "stage"}, Env: []string{"BREAK=" + rule}}, choice.Candidates[0]
}

// offer leaves a candidate what the rule that it breaks is about, "" for all: every start takes
// its time.
func offer(c *servers.Candidate, broken string) {
	if broken == "" {
		return
	}
	about := map[byte][]control.Facility{
		'D': {control.Background}, 'P': {control.Background, control.Pidfile}, 'U': {control.OtherUser}, 'L': {control.Sockets},
	}
	manifest := *c.Server.Manifest
	manifest.Offers = map[control.Facility]control.Offer{}
	for _, f := range about[broken[0]] {
		manifest.Offers[f] = c.Server.Manifest.Offers[f]
	}
	if broken[0] != 'L' {
		manifest.Control = control.StopVerbs()
	}
	c.Server.Manifest = &manifest
}

// consequent are rules that can't be kept where another one is broken.
var consequent = map[string][]string{
	"D3": {"D4"}, // the session has a terminal
}

func TestRules(t *testing.T) {
	t.Parallel()
	for _, broken := range append([]string{""}, ids()...) {
		t.Run("break "+broken, func(t *testing.T) {
			t.Parallel()
			a, c := fake(t, broken)
			offer(&c, broken)
			if strings.HasPrefix(broken, "U") && os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			row := a.Row(t.Context(), c)
			if row.State != conform.Verified {
				t.Fatalf("%s: %s", row.State, row.Reason)
			}
			for _, f := range row.Findings {
				want := f.Rule == broken || slices.Contains(consequent[broken], f.Rule)
				if (f.Outcome == audit.Failed) != want {
					t.Errorf("%s: %s: %s", f.Rule, f.Outcome, f.Reason)
				}
				if rooted := strings.HasPrefix(f.Rule, "U"); broken == "" && f.Outcome != audit.Passed && (!rooted || os.Geteuid() == 0) {
					t.Errorf("%s: %s of a server that keeps all: %s", f.Rule, f.Outcome, f.Reason)
				}
			}
			gate := !slices.ContainsFunc(audit.Rules(), func(r audit.Rule) bool {
				return r.Level == conform.Gate && (r.ID == broken || slices.Contains(consequent[broken], r.ID))
			})
			if row.Gate != gate {
				t.Errorf("Gate = %v: %s", row.Gate, row)
			}
		})
	}
}

func ids() (all []string) {
	for _, r := range audit.Rules() {
		all = append(all, r.ID)
	}
	return all
}

// A server that offers nothing breaks no rule.
func TestNothingOffered(t *testing.T) {
	t.Parallel()
	a, c := fake(t, "")
	manifest := *c.Server.Manifest
	manifest.Offers, manifest.Control = nil, control.StopVerbs()
	c.Server.Manifest = &manifest
	row := a.Row(t.Context(), c)
	if !row.Gate || row.Count(audit.NotOffered) != len(audit.Rules()) || row.String() != "offers nothing that is checked" {
		t.Errorf("row = %+v", row)
	}
}

// Nothing is left of a check that is broken off: neither a daemon nor a file.
func TestInterrupted(t *testing.T) {
	a, c := fake(t, "")
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	ctx, cancel := context.WithCancelCause(t.Context())
	began := filepath.Join(t.TempDir(), "began")
	if err := syscall.Mkfifo(began, 0o600); err != nil {
		t.Fatal(err)
	}
	a.Env = append(a.Env, "BEGAN="+began)
	go func() {
		pipe, err := os.Open(began) // returns when the first daemon serves
		if err == nil {
			pipe.Close()
		}
		cancel(errors.New("enough"))
	}()
	row := a.Row(ctx, c)
	if row.State != conform.Broken || !strings.Contains(row.Reason, "enough") || strings.Contains(row.Reason, "left") {
		t.Errorf("%s: %s", row.State, row.Reason)
	}
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	processes, err := proc.Tree(os.Getpid())
	if err != nil || len(processes) > 1 {
		t.Errorf("left run %v, %v", proc.Named(processes[1:]), err)
	}
}
