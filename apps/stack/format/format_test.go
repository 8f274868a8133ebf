package format_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/format"
	"github.com/benchctl/benchctl/apps/stack/format/formattest"
)

var update = flag.Bool("update", false, "write the golden files")

type (
	all  = formattest.All
	says = formattest.Says
)

func leaf(text string) stack.Node { return stack.App{Source: says{Text: text}} }

// rich has every kind of node and a field of each type.
func rich() *format.Document {
	full := all{
		Text: "a \"b\" # c: %d\n\té", Number: -5, Long: 1 << 40, Fraction: 1.25, Bool: true, Duration: 1500 * time.Millisecond,
		Size: 64 << 10, Secret: "env:KEY", List: []string{"x", "y z", ""}, Map: map[string]string{"X-A": "1: 2", "b c": ""},
	}
	return &format.Document{Stacks: []format.Stack{
		{Name: "main", Node: stack.Pipeline{
			Layers: []stack.Layer{formattest.Plain{}, full, formattest.Gives{}},
			Node: stack.Hosts{
				Nodes: []stack.Host{
					{Name: "a.example", Node: stack.Paths{Nodes: []stack.Path{
						{Prefix: "/", Node: stack.App{Source: formattest.Hello{}}},
						{Prefix: "/api", Node: stack.Pipeline{Layers: []stack.Layer{formattest.Takes{Kind: "b"}}, Node: leaf("api")}},
						{Prefix: "/old", Node: stack.App{Source: formattest.Hello{}}},
					}}},
					{Name: "*.example", Node: stack.Cascade{
						Nodes: []stack.Node{stack.App{Source: says{Text: "no", Status: 404}}, stack.App{Source: formattest.Hello{}}, stack.Pipeline{
							Layers: []stack.Layer{all{Duration: time.Hour}}, Node: stack.Pipeline{Node: leaf("inner")},
						}},
						Catch: []int{404, 405},
					}},
					{Name: "b.example", Node: stack.App{Source: formattest.Hello{}}},
				},
				Default: leaf("other"),
			},
		}},
		{Name: "second one", Node: stack.App{Source: formattest.Hello{}}},
	}}
}

func written(t testing.TB, form format.Form, doc *format.Document) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := format.Write(&b, form, doc); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// plain is a document without origins.
func plain(doc *format.Document) *format.Document {
	out := &format.Document{}
	for _, s := range doc.Stacks {
		out.Stacks = append(out.Stacks, format.Stack{Name: s.Name, Node: s.Node})
	}
	return out
}

func TestGolden(t *testing.T) {
	for _, form := range format.Forms() {
		path := filepath.Join("testdata", "rich."+string(form))
		text := written(t, form, rich())
		if *update {
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != string(text) {
			t.Errorf("%s\ngot\n%s\nrun go test -update where that is right", path, text)
		}
		doc, err := format.Read(path, formattest.Catalog())
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(plain(doc), rich()) {
			t.Errorf("%s: read %+v", path, doc)
		}
	}
}

// Every value of the rich stack has an origin, where it stands, up to the next line.
func TestOrigins(t *testing.T) {
	for _, form := range format.Forms() {
		path := filepath.Join("testdata", "rich."+string(form))
		doc, err := format.Read(path, formattest.Catalog())
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for at, want := range map[string]string{
			"layers[0]": "lain", "layers[1].number": "-5", "layers[1].secret": "env:KEY", "layers[1].list": "x", "layers[1].map": "X-A",
			`app.hosts["a.example"].paths["/api"]`: "", `app.hosts["a.example"].paths["/api"].layers[0].kind`: "b",
			`app.hosts["a.example"].paths["/api"].app.text`: `api`, `app.hosts["*.example"].cascade[0].status`: "404",
			`app.hosts["*.example"].catch`: "404", `app.default.text`: "other", `app.hosts["*.example"].cascade[2].app.app.text`: "inner",
			"": "", "app": "",
		} {
			o, ok := doc.Stacks[0].Origins[at]
			if !ok || o.File != path || o.Line >= len(lines) || !strings.Contains(from(lines[o.Line-1], o.Column)+lines[o.Line], want) {
				t.Errorf("%s: %s stands at %v, want there: %q", form, at, o, want)
			}
		}
	}
}

// from is a line from a column on, counted in characters.
func from(line string, column int) string {
	r := []rune(line)
	return string(r[min(column-1, len(r)):])
}

// Faults of Build are told where their values stand, or what is around them.
func TestLocate(t *testing.T) {
	doc, err := format.Parse("x.yaml", format.YAML, []byte(`main:
  layers:
    - all: {number: 12}
    - takes: {}
  paths:
    /a: {app: says, with: {status: 99}}
    b: hello
`), formattest.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	_, err = stack.Build(doc.Stacks[0].Node)
	err = doc.Stacks[0].Locate(err)
	want := `x.yaml:3:21: layers[0].number: 12 is more than 9
x.yaml:4:7: layers[1]: takes requires "gift", which no layer outside it provides
x.yaml:4:7: layers[1].kind: is required
x.yaml:6:36: app.paths["/a"].status: 99 is less than 200
x.yaml:7:8: app.paths["b"]: no prefix: "b"; it begins with "/" and does not end with it`
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant\n%s", err, want)
	}
}

func TestNames(t *testing.T) {
	two := &format.Document{Stacks: []format.Stack{{Name: "api"}, {Name: "main"}}}
	for _, test := range []struct {
		doc        *format.Document
		name, want string
	}{
		{two, "", "main"}, {two, "api", "api"}, {&format.Document{Stacks: two.Stacks[:1]}, "", "api"},
		{two, "apu", `no stack "apu": did you mean "api"?`},
	} {
		s, err := test.doc.Stack(test.name)
		if got := s.Name; got != test.want && (err == nil || err.Error() != test.want) {
			t.Errorf("%q: %q, %v, want %s", test.name, got, err, test.want)
		}
	}
	for path, want := range map[string]string{"a.yml": "yaml", "a.YAML": "yaml", "b/x.toml": "toml", "x.json": "json", "x.go": "go", "x": "", "yaml": ""} {
		if form, err := format.FormOf(path); string(form) != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", path, form, err)
		}
	}
}

// The Go source is a program that vets, and whose functions give the graph that it was written of.
func TestGoSourceCompiles(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program")
	}
	dir := t.TempDir()
	source, probe := filepath.Join(dir, "stack.go"), filepath.Join(dir, "probe.go")
	if err := os.WriteFile(source, written(t, format.Go, rich()), 0o644); err != nil {
		t.Fatal(err)
	}
	// The probe takes the place of main, which builds the stacks.
	if err := os.WriteFile(probe, []byte(`package main

import (
	"os"

	"github.com/benchctl/benchctl/apps/stack/format"
)

func init() {
	err := format.Write(os.Stdout, format.JSON, &format.Document{Stacks: []format.Stack{{Name: "main", Node: Stack()}, {Name: "second one", Node: Stack2()}}})
	if err != nil {
		panic(err)
	}
	os.Exit(0)
}
`), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "vet", source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command("go", "run", source, probe).Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := written(t, format.JSON, rich()); string(out) != string(want) {
		t.Errorf("the program gives\n%s\nwant\n%s", out, want)
	}
}

// What no file can hold is not written as something else.
func TestWriteRefuses(t *testing.T) {
	for want, n := range map[string]stack.Node{
		`stack: no app, but <nil>`:   nil,
		`stack: no app`:              stack.App{},
		`stack: layers[0]: no layer`: stack.Pipeline{Layers: []stack.Layer{nil}, Node: leaf("x")},
		`stack: layers[0]: it has values beside the fields of its config, which can't be written`: stack.Pipeline{Layers: []stack.Layer{all{Beside: make(chan int)}}, Node: leaf("x")},
		`stack: layers[0]: *formattest.Plain is no struct, whose fields could be written`:         stack.Pipeline{Layers: []stack.Layer{&formattest.Plain{}}, Node: leaf("x")},
		`stack: text: "\xff" is not UTF-8`:                                                        leaf("\xff"),
		`stack: "/a" is there twice`:                                                              stack.Paths{Nodes: []stack.Path{{Prefix: "/a", Node: leaf("x")}, {Prefix: "/a", Node: leaf("y")}}},
	} {
		for _, form := range format.Forms() {
			var b bytes.Buffer
			err := format.Write(&b, form, &format.Document{Stacks: []format.Stack{{Name: "main", Node: n}}})
			if err == nil || err.Error() != want || b.Len() > 0 {
				t.Errorf("%s: %v, want %s", form, err, want)
			}
		}
	}
	err := format.Write(&bytes.Buffer{}, format.JSON, &format.Document{Stacks: []format.Stack{{Name: "a", Node: leaf("x")}, {Name: "a", Node: leaf("x")}}})
	if err == nil || err.Error() != `stack: the name "a" of a stack is empty or there twice` {
		t.Error(err)
	}
}

type hidden struct{ formattest.Plain }

func TestGoSourceRefusesHiddenTypes(t *testing.T) {
	doc := &format.Document{Stacks: []format.Stack{{Name: "main", Node: stack.Pipeline{Layers: []stack.Layer{hidden{}}, Node: leaf("x")}}}}
	err := format.Write(&bytes.Buffer{}, format.Go, doc)
	if err == nil || err.Error() != "format_test.hidden is a type that no other package can name, so that Go source of it can't be read" {
		t.Error(err)
	}
}
