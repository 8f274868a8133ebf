package external

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/benchctl/benchctl/internal/strict"
	"github.com/benchctl/benchctl/servers/control"
)

const minimal = `name: demo
class: baseline
doc: a server for demonstration
command: [demo-server, --listen, "{{.Host}}:{{.Port}}"]
`

func TestReadMinimal(t *testing.T) {
	t.Parallel()
	got, err := Read("demo.yaml", []byte(minimal))
	want := Manifest{
		File: "demo.yaml", Name: "demo", Class: "baseline", Doc: "a server for demonstration",
		Argv:    []string{"demo-server", "--listen", "{{.Host}}:{{.Port}}"},
		Ready:   Ready{Timeout: DefaultReadyTimeout},
		Control: control.StopVerbs(),
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Read = %+v, %v, want %+v", got, err, want)
	}
}

const full = `name: demo
class: wsgi
doc: a server for demonstration
home: https://example.org/demo
command: [/usr/bin/demo, "--app={{.App}}", "{{if gt .Threads 1}}--threaded{{end}}"]
env:
  DEMO_WORKERS: "{{.Workers}}"
  DEMO: 1
files:
  conf/demo.conf: |
    listen {{.Host}}:{{.Port}};
    {{if .App}}app {{.App}};{{else}}suite;{{end}}
  serve.py: print("{{"{{"}}")
profiles:
  tuned:
    doc: more of everything
    args: [--fast]
    env: {DEMO: 2}
  other:
    doc: another program
    command: [/usr/bin/other, "{{.Dir}}"]
    control:
      stop-graceful: INT
      scale-up: {command: [/usr/bin/otherctl, "{{.Port}}"], promise: adds one, source: "https://example.org/other"}
    offers:
      daemon: {command: [/usr/bin/otherd], promise: forks, source: "https://example.org/other"}
requires:
  - command: /usr/bin/demo
    install: apt-get install demo
  - python: demo
version: [/usr/bin/demo, --version]
ready: {path: /ready, timeout: 30s}
control:
  stop-graceful: SIGQUIT
  stop-now:
    signal: QUIT
    promise: ends at once
    source: https://example.org/demo#quit
  reload: [/usr/bin/democtl, --port, "{{.Port}}", reload]
offers:
  daemon:
    command: [/usr/bin/demod, "--app={{.App}}"]
    promise: detaches
    source: https://example.org/demo#daemon
  pidfile:
    args: ["--pid={{.Pidfile}}", "{{if .Daemon}}--late{{end}}"]
    promise: writes it
    source: https://example.org/demo#pidfile
  user:
    promise: becomes another
    source: https://example.org/demo#user
twins: wsgi
`

func TestReadFull(t *testing.T) {
	t.Parallel()
	m, err := Read("demo.yaml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.ProfileNames(); !reflect.DeepEqual(got, []string{"default", "other", "tuned"}) {
		t.Errorf("profiles are %q", got)
	}
	want := map[control.Verb]control.Declared{
		control.StopGraceful: {Action: control.Action{Signal: syscall.SIGQUIT}},
		control.StopNow:      {Action: control.Action{Signal: syscall.SIGQUIT}, Promise: "ends at once", Source: "https://example.org/demo#quit"},
		control.Reload:       {Action: control.Action{Argv: []string{"/usr/bin/democtl", "--port", "{{.Port}}", "reload"}}},
	}
	if !reflect.DeepEqual(m.Control, want) || m.Ready != (Ready{"/ready", 30 * time.Second}) {
		t.Errorf("control is %+v, ready %+v", m.Control, m.Ready)
	}
	for _, profile := range []string{"", Default, "tuned"} {
		if got := m.Verbs(profile); !reflect.DeepEqual(got, want) {
			t.Errorf("verbs of %q are %+v", profile, got)
		}
	}
	want[control.StopGraceful] = control.Declared{Action: control.Action{Signal: syscall.SIGINT}}
	want[control.ScaleUp] = control.Declared{
		Action: control.Action{Argv: []string{"/usr/bin/otherctl", "{{.Port}}"}}, Promise: "adds one", Source: "https://example.org/other",
	}
	if got := m.Verbs("other"); !reflect.DeepEqual(got, want) {
		t.Errorf("verbs of other are %+v", got)
	}
}

func TestReadOffers(t *testing.T) {
	t.Parallel()
	m, err := Read("demo.yaml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	want := map[control.Facility]control.Offer{
		control.Background: {Argv: []string{"/usr/bin/demod", "--app={{.App}}"}, Promise: "detaches", Source: "https://example.org/demo#daemon"},
		control.Pidfile:    {Args: []string{"--pid={{.Pidfile}}", "{{if .Daemon}}--late{{end}}"}, Promise: "writes it", Source: "https://example.org/demo#pidfile"},
		control.OtherUser:  {Promise: "becomes another", Source: "https://example.org/demo#user"},
	}
	if got := m.Facilities(""); !reflect.DeepEqual(got, want) {
		t.Errorf("facilities are %+v", got)
	}
	want[control.Background] = control.Offer{Argv: []string{"/usr/bin/otherd"}, Promise: "forks", Source: "https://example.org/other"}
	if got := m.Facilities("other"); !reflect.DeepEqual(got, want) {
		t.Errorf("facilities of other are %+v", got)
	}
}

// TestErrors holds the exact text of each mistake in a manifest.
func TestErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", `x.yaml:1: is empty`},
		{"no command", "name: a\nclass: wsgi\ndoc: d\n", `x.yaml:1: key "command" is missing`},
		{"unknown key", minimal + "comand: [x]\n", `x.yaml:5: unknown key "comand": did you mean "command"?`},
		{"unknown key far", minimal + "zzzzzzzz: 1\n", `x.yaml:5: unknown key "zzzzzzzz": known are apps, break, class, command, control, doc, env, files, home, name, offers, profiles, ready, requires, root, static, twins, version`},
		{"bad name", "name: Demo\n", `x.yaml:1: name: "Demo" is not a name: a-z, 0-9, and . _ - after the first`},
		{"path as name", "name: ../demo\n", `x.yaml:1: name: "../demo" is not a name: a-z, 0-9, and . _ - after the first`},
		{"bad class", "class: wsgy\n", `x.yaml:1: class: unknown value "wsgy": did you mean "wsgi"?`},
		{"long doc", "doc: |\n  a\n  b\n", `x.yaml:1: doc: is more than one line`},
		{"bad home", "home: example.org\n", `x.yaml:1: home: "example.org" is not a URL with http or https`},
		{"home with script", "home: javascript:alert(1)\n", `x.yaml:1: home: "javascript:alert(1)" is not a URL with http or https`},
		{"shell command", "command: demo --listen\n", `x.yaml:1: command: a list is needed, not text`},
		{"empty command", "command: []\n", `x.yaml:1: command: a program is needed`},
		{"empty program", "command: ['', x]\n", `x.yaml:1: command: a program is needed`},
		{"list in command", "command:\n  - a\n  - [b]\n", `x.yaml:3: command[1]: text is needed, not a list`},
		{"zero byte", "command: [\"a\\0b\"]\n", `x.yaml:1: command[0]: contains a zero byte`},
		{"unknown field", "command:\n  - demo\n  - --port={{.Prot}}\n", `x.yaml:3: command[1]: template: unknown field ".Prot": did you mean "Port"?`},
		{"field not reached", "command: [demo, \"{{if gt .Workers 9}}{{.Treads}}{{end}}\"]\n", `x.yaml:1: command[1]: template: unknown field ".Treads": did you mean "Threads"?`},
		{"field in else", "command: [demo, \"{{if .App}}{{else}}{{.X}}{{end}}\"]\n", `x.yaml:1: command[1]: template: unknown field ".X": known are Host, IPv6, Port, Address, Workers, Threads, Pool, User, App, Profile, Dir, IDs, Daemon, Pidfile, Group, Sockets`},
		{"field of a field", "command: [\"{{.Dir.Name}}\"]\n", `x.yaml:1: command[0]: template: unknown field ".Dir.Name": known are Host, IPv6, Port, Address, Workers, Threads, Pool, User, App, Profile, Dir, IDs, Daemon, Pidfile, Group, Sockets`},
		{"unknown action", "command: [\"{{printf `%9d` 1}}\"]\n", `x.yaml:1: command[0]: template: unknown action "printf": known are and, or, not, eq, ne, lt, le, gt, ge`},
		{"range", "command: [\"{{range .App}}{{end}}\"]\n", `x.yaml:1: command[0]: template: "{{range .App}}{{end}}" is not taken`},
		{"variable", "command: [\"{{$x := .App}}\"]\n", `x.yaml:1: command[0]: template: variables are not taken`},
		{"define", "command: [\"{{define `x`}}{{end}}\"]\n", `x.yaml:1: command[0]: template: define and block are not taken`},
		{"dot", "command: [\"{{.}}\"]\n", `x.yaml:1: command[0]: template: "." is not taken`},
		{"unclosed action", "command: [\"{{.Port\"]\n", `x.yaml:1: command[0]: template: unclosed action`},
		{"kinds compared", "command: [\"{{if lt .Port `a`}}x{{end}}\"]\n", "x.yaml:1: command[0]: template: executing \"t\" at <lt .Port `a`>: error calling lt: incompatible types for comparison: int and string"},
		{"bad variable", "env:\n  A-B: 1\n", `x.yaml:2: env.A-B: "A-B" is not the name of an environment variable`},
		{"env list", "env: [A=1]\n", `x.yaml:1: env: a mapping of keys to values is needed, not a list`},
		{"template in env", "env:\n  A: '{{.Hst}}'\n", `x.yaml:2: env.A: template: unknown field ".Hst": did you mean "Host"?`},
		{"file above", "files:\n  ../x: a\n", `x.yaml:2: files["../x"]: "../x" is not a path below the launch's directory`},
		{"file above, hidden", "files:\n  a/../../x: a\n", `x.yaml:2: files["a/../../x"]: "a/../../x" is not a path below the launch's directory`},
		{"file at root", "files:\n  /etc/x: a\n", `x.yaml:2: files["/etc/x"]: "/etc/x" is not a path below the launch's directory`},
		{"file not clean", "files:\n  a//x: a\n", `x.yaml:2: files["a//x"]: "a//x" is not a path below the launch's directory`},
		{"file is directory", "files:\n  a/b: x\n  a: x\n", `x.yaml:3: files.a: "a" is a directory for one file and a file itself`},
		{"template in file", "files:\n  a: |\n    one\n    {{.Dirr}}\n", `x.yaml:4: files.a: template: unknown field ".Dirr": did you mean "Dir"?`},
		{"syntax in file", "files:\n  a: |\n    one\n    two\n    {{if .Dir}}\n", `x.yaml:6: files.a: template: unexpected EOF`},
		{"twin twice", minimal + "twins: wsgi\nfiles:\n  app.py: x\n", `x.yaml:1: files: app.py is already written by twins`},
		{"directory of the twins", minimal + "twins: wsgi\nfiles:\n  benchctl: x\n", `x.yaml:1: files: benchctl is already written by twins`},
		{"asynchronous twin twice", minimal + "twins: asgi\nfiles:\n  asgi.py: x\n", `x.yaml:1: files: asgi.py is already written by twins`},
		{"bad twins", "twins: wsgy\n", `x.yaml:1: twins: unknown value "wsgy": did you mean "wsgi"?`},
		{"profile without doc", "profiles:\n  tuned:\n    args: [x]\n", `x.yaml:2: profiles.tuned: key "doc" is missing`},
		{"profile key", "profiles:\n  tuned:\n    doc: d\n    arg: [x]\n", `x.yaml:4: profiles.tuned: unknown key "arg": did you mean "args"?`},
		{"profile name", "profiles:\n  Tuned: {doc: d}\n", `x.yaml:2: profiles.Tuned: "Tuned" is not a name for a profile`},
		{"profile command", "profiles:\n  tuned:\n    doc: d\n    command: []\n", `x.yaml:4: profiles.tuned.command: a program is needed`},
		{"requires nothing", "requires:\n  - install: apt-get install x\n", `x.yaml:2: requires[0]: one of command, python and file is needed`},
		{"requires two", "requires:\n  - command: a\n    file: b\n", `x.yaml:2: requires[0]: one of command, python and file is needed`},
		{"requires key", "requires:\n  - comand: a\n", `x.yaml:2: requires[0]: unknown key "comand": did you mean "command"?`},
		{"ready path", "ready: {path: hello}\n", `x.yaml:1: ready.path: "hello" does not begin with "/"`},
		{"ready timeout", "ready:\n  timeout: soon\n", `x.yaml:2: ready.timeout: "soon" is not a time with unit from 1ms to 10m0s`},
		{"ready no unit", "ready:\n  timeout: 10\n", `x.yaml:2: ready.timeout: "10" is not a time with unit from 1ms to 10m0s`},
		{"break what is not written", minimal + "files: {demo.conf: x}\nbreak: {file: demo.cnf, content: y}\n", `x.yaml:1: break: demo.cnf is written neither by files nor by twins: did you mean "demo.conf"?`},
		{"break outside", "break: {file: ../x, content: y}\n", `x.yaml:1: break.file: "../x" is not a path below the launch's directory`},
		{"break by nothing", "break: {file: x}\n", `x.yaml:1: break: key "content" is missing`},
		{"bad signal", "control:\n  reload: HUPP\n", `x.yaml:2: control.reload: unknown signal "HUPP": did you mean "HUP"?`},
		{"bad verb", "control:\n  restart: HUP\n", `x.yaml:2: control: unknown key "restart": known are reload, scale-down, scale-up, stop-graceful, stop-now, upgrade`},
		{"near verb", "control:\n  scale_up: HUP\n", `x.yaml:2: control: unknown key "scale_up": did you mean "scale-up"?`},
		{"empty verb", "control:\n  reload: []\n", `x.yaml:2: control.reload: a program is needed`},
		{"verb key", "control:\n  reload:\n    signal: HUP\n    promises: much\n", `x.yaml:4: control.reload: unknown key "promises": did you mean "promise"?`},
		{"verb signal", "control:\n  reload:\n    signal: USR3\n", `x.yaml:3: control.reload.signal: unknown signal "USR3": did you mean "USR1"?`},
		{"verb without a way", "control:\n  reload: {promise: much, source: 'https://example.org'}\n", `x.yaml:2: control.reload: one of signal and command is needed`},
		{"verb of two ways", "control:\n  reload: {signal: HUP, command: [a]}\n", `x.yaml:2: control.reload: one of signal and command is needed`},
		{"promise of nobody", "control:\n  reload: {signal: HUP, promise: much}\n", `x.yaml:2: control.reload: promise and source are needed together`},
		{"source of nothing", "control:\n  reload: {signal: HUP, source: 'https://example.org'}\n", `x.yaml:2: control.reload: promise and source are needed together`},
		{"source is no URL", "control:\n  reload:\n    signal: HUP\n    source: signal(7)\n", `x.yaml:4: control.reload.source: "signal(7)" is not a URL with http or https`},
		{"long promise", "control:\n  reload:\n    promise: |\n      a\n      b\n", `x.yaml:3: control.reload.promise: is more than one line`},
		{"template in a verb", "control:\n  reload:\n    command: [a, '{{.Prot}}']\n", `x.yaml:3: control.reload.command[1]: template: unknown field ".Prot": did you mean "Port"?`},
		{"bad facility", "offers:\n  deamon: {}\n", `x.yaml:2: offers: unknown key "deamon": did you mean "daemon"?`},
		{"facility of nobody", "offers:\n  daemon: {args: [-d]}\n", `x.yaml:2: offers.daemon: key "promise" is missing`},
		{"facility without source", "offers:\n  daemon: {promise: much}\n", `x.yaml:2: offers.daemon: key "source" is missing`},
		{"facility without program", "offers:\n  daemon:\n    command: []\n", `x.yaml:3: offers.daemon.command: a program is needed`},
		{"template in a facility", "offers:\n  pidfile:\n    args: ['{{.Pidfil}}']\n", `x.yaml:3: offers.pidfile.args[0]: template: unknown field ".Pidfil": did you mean "Pidfile"?`},
		{"verb of a profile", "profiles:\n  tuned:\n    doc: d\n    control: {reload: HUPP}\n", `x.yaml:4: profiles.tuned.control.reload: unknown signal "HUPP": did you mean "HUP"?`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Read("x.yaml", []byte(c.data)); err == nil || err.Error() != c.want {
				t.Errorf("error is\n%v\nwant\n%s", err, c.want)
			}
		})
	}
}

// What a reload reads is what the manifest says, or else the twins.
func TestBreaks(t *testing.T) {
	t.Parallel()
	for more, want := range map[string]Broken{
		"":              {},
		"twins: wsgi\n": brokenTwin(TwinsWSGI),
		"twins: asgi\n": {"asgi.py", brokenTwin(TwinsWSGI).Content},
		"twins: asgi\nbreak: {file: asgi.py, content: x}\n":                          {"asgi.py", "x"},
		"twins: wsgi\nfiles: {conf: a}\nbreak: {file: conf, content: '{{.Port}}'}\n": {"conf", "{{.Port}}"},
	} {
		m, err := Read("x.yaml", []byte(minimal+more))
		if got := m.Breaks(); err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", more, got, err, want)
		}
	}
}

func TestBuiltin(t *testing.T) {
	t.Parallel()
	list, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		if want := "servers/external/" + m.Name + ".yaml"; m.File != want {
			t.Errorf("%s should be %s", m.File, want)
		}
		if m.Home == "" || len(m.Probe) == 0 || len(m.Requires) == 0 {
			t.Errorf("%s: home, version and requires are needed", m.File)
		}
	}
}

func TestReadDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := ReadDir(dir); err == nil || err.Error() != "read manifests in "+dir+": no file *.yaml" {
		t.Errorf("empty directory: %v", err)
	}
	if _, err := ReadDir(filepath.Join(dir, "nope")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "demo.yaml"), []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := ReadDir(dir)
	if err != nil || len(list) != 1 || list[0].Name != "demo" || list[0].File != filepath.Join(dir, "demo.yaml") {
		t.Errorf("ReadDir = %+v, %v", list, err)
	}
}

// What editors and other systems leave beside manifests is none, and what is no file is
// not waited for.
func TestReadDirWithOthers(t *testing.T) {
	t.Parallel()
	file := &fstest.MapFile{Data: []byte(minimal)}
	broken := &fstest.MapFile{Data: []byte("\x00\x05\x16\x07")}
	list, err := ReadFS(fstest.MapFS{"demo.yml": file, "._demo.yml": broken, ".#demo.yaml": broken, "demo.yaml~": broken}, "dir")
	if err != nil || len(list) != 1 {
		t.Errorf("%d manifests, %v", len(list), err)
	}
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadDir(dir); err == nil || !strings.Contains(err.Error(), "pipe.yaml is not a regular file") {
		t.Errorf("of a pipe: %v", err)
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	file := &fstest.MapFile{Data: []byte(minimal)}
	_, err := ReadFS(fstest.MapFS{"a.yaml": file, "b.yaml": file, "README.md": file}, "dir")
	if want := `dir/b.yaml: server "demo" is already described by a.yaml`; err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}

// FuzzRead holds that no manifest panics, that every error has its place, and
// that what was read can be launched and stays in its directory.
func FuzzRead(f *testing.F) {
	builtin, err := files.ReadFile("gunicorn-gthread.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{minimal, full, string(builtin), "files:\n  ../x: a\n", "command: [\"{{if}}\"]", minimal + "env: {A: '{{not .App}}'}\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		m, err := Read("x.yaml", []byte(data))
		if err != nil {
			var place *strict.Error
			if !errors.As(err, &place) || place.Line < 1 || strings.Contains(err.Error(), "\x00") {
				t.Errorf("error has no place: %v", err)
			}
			return
		}
		for name := range m.Files {
			if !filepath.IsLocal(name) {
				t.Errorf("file %q", name)
			}
		}
		for _, name := range m.ProfileNames() {
			p, err := m.profile(name)
			var c control.Command
			if err != nil || m.fill(&c, p, sample()) == nil && (len(c.Argv) == 0 || c.Argv[0] == "") {
				t.Errorf("profile %s: %v, %+v", name, err, c)
			}
		}
	})
}
