package request_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/bench/request"
	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/servers/control"
)

func smoke(servers ...string) request.Run {
	return request.Run{Scenarios: []string{"smoke"}, Servers: servers, Apps: []string{"hello"}, Launches: 1, Rounds: 2}
}

// Who candidates run as is in the record of the run, and a resumed run has the same.
func TestRunAs(t *testing.T) {
	def, note, err := control.RunAs("")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		asked string
		want  *control.User
	}{{"", def}, {control.OwnName(), nil}} {
		store := t.TempDir()
		r := smoke("nethttp")
		r.RunAs = c.asked
		ready := begin(t, store, r)
		if m := ready.Config.Store.Manifest(); m.RunAs != c.want.String() || ready.Config.User.String() != c.want.String() || m.Candidates[0].RunAs != "" {
			t.Errorf("%q: %q in the record, %v, want %v", c.asked, m.RunAs, ready.Config.User, c.want)
		}
		if told := note != "" && slices.Contains(ready.Notes, note); told != (note != "" && c.asked == "") {
			t.Errorf("%q: notes %q", c.asked, ready.Notes)
		}
		again, err := request.Resume(t.Context(), store, "latest", programs)
		if err != nil {
			t.Fatal(err)
		}
		again.Config.Store.Close()
		if again.Config.User.String() != c.want.String() {
			t.Errorf("%q: resumed as %v, want %v", c.asked, again.Config.User, c.want)
		}
	}
	r := smoke("nethttp")
	r.RunAs = "no-such-user"
	_, err = r.Begin(t.Context(), t.TempDir(), programs)
	if want := `run: --run-as: user "no-such-user": there is no such user`; err == nil || err.Error() != want || !misuse.Is(err) {
		t.Errorf("%v, want %s", err, want)
	}
}

// asRoot skips a test that takes root and its rights over other users.
func asRoot(t *testing.T) {
	t.Helper()
	if u, note, err := control.RunAs(""); u == nil {
		t.Skip("takes root:", note, err)
	}
}

func TestServerThatHasToBeRoot(t *testing.T) {
	asRoot(t)
	rooted := "name: rooted\nclass: stripped\ndoc: it has to be root\ncommand: [/bin/sh]\nroot: it opens raw sockets\n"
	r := smoke("nethttp", "rooted")
	r.ServerDirs = []string{manifests(t, rooted)}
	ready := begin(t, t.TempDir(), r)
	m := ready.Config.Store.Manifest()
	if m.RunAs != control.Unprivileged || m.Candidates[0].RunAs != "" || m.Candidates[1].RunAs != control.OwnName() {
		t.Errorf("%q in the record, %+v", m.RunAs, m.Candidates)
	}
	if want := "rooted runs as " + control.OwnName() + ": it opens raw sockets"; !slices.Contains(m.Notes, want) {
		t.Errorf("notes %q, want %s", m.Notes, want)
	}
}

// What the user can't reach is told before anything starts.
func TestServerOutOfReach(t *testing.T) {
	asRoot(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "serve")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	far := "name: far\nclass: stripped\ndoc: it is out of reach\ncommand: [" + script + "]\n"
	r := smoke("nethttp", "far")
	r.ServerDirs = []string{manifests(t, far)}
	_, err := r.Begin(t.Context(), t.TempDir(), programs)
	var reach *control.ReachError
	if !errors.As(err, &reach) || !strings.HasPrefix(err.Error(), "run: candidate far: user nobody can't reach "+script+": ") || misuse.Is(err) {
		t.Errorf("named: %v", err)
	}
	r.Servers = []string{"nethttp", "stripped"}
	ready := begin(t, t.TempDir(), r)
	if i := slices.IndexFunc(ready.Notes, func(n string) bool { return strings.HasPrefix(n, "skipped far: user nobody can't reach ") }); i < 0 {
		t.Errorf("notes %q", ready.Notes)
	}
	r.Servers, r.RunAs = []string{"far"}, control.OwnName()
	begin(t, t.TempDir(), r)

	t.Setenv("TMPDIR", dir)
	if _, err := smoke("nethttp").Begin(t.Context(), dir, programs); !errors.As(err, &reach) || !strings.HasPrefix(err.Error(), "run: the directory for temporary files: ") {
		t.Errorf("temporary files: %v", err)
	}
}
