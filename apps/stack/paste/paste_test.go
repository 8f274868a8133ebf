package paste_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/paste"
)

// says and more are sources, mark and note are layers, with a field of each type.
type says struct {
	Text   string       `stack:"text"`
	Status int          `stack:"status"`
	Share  float64      `stack:"share"`
	Loud   bool         `stack:"loud"`
	Key    stack.Secret `stack:"key"`
}

func (says) About() stack.About                      { return stack.About{Name: "says"} }
func (says) Make() (apps.App, error)                 { return nil, errors.New("not made here") }
func (mark) About() stack.About                      { return stack.About{Name: "mark"} }
func (note) About() stack.About                      { return stack.About{Name: "request-note"} }
func (odd) About() stack.About                       { return stack.About{Name: "odd"} }
func (beyond) About() stack.About                    { return stack.About{Name: "beyond"} }
func (more) About() stack.About                      { return stack.About{Name: "more/one%"} }
func (more) Make() (apps.App, error)                 { return nil, errors.New("not made here") }
func (mark) Wrap(apps.App) (_ apps.App, err error)   { return }
func (note) Wrap(apps.App) (_ apps.App, err error)   { return }
func (odd) Wrap(apps.App) (_ apps.App, err error)    { return }
func (beyond) Wrap(apps.App) (_ apps.App, err error) { return }

type more struct{}

type mark struct {
	Level int               `stack:"level"`
	Wait  time.Duration     `stack:"wait"`
	Most  stack.Size        `stack:"most-bytes"`
	Types []string          `stack:"types"`
	Extra map[string]string `stack:"Extra"`
}

type note struct {
	Text string `stack:"text"`
}

// odd has a field that no file can name, and beyond one that is no config.
type odd struct {
	Use string `stack:"use"`
}

type beyond struct{ Hidden int }

var catalog = stack.Catalog{Layers: []stack.Layer{mark{}, note{}}, Sources: []stack.Source{says{}, more{}}}

func leaf(text string) stack.Node { return stack.App{Source: says{Text: text}} }

func of(n stack.Node, layers ...stack.Layer) stack.Node {
	return stack.Pipeline{Layers: layers, Node: n}
}

func host(name string, n stack.Node) stack.Host { return stack.Host{Name: name, Node: n} }

func path(prefix string, n stack.Node) stack.Path { return stack.Path{Prefix: prefix, Node: n} }

func paths(all ...stack.Path) stack.Node { return stack.Paths{Nodes: all} }

// file writes an INI file, and returns its ini.
func file(t testing.TB, text string) string {
	t.Helper()
	ini := filepath.Join(t.TempDir(), "app.ini")
	if err := os.WriteFile(ini, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return ini
}

// says that texts of the file are, with the ini of the file left out.
func brief(ini string, texts ...string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.Join(texts, "\n"), ini, "app.ini"), filepath.Dir(ini), "")
}

const whole = `
[composite:main]
use = egg:Paste#urlmap
/ = home
/api/ = api
domain example.org = site
domain example.org /old = old
domain *.example.net / = cascade
not_found_app =

[app:home]
use = egg:benchctl#says
text = 100%% %(here)s
status = 201
share = 0.5
loud = yes
key = env:KEY

[pipeline:api]
pipeline = outer
    mark  old

[filter:outer]
use = egg:benchctl#request-note
text = outer
filter-with = outermost
[filter:outermost]
use = egg:benchctl#request-note
text = outermost

[filter:mark]
use = marks
level = 3
[filter:marks]
use = egg:BenchCtl#mark
level = 2
wait = 1m30s
most-bytes = 64KiB
types = text/html
    text/plain
Extra =
    a: b
    # a comment
    c: d: e

[filter-app:site]
use = egg:benchctl#request-note
text = site
next = home

[app:old]
use = egg:benchctl#more/one%%
filter-with = outer

[composite:cascade]
use = call:paste.cascade:make_cascade
catch = 404 405
app2 = home
app10 = old
app1 = config:app.ini#api
`

func TestRead(t *testing.T) {
	ini := file(t, whole)
	node, origins, warnings, err := paste.Read(ini, "", catalog)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	home := stack.App{Source: says{Text: "100% " + filepath.Dir(ini), Status: 201, Share: 0.5, Loud: true, Key: "env:KEY"}}
	outermost, outer := note{"outermost"}, note{"outer"}
	old := of(stack.App{Source: more{}}, outermost, outer)
	marks := mark{3, 90 * time.Second, 64 << 10, []string{"text/html", "text/plain"}, map[string]string{"a": "b", "c": "d: e"}}
	api := of(old, outermost, outer, marks)
	want := stack.Hosts{
		Nodes: []stack.Host{
			host("example.org", paths(path("/", of(home, note{"site"})), path("/old", old))),
			host("*.example.net", stack.Cascade{Nodes: []stack.Node{api, old, home}, Catch: []int{404, 405}}),
		},
		Default: paths(path("/", home), path("/api", api)),
	}
	if !reflect.DeepEqual(node, stack.Node(want)) {
		t.Errorf("%#v\nwant\n%#v", node, want)
	}
	for place, at := range map[string]string{
		"":                                           "2:1",
		`default.paths["/api"]`:                      "19:1",
		`default.paths["/api"].layers[0].text`:       "29:8",
		`default.paths["/api"].layers[2]`:            "31:1",
		`default.paths["/api"].layers[2].level`:      "33:9",
		`default.paths["/api"].layers[2].wait`:       "37:8",
		`default.paths["/api"].layers[2].Extra`:      "42:5",
		`hosts["example.org"].paths["/"].app.status`: "14:10",
		`hosts["*.example.net"].catch`:               "57:9",
		`hosts["*.example.net"].cascade[1].app`:      "51:1",
	} {
		if got := brief(ini, origins[place].String()); got != "app.ini:"+at {
			t.Errorf("%s: %s, want %s", place, got, at)
		}
	}
}

// An app for all hosts is reached through a host too that has none for its ini.
func TestHostFallsThrough(t *testing.T) {
	ini := file(t, `[composite:main]
use = egg:Paste#urlmap
/ = a
/x/y = b
domain h /x = c
domain g /z = c
domain G = c
[app:a]
use = egg:benchctl#says
[app:b]
use = egg:benchctl#says
text = b
[app:c]
use = egg:benchctl#says
text = c
`)
	node, _, warnings, err := paste.Read(ini, "", catalog)
	a, b, c := leaf(""), leaf("b"), leaf("c")
	want := stack.Hosts{
		Nodes:   []stack.Host{host("h", paths(path("/x", c), path("/", a))), host("g", paths(path("/z", c), path("/", c)))},
		Default: paths(path("/", a), path("/x/y", b)),
	}
	if err != nil || !reflect.DeepEqual(node, stack.Node(want)) {
		t.Errorf("%v %#v\nwant\n%#v", err, node, want)
	}
	if len(warnings) != 1 || brief(ini, warnings[0].String()) != "app.ini:3:1: this app for all hosts stands under h once more, which has none for all paths; each has its own state" {
		t.Error(warnings)
	}
}

func TestFaults(t *testing.T) {
	const app = "[app:main]\nuse = egg:benchctl#says\n"
	for _, test := range []struct{ text, want string }{
		{"\ufeff" + app, `app.ini:1:1: the file begins with a byte order mark; save it as UTF-8 without one`},
		{"a = b\n" + app, `app.ini:1:1: "a = b" stands before the first section`},
		{app + "  \n  é = \xff\n", `app.ini:4:7: not UTF-8`},
		{app + "text = a\ntext = b\n", `app.ini:4:1: key "text" is there already in [app:main], in line 3`},
		{app + app, `app.ini:3:1: section [app:main] is there already, in line 1`},
		{app + "flag\n", `app.ini:3:1: "flag" is neither a section, nor a key with a value, nor indented to continue one`},
		{app + " = x\n: y\n", `app.ini:4:1: a value without a key`},
		{app + "text = 100%\n", `app.ini:3:8: "%" is written "%%" if it is no reference as "%(name)s": "%"`},
		{app + "text = %(her)s\n", `app.ini:3:8: nothing is named "her", to which "%(her)s" refers: did you mean "here"?`},
		{app + "text = %(text)s\n", `app.ini:3:8: references go deeper than 10 steps: "%(text)s"`},
		{app + "txt = a\n", `app.ini:3:1: says has no field "txt": did you mean "text"?`},
		{app + "status = many\nloud = perhaps\n", "app.ini:3:10: status of says: \"many\" is not a whole number\napp.ini:4:8: loud of says: \"perhaps\" is neither true nor false"},
		{app + "get text = her\n", `app.ini:3:12: no global is named "her": did you mean "here"?`},
		{"[app:mian]\nuse = egg:benchctl#says\n", `app.ini:1:1: app.ini has no application "main": did you mean "mian"?`},
		{"[filter:main]\nuse = egg:benchctl#mark\n", `app.ini:1:1: app.ini has no application "main"; [filter:main] in line 1 is none`},
		{app + "[pipeline:main]\npipeline = main\n", `app.ini:1:1: "main" may be [app:main] in line 1 or [pipeline:main] in line 3 of app.ini`},
		{"[app:main]\nuse = egg:benchctl#say\n", `app.ini:1:1: unknown app "say": did you mean "says"?`},
		{"[app:main]\nuse = egg:Paste#says\n", `app.ini:1:1: the application "egg:Paste#says" is not known here: did you mean "egg:benchctl#says"?; known are those named as egg:benchctl#NAME, egg:Paste#urlmap, egg:Paste#cascade`},
		{"[app:main]\nuse = call:m:f\n", `app.ini:1:1: the application "call:m:f" is not known here; known are those named as egg:benchctl#NAME, egg:Paste#urlmap, egg:Paste#cascade`},
		{app + "filter-with = f\n[filter:f]\npaste.filter_factory = m:f\n", `app.ini:4:1: the filter "m:f" is not known here; known are those named as egg:benchctl#NAME`},
		{"[app:main]\nusee = egg:benchctl#says\n", `app.ini:1:1: [app:main] names no factory: it has neither use nor paste.app_factory; is usee meant to be use?`},
		{"[DEFAULT]\nuse = x\n" + app, `app.ini:3:1: [app:main] names no factory: it has neither use nor paste.app_factory; use is a default too, and so is dropped`},
		{"[app:main]\nuse = eg:benchctl#says\n", `app.ini:2:7: "eg:benchctl#says" begins with an unknown scheme: did you mean "egg"?`},
		{"[app:main]\nuse = config:gone.ini\n", `app.ini:2:7: can't read /gone.ini: no such file or directory`},
		{"[pipeline:main]\npipeline = mark\n   é maark x\n[app:x]\nuse = egg:benchctl#says\n[filter:mark]\nuse = egg:benchctl#mark\n[filter:é]\nuse = mark\n", `app.ini:3:6: app.ini has no filter "maark": did you mean "mark"?`},
		{"[pipeline:main]\npipeline = x\nlevel = 1\n[app:x]\n", `app.ini:3:1: [pipeline:main] may not have "level": a pipeline has no config of its own; to change a global write "set level"`},
		{"[pipeline:main]\npipeline =\n", `app.ini:2:1: [pipeline:main] is of no filters and no app`},
		{"[filter-app:main]\nuse = egg:benchctl#mark\n", `app.ini:1:1: [filter-app:main] lacks next, which names the app behind the filter`},
		{"[app:main]\nuse = p\ntext = lost\n[pipeline:p]\npipeline = x\n[app:x]\nuse = egg:benchctl#says\n", `app.ini:3:1: nothing gets "text": what [app:main] uses is a pipeline, which has no config`},
		{"[app:main]\nuse = a\n[app:a]\nuse = b\n[app:b]\nuse = a\n", `app.ini:6:7: [app:a] is part of itself: [app:a] (app.ini:3) > [app:b] (app.ini:5) > [app:a] (app.ini:3)`},
		{"[composite:main]\nuse = egg:Paste#urlmap\n/ = p\n[pipeline:p]\npipeline = main\n", `app.ini:5:12: [composite:main] is part of itself: [composite:main] (app.ini:1) > [pipeline:p] (app.ini:4) > [composite:main] (app.ini:1)`},
		{"[composite:main]\nuse = egg:Paste#urlmap\ndomain a port 80 /x = p\nx = p\n/a = main2\ndomain = y\n/b /c = y\n", `app.ini:3:1: no app can be mounted at "domain a port 80 /x": a host is taken on all its ports: leave port away
app.ini:4:1: no app can be mounted at "x": it is a path as "/api", or "domain", a host and a path
app.ini:6:1: no app can be mounted at "domain": it has one domain
app.ini:7:1: no app can be mounted at "/b /c": it has more than one path
app.ini:5:6: app.ini has no application "main2": did you mean "main"?`},
		{"[composite:main]\nuse = egg:Paste#urlmap\nnot_found_app = y\n/ = x\n[app:x]\nuse = egg:benchctl#says\n", `app.ini:3:17: app.ini has no application "y": known are main, x`},
		{"[composite:main]\nuse = egg:Paste#urlmap\n/a = x\n/a/ = x\n[app:x]\nuse = egg:benchctl#says\n", `app.ini:4:1: no app can be mounted at "/a/": an app is there already, in line 3`},
		{"[composite:main]\nuse = egg:Paste#cascade\nap1 = x\ncatch = 404 4o5\n", "app.ini:3:1: a cascade has no field \"ap1\": it has catch, and apps whose keys begin with \"app\"\napp.ini:4:13: catch: \"4o5\" is no status"},
		{"[composite:main]\nuse = egg:Paste#egg:Paste#urlmap\n/ = x\n", `app.ini:3:5: app.ini has no application "x": known is main`},
	} {
		ini := file(t, test.text)
		node, origins, _, err := paste.Read(ini, "", catalog)
		if err == nil || node != nil || origins != nil {
			t.Errorf("%q: %v, want an error", test.text, node)
			continue
		}
		if got := brief(ini, err.Error()); got != test.want {
			t.Errorf("%q:\n%s\nwant\n%s", test.text, got, test.want)
		}
	}
	if _, _, _, err := paste.Read("/not/there.ini", "", catalog); err == nil || err.Error() != "can't read /not/there.ini: no such file or directory" {
		t.Error(err)
	}
	if _, _, _, err := paste.Read("/dev/zero", "", catalog); err == nil || err.Error() != "/dev/zero is no regular file" {
		t.Error(err)
	}
}

func TestWarnings(t *testing.T) {
	const leaf = "[app:x]\nuse = egg:benchctl#says\n"
	for _, test := range []struct{ text, want string }{
		{"[DEFAULT]\ntext = a\n[app:main]\nuse = x\ntext = b\n" + leaf, `app.ini:5:1: "text" is also a default, so that Paste Deploy drops it here: to change the global write "set text"`},
		{"[DEFAULT]\nk = a\n[app:main]\nuse = egg:benchctl#says\nset k = b\ntext = %(k)s\n", `app.ini:6:8: %(k)s is "a" here, by this file's defaults, and the global k is "b"`},
		{"[DEFAULT]\nnot_found_app = x\n[composite:main]\nuse = egg:Paste#urlmap\n/ = x\n" + leaf, `app.ini:2:17: no request reaches this app: there is one for / on all hosts`},
		{"[app:main]\nuse = x\n" + leaf + "[application:x]\nuse = main\n", `app.ini:5:1: [application:x] is hidden by [app:x]`},
		{"[pipeline:main]\npipeline = x\nfilter-with = f\n[filter:f]\nuse = egg:benchctl#mark\n" + leaf, `app.ini:1:1: filter-with is around the app here; Paste Deploy itself takes what is no plain app for a filter, and fails when it serves`},
	} {
		ini := file(t, test.text)
		_, _, warnings, err := paste.Read(ini, "", catalog)
		if err != nil || len(warnings) != 1 || brief(ini, warnings[0].String()) != test.want {
			t.Errorf("%q: %v %v\nwant\n%s", test.text, err, warnings, test.want)
		}
	}
}

// An included file refers to its own defaults, whatever the globals are.
func TestIncludedDefaultsDisagree(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"outer.ini": "[DEFAULT]\ncolor = red\n[app:main]\nuse = config:inner.ini\n",
		"inner.ini": "[DEFAULT]\ncolor = blue\n[app:main]\nuse = egg:benchctl#says\ntext = %(color)s\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	node, _, warnings, err := paste.Read(filepath.Join(dir, "outer.ini"), "", catalog)
	if err != nil || !reflect.DeepEqual(node, leaf("blue")) {
		t.Error(node, err)
	}
	want := `inner.ini:5:8: %(color)s is "blue" here, by this file's defaults, and the global color is "red"`
	if len(warnings) != 1 || strings.TrimPrefix(warnings[0].String(), dir+"/") != want {
		t.Errorf("%v, want %s", warnings, want)
	}
}

// What a small file may cause is bounded.
func TestBounds(t *testing.T) {
	var laughs, deep strings.Builder
	laughs.WriteString("[app:main]\nuse = egg:benchctl#says\nv0 = " + strings.Repeat("ha", 50) + "\n")
	for i := range 8 {
		laughs.WriteString("v" + string(rune('1'+i)) + " = " + strings.Repeat("%(v"+string(rune('0'+i))+")s", 100) + "\n")
	}
	for i := range 150 {
		deep.WriteString("[app:x" + strings.Repeat("x", i) + "]\nuse = x" + strings.Repeat("x", i+1) + "\n")
	}
	for _, test := range []struct{ text, name, want string }{
		{laughs.String(), "", "what is asked for here makes the config too large"},
		{deep.String(), "x", "is more than 100 steps from the first section"},
		{"[DEFAULT]\n" + strings.Repeat("#", 1<<20), "", "is larger than 1 MiB"},
	} {
		_, _, _, err := paste.Read(file(t, test.text), test.name, catalog)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.100v, want %s", err, test.want)
		}
	}
	var pairs strings.Builder
	for i := range 20 {
		at, next := string(rune('a'+i)), string(rune('b'+i))
		pairs.WriteString("[composite:" + at + "]\nuse = egg:Paste#urlmap\n/1 = " + next + "\n/2 = " + next + "\n")
	}
	pairs.WriteString("[app:u]\nuse = egg:benchctl#says\n")
	_, _, _, err := paste.Read(file(t, pairs.String()), "a", catalog)
	if err == nil || !strings.Contains(err.Error(), "the file unfolds into more than 10000 apps and filters") {
		t.Errorf("%.100v", err)
	}
}
