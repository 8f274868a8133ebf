package servers_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/external"
)

// ghosts are manifests of servers that nobody has, of one class.
func ghosts(names ...string) (all []string) {
	for _, name := range names {
		all = append(all, "name: "+name+"; class: stripped; doc: none; command: [ghost]; requires: [{command: no-such-ghost, install: get it}]")
	}
	return all
}

// Few skipped candidates have a note each; many have one line, which names all of them.
func TestSkippedNotes(t *testing.T) {
	for _, c := range []struct {
		ghosts []string
		want   []string
	}{
		{nil, nil},
		{[]string{"a", "b"}, []string{
			`skipped a: server a: not installed: command "no-such-ghost"; install it with: get it`,
			`skipped b: server b: not installed: command "no-such-ghost"; install it with: get it`,
		}},
		{[]string{"a", "b", "c", "d"}, []string{"skipped 4 servers that are not installed: a, b, c, d; benchctl list servers tells how to install them"}},
	} {
		var dirs []string
		if len(c.ghosts) > 0 {
			dirs = []string{manifests(t, ghosts(c.ghosts...)...)}
		}
		choice, err := servers.Find(dirs, []string{"nethttp", "stripped"})
		if err != nil {
			t.Fatal(err)
		}
		there, notes, err := choice.Installed(t.Context(), nil)
		if err != nil || !slices.Equal(notes, c.want) {
			t.Errorf("notes are %q, want %q (%v)", notes, c.want, err)
		}
		if len(there) != 2 || there[0].Name != "nethttp" || there[1].Name != "gnet" { // the one that benchctl has
			t.Errorf("%v are there", there)
		}
	}
}

// One that is not installed is skipped as one of a group, and an error if it was named.
func TestNamedMustBeInstalled(t *testing.T) {
	dirs := []string{manifests(t, ghosts("ghost")...)}
	group, err := servers.Find(dirs, []string{"stripped"})
	if err != nil {
		t.Fatal(err)
	}
	why, err := group.Skipped(t.Context())
	if err != nil || len(why) != 2 || why[0] != "" || !strings.HasSuffix(why[1], "; install it with: get it") {
		t.Errorf("in a group: %q, %v", why, err)
	}
	named, err := servers.Find(dirs, []string{"stripped", "ghost"})
	if err != nil {
		t.Fatal(err)
	}
	var missing *external.NotInstalledError
	if _, _, err := named.Installed(t.Context(), nil); !errors.As(err, &missing) || misuse.Is(err) {
		t.Errorf("named: %v", err)
	}
}

// A version is the one that there is, or that of another build, which Go engines alone have.
func TestVersions(t *testing.T) {
	told := "name: told; class: baseline; doc: none; command: [/bin/sh]; version: [/bin/echo, v 1.2.3]"
	mute := "name: mute; class: baseline; doc: none; command: [/bin/sh]; version: [/bin/false]"
	dirs, binaries := []string{manifests(t, told, mute)}, map[string]string{"base": "/usr/bin/benchctl"}
	for _, c := range []struct {
		name, version, note, err string
		misuse                   bool
	}{
		{name: "told", version: "1.2.3"},
		{name: "told@1.2.3", version: "1.2.3"},
		{name: "told@1.2.4", err: `candidate "told@1.2.4": the version here is "1.2.3"`, misuse: true},
		{name: "told@base", err: `candidate "told@base": the version here is "1.2.3"`, misuse: true},
		{name: "nethttp@base", version: "base"},
		{name: "mute", note: "mute: its version is not known: "},
		{name: "mute@1.2.3", err: "version of mute: "},
	} {
		choice, err := servers.Find(dirs, []string{c.name})
		if err != nil {
			t.Fatal(err)
		}
		there, notes, err := choice.Installed(t.Context(), binaries)
		if c.err != "" {
			if err == nil || !strings.HasPrefix(err.Error(), c.err) || misuse.Is(err) != c.misuse {
				t.Errorf("%s: %v, misuse %v", c.name, err, misuse.Is(err))
			}
			continue
		}
		if err != nil || len(there) != 1 || there[0].Version != c.version || !strings.HasPrefix(strings.Join(notes, "\n"), c.note) || (c.note == "") != (len(notes) == 0) {
			t.Errorf("%s: %v, %q, %v", c.name, there, notes, err)
		}
	}
}

func TestFindRefuses(t *testing.T) {
	for _, c := range []struct{ dirs, names []string }{
		{nil, []string{"nethtp"}}, {nil, nil}, {[]string{t.TempDir() + "/none"}, []string{"nethttp"}}, {[]string{manifests(t, "nam: x")}, []string{"nethttp"}},
	} {
		if _, err := servers.Find(c.dirs, c.names); !misuse.Is(err) {
			t.Errorf("%q of %q: %v", c.names, c.dirs, err)
		}
	}
}
