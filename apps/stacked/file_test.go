package stacked_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/fronts"
	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/servers"
)

const site = `main:
  layers:
    - access-log: {file: access.log}
    - compress
  paths:
    /: hello
    /large:
      layers: [etag, {headers: {set: {X-Large: "yes"}}}]
      app: {app: size, with: {bytes: 5000}}
    /api:
      paths:
        /: json
        /sleep: {app: sleep, with: {ms: 5}}
plain:
  layers: [etag, compress]
  app: template
hosts:
  hosts: {a.example.org: hello}
other:
  layers: [etag, {rate-limit: {rate: 10}}]
  cascade: [hello, json]
`

// write writes a file for a test.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, arg string) []stacked.App {
	t.Helper()
	all, warnings, err := stacked.Read(arg)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	return all
}

// Each leaf of a stack is an app at its path, and the stack of all of them is one.
func TestRead(t *testing.T) {
	path := write(t, "site.yaml", site)
	all := read(t, path)
	want := map[string]string{":/": "/", ":/large": "/large", ":/api/": "/api/", ":/api/sleep": "/api/sleep"}
	if len(all) != len(want) {
		t.Fatalf("%+v", all)
	}
	for _, a := range all {
		if at, ok := want[strings.TrimPrefix(a.Name, path)]; !ok || at != a.At || a.SHA256() != all[0].SHA256() || !a.Stacked() {
			t.Errorf("%+v", a)
		}
		if err := a.Check(); err != nil {
			t.Error(err)
		}
		i, err := a.Instance()
		if err != nil {
			t.Fatal(err)
		}
		if e := i.Exchange(); i.String() != a.Name || e.Target != "/stack-"+a.SHA256()[:12]+a.At {
			t.Errorf("%s at %s", i, e.Target)
		}
	}
	if _, err := os.Stat("access.log"); err == nil {
		t.Error("what was asked in memory is in the log")
	}
	plain := read(t, path+"#plain")
	if len(plain) != 1 || plain[0].Name != path+"#plain" || plain[0].At != "" {
		t.Errorf("%+v", plain)
	}
}

// A stack is what it has, wherever its file is and whatever its form.
func TestIdentity(t *testing.T) {
	yaml := read(t, write(t, "a.yaml", "main: {layers: [etag], app: {app: size, with: {bytes: 5}}}\n"))[0]
	for name, text := range map[string]string{
		"b.yml":  "# a remark\nmain:\n  layers: [etag]\n  app:\n    app: size\n    with: {bytes: 5}\n",
		"c.toml": "[main]\nlayers = [\"etag\"]\n[main.app]\napp = \"size\"\nwith = { bytes = 5 }\n",
		"d.json": `{"main": {"layers": ["etag"], "app": {"app": "size", "with": {"bytes": 5}}}}`,
	} {
		if got := read(t, write(t, name, text))[0]; got.Identity() != yaml.Identity() {
			t.Errorf("%s: %q, not %q", name, got.Stack, yaml.Stack)
		}
	}
	other := read(t, write(t, "a.yaml", "main: {layers: [etag], app: {app: size, with: {bytes: 6}}}\n"))[0]
	if other.Identity() == yaml.Identity() {
		t.Error("the stack changed, and its identity did not")
	}
}

func TestReadPasteDeploy(t *testing.T) {
	all := read(t, write(t, "site.ini", "[pipeline:main]\npipeline = etag hello\n[filter:etag]\nuse = egg:benchctl#etag\n[app:hello]\nuse = egg:benchctl#hello\n"))
	if i, err := all[0].Instance(); err != nil || len(all) != 1 || !slices.ContainsFunc(i.Exchange().Replied, func(f [2]string) bool { return f[0] == "ETag" }) {
		t.Errorf("%+v, %v", all, err)
	}
}

// What a load can't ask for is told with its line.
func TestReadErrors(t *testing.T) {
	path := write(t, "site.yaml", site+"own: {app: static, with: {dir: /tmp}}\n")
	for name, want := range map[string][]string{
		"hosts": {"site.yaml:17:1: hosts can't be measured: the requests of a load are for one host"},
		"other": {
			"site.yaml:20:18: layers[1]: layer rate-limit can't be measured: it refuses requests that come as often as a load has them",
			"a cascade can't be measured: which app answers is not known beforehand",
		},
		"own":  {"site.yaml:22:1: app static can't be measured: it is no test app"},
		"owns": {`no stack "owns": did you mean "own"?`},
	} {
		_, _, err := stacked.Read(path + "#" + name)
		for _, text := range want {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v, want %s", name, err, text)
			}
		}
	}
	if _, err := stacked.Parse("site.yaml"); err == nil {
		t.Error("a file is a name")
	}
}

// On the wire all leaves of a stack are served beside the suite, through one stack.
func TestStackOnTheWire(t *testing.T) {
	all, err := servers.All()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir()) // for the log
	path := write(t, "site.yaml", site)
	mounted := append(read(t, path), read(t, path+"#plain")...)
	list := filepath.Join(t.TempDir(), "mounts.json")
	if err := stacked.WriteFile(list, mounted); err != nil {
		t.Fatal(err)
	}
	if mounted, err = stacked.ReadFile(list); err != nil {
		t.Fatal(err)
	}
	app, err := stacked.Mount(mounted)
	if err != nil {
		t.Fatal(err)
	}
	target := conform.Target{Address: serve(t, all[slices.IndexFunc(all, func(s servers.Server) bool { return s.Name == "fasthttp" })].Engine, app)}
	for _, a := range mounted {
		i, err := a.Instance()
		if err != nil {
			t.Fatal(err)
		}
		if err := conform.Gated(conform.App(t.Context(), target, i)); err != nil {
			t.Errorf("%s: %v", a.Name, err)
		}
	}
}

// The stack of a file can be served by itself, from its own root on.
func TestOpen(t *testing.T) {
	app, front, err := stacked.Open(write(t, "site.yaml", site) + "#other")
	if err != nil || front != nil {
		t.Fatal(front, err)
	}
	if r := appstest.Serve(t, app, appstest.Get("/")); r.Status != 200 || r.Body() != "Hello, World!" {
		t.Errorf("%v", r)
	}
}

// What stands before a stack is no part of its replies, and stands before all apps of a run.
func TestFront(t *testing.T) {
	path := write(t, "front.yaml", "main: {front: {nginx: {keep-alive: 8}}, layers: [etag], paths: {/a: hello, /b: json}}")
	all, _, err := stacked.Read(path)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	if err := all[0].Check(); err != nil {
		t.Error(err)
	}
	want := stack.Proxy(fronts.Nginx{Protocol: fronts.HTTP, KeepAlive: 8})
	if front, err := stacked.FrontOf(all); front != want || err != nil {
		t.Errorf("the front is %+v, %v", front, err)
	}
	if _, front, err := stacked.Open(path); front != want || err != nil {
		t.Errorf("the front is %+v, %v", front, err)
	}
	if front, err := stacked.FrontOf(nil); front != nil || err != nil {
		t.Errorf("the front of nothing is %+v, %v", front, err)
	}
	if _, err := stacked.FrontOf(append(all, stacked.App{Name: "hello"})); err == nil || !strings.Contains(err.Error(), "hello can't be of one run: a front stands before all") {
		t.Error(err)
	}
}

// The file for servers in Python has the stack that it was made of.
func TestTwin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "site.yaml")
	if err := os.WriteFile(path, []byte("main: {layers: [{compress: {gzip-level: 9}}], paths: {/a: json, /b: {layers: [etag], app: {app: size, with: {bytes: 5000}}}}}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	all, _, err := stacked.Read(path)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	for _, a := range append(all, stacked.App{Name: "headers*5+compress+size"}) {
		twin, err := a.Twin()
		if err != nil {
			t.Fatal(err)
		}
		ini := filepath.Join(t.TempDir(), "twin.ini")
		if err := os.WriteFile(ini, []byte(twin.INI), 0o644); err != nil {
			t.Fatal(err)
		}
		again, _, err := stacked.Read(ini)
		if err != nil {
			t.Fatal(err)
		}
		if root := "/stack-" + all[0].SHA256()[:12]; a.Stack != "" && (twin.Root != root || again[0].SHA256() != a.SHA256()) {
			t.Errorf("%s: at %s, want %s\n%s", a.Name, twin.Root, root, twin.INI)
		}
		if a.Stack == "" && (twin.Root != "/headers*5+compress+size" || strings.Count(twin.INI, "headers") < 5) {
			t.Errorf("%s: at %s\n%s", a.Name, twin.Root, twin.INI)
		}
	}
	if twin, err := (stacked.App{Name: "hello"}).Twin(); err != nil || twin != (stacked.Twin{}) {
		t.Errorf("without layers: %+v, %v", twin, err)
	}
}
