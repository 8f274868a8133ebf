package format_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/format"
	"github.com/benchctl/benchctl/apps/stack/format/formattest"
)

// Every fault has its place, and all of a file are told at once.
func TestFaults(t *testing.T) {
	for _, test := range []struct {
		form       format.Form
		text, want string
	}{
		{format.YAML, "", "f:1:1: is empty"},
		{format.YAML, "hello", "f:1:1: a mapping of names to stacks is needed, not a single value"},
		{format.YAML, "{}", "f:1:1: no stack"},
		{format.YAML, "main: helo", `f:1:7: unknown app "helo": did you mean "hello"?`},
		{format.YAML, "main:", "f:1:1: the name of an app or a mapping is needed, not nothing"},
		{format.YAML, "main: [hello]", "f:1:1: the name of an app or a mapping is needed, not a list"},
		{format.YAML, "main: {aps: hello}", "f:1:1: no app; a node has one of app, hosts, paths, cascade\nf:1:8: unknown key \"aps\": did you mean \"app\"?"},
		{format.YAML, "main:\n  app: hello\n  paths: {}", "f:3:3: paths beside app; a node has one of app, hosts, paths, cascade"},
		{format.YAML, "main: {app: hello, default: hello}", "f:1:20: default without hosts, which it belongs to"},
		{format.YAML, "main: {app: {app: hello}, with: {}}", "f:1:27: with beside a node; it is the config of an app that is named"},
		{format.YAML, "main: {app: says, with: {txt: a, status: x, text: [b]}}", "f:1:26: unknown field \"txt\": did you mean \"text\"?\nf:1:42: status: \"x\" is not a whole number\nf:1:45: text: a text is needed, not a list"},
		{format.YAML, "main: {app: hello, with: {txt: a}}", "f:1:27: unknown field \"txt\": it has none"},
		{format.YAML, "main:\n  layers: [alll, all: {list: a, map: [b]}, {all: {}, plain: {}}, []]\n  cascade: hello", `f:2:12: layers[0]: unknown layer "alll": did you mean "all"?
f:2:30: layers[1].list: a list of texts is needed, not a single value
f:2:33: layers[1].map: a mapping of names to texts is needed, not a list
f:2:44: layers[2]: one layer is needed, not 2: each is an item of the list
f:2:66: layers[3]: a layer is needed, not a list
f:3:12: app: a list of nodes is needed, not a single value`},
		{format.YAML, "main:\n  layers: [{all: {duration: 30, secret: hunter2, size: x}}]\n  app: hello", `f:2:29: layers[0].duration: "30" is not a duration with a unit, as "30s"
f:2:41: layers[0].secret: a secret is given by reference, as "env:NAME" or "file:PATH"
f:2:56: layers[0].size: "x" is not a size, as "64KiB" or a number of bytes`},
		{format.YAML, "a: {front: befor, app: hello}\nb: {front: {before: {kind: 1, numbr: 2}}, app: hello}\nc: {front: [], app: hello}", `f:1:12: front: unknown front "befor": did you mean "before"?
f:2:31: front: unknown field "numbr": did you mean "number"?
f:3:5: front: a front is needed, not a list`},
		{format.YAML, "main: {cascade: [hello], catch: [4O4, [1]]}", "f:1:34: catch: \"4O4\" is no status, which is a number\nf:1:39: catch: a list is no status, which is a number"},
		{format.YAML, "main: hello\nmain: hello", `f:2:1: "main" is there a second time; the first is in line 1`},
		{format.YAML, "é: {paths: {é: nope}}", `f:1:16: paths["é"]: unknown app "nope": known are hello, says`},
		{format.YAML, "a: &x hello\nb: *x", "f:1:4: an anchor is not taken: a file says what stands in it"},
		{format.YAML, "b: *x", "f:1:4: an alias is not taken: a file says what stands in it"},
		{format.YAML, "c: !!str hello", "f:1:4: a tag is not taken: a file says what stands in it"},
		{format.YAML, "d: {<<: x}", "f:1:5: a merge key is not taken: a file says what stands in it"},
		{format.YAML, "a: hello\n---\nb: hello", "f:2:1: more than one document"},
		{format.YAML, "main: [", "f:1:7: sequence end token ']' not found"},
		{format.YAML, "main: hello\n\xff", "f:2:1: no UTF-8"},
		{format.TOML, "", "f:1:1: no stack"},
		{format.TOML, "main = 'helo'", `f:1:8: unknown app "helo": did you mean "hello"?`},
		{format.TOML, "[main]\napp = 'says'\n[main.with]\nstatus = 'x'\ntxt = 1", "f:4:10: status: \"x\" is not a whole number\nf:5:1: unknown field \"txt\": did you mean \"text\"?"},
		{format.TOML, "a = 'hello'\na = 'hello'\n[b]\napp = 'hello'\n[b]\n[a.c]", "f:2:1: \"a\" is there a second time\nf:5:2: \"b\" is there a second time\nf:6:2: \"a\" is there a second time"},
		{format.TOML, "[a.b]\n[a]\nb.c = 1\n[[a]]\n[x]\ny.z = 1\n[x.y]", "f:3:1: \"b\" is there a second time\nf:4:3: \"a\" is there a second time\nf:7:4: \"y\" is there a second time"},
		{format.TOML, "a = {b.c = 1}\n[a.b]", "f:2:2: \"a\" is there a second time"},
		{format.TOML, "main = ", "f:1:8: expected value, not eof"},
		{format.TOML, "main = 2020-13-01", "f:1:8: impossible date"},
		{format.JSON, `{"main": "helo"}`, `f:1:10: unknown app "helo": did you mean "hello"?`},
		{format.JSON, "{\n  \"main\": {\"app\": \"says\", \"with\": {\"text\": null, \"status\": true}}}", "f:2:44: text: a text is needed, not nothing\nf:2:60: status: \"true\" is not a whole number"},
		{format.JSON, `{"a": "hello", "a": "hello"}`, `f:1:16: "a" is there a second time; the first is in line 1`},
		{format.JSON, `{"a": "hello"} {}`, "f:1:16: more than one value"},
		{format.JSON, `{"a": `, "f:1:7: the text ends in a value"},
		{format.JSON, `{"a" "b"}`, "f:1:6: invalid character '\"' after object key"},
		{format.JSON, ``, "f:1:1: the text ends in a value"},
	} {
		check(t, test.form, test.text, test.want)
	}
}

func check(t *testing.T, form format.Form, text, want string) {
	t.Helper()
	_, err := format.Parse("f", form, []byte(text), formattest.Catalog())
	if err == nil || err.Error() != want {
		t.Errorf("%s %q:\n%v\nwant\n%s", form, text, err, want)
	}
}

const goHead = `package main

import (
	"os"
	"time"

	"github.com/benchctl/benchctl/apps/stack"
	. "github.com/benchctl/benchctl/apps/stack"
	ft "github.com/benchctl/benchctl/apps/stack/format/formattest"
)

`

func TestGoFaults(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"func Stack() stack.Node { return stack.App{Source: ft.Helo{}} }", `f:12:52: unknown type ft.Helo: did you mean "Hello"?`},
		{"func Stack() stack.Node { return hello }", "f:12:34: a literal is needed: files are read, not run"},
		{"func Stack() stack.Node { println(); return nil }", "f:12:1: Stack is more than a return of one value"},
		{"func Stack3() stack.Node { return nil }", `f:12:1: Stack3 has no name: a comment says it, as //stack:name "api"`},
		{"func run() {}\nvar x = 1", "f:12:1: only functions Stack, Stack2 and so on are read, which return a stack.Node\nf:13:1: only functions Stack, Stack2 and so on are read, which return a stack.Node"},
		{"func Stack() stack.Node { return stack.App{Source: ft.Says{Text: os.Getenv(\"X\")}} }", "f:12:66: a constant is needed: files are read, not run"},
		{"func Stack() stack.Node { return stack.App{Source: ft.Says{Text: 5, Status: \"x\", Txt: 1, Text: \"\"}} }", "f:12:66: a constant for a text is needed, not 5\nf:12:77: a constant for a number is needed, not \"x\"\nf:12:82: unknown field \"Txt\": did you mean \"Text\"?\nf:12:90: \"Text\" is there a second time"},
		{"func Stack() stack.Node { return stack.Pipeline{Layers: []stack.Layer{ft.All{Number: 1 << 70, Long: 1 << 63, List: []int{1}, Fraction: 1e400, Text: -\"x\"}}} }", "f:12:86: a constant is needed: files are read, not run\nf:12:101: a constant for a number is needed, not 9223372036854775808\nf:12:116: a []string is needed\nf:12:136: it is beyond what a number holds\nf:12:149: a constant is needed: files are read, not run"},
		{"func Stack() stack.Node { return stack.Hosts{Nodes: []stack.Host{{\"a\", nil}, {Name: \"b\"}}} }", "f:12:66: no app\nf:12:67: a field without its name\nf:12:72: a field without its name\nf:12:78: no app"},
		{"func Stack() stack.Node { return ft.Hello{} }", "f:12:34: ft.Hello is no node, which is a stack.App, Pipeline, Hosts, Paths, Cascade or Front"},
		{"func Stack() stack.Node { return stack.Pipeline{} }", "f:12:6: no app; a node has one of app, hosts, paths, cascade"},
		{"func Stack() stack.Node { return", "f:12:33: expected '}', found 'EOF'"},
	} {
		check(t, format.Go, goHead+test.text, test.want)
	}
}

// Constants may be spelled as programmers do.
func TestGoConstants(t *testing.T) {
	text := goHead + `func Stack() stack.Node {
	return (stack.Pipeline{Layers: []stack.Layer{ft.All{
		Text: "a" + string("b"), Number: -(2 + 3), Long: 7 / 2, Fraction: 1 / 4.0, Bool: true, Duration: 3 * time.Second / 2,
		Size: stack.Size(1 << 10 * 64), Secret: stack.Secret("env:X"), List: nil,
	}}, Node: stack.App{Source: ft.Hello{}}})
}`
	doc, err := format.Parse("f", format.Go, []byte(text), formattest.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%+v", doc.Stacks[0].Node)
	want := "{Layers:[{Text:ab Number:-5 Long:3 Fraction:0.25 Bool:true Duration:1.5s Size:64KiB Secret:env:X List:[] Map:map[] Beside:<nil>}] Node:{Source:{}}}"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// Numbers of YAML and TOML have more spellings than those of fields.
func TestBareNumbers(t *testing.T) {
	for form, text := range map[format.Form]string{
		format.YAML: "main: {layers: [{all: {number: 0x1F, long: 1_000, size: 0o17, text: 007, list: [1, true]}}], app: hello}",
		format.TOML: "main = {layers = [{all = {number = 0x1F, long = 1_000, size = 0o17, text = '007', list = [1, true]}}], app = 'hello'}",
	} {
		doc, err := format.Parse("f", form, []byte(text), formattest.Catalog())
		if err != nil {
			t.Fatal(err)
		}
		want := all{Number: 31, Long: 1000, Size: 15, Text: "007", List: []string{"1", "true"}}
		if got := doc.Stacks[0].Node.(stack.Pipeline).Layers[0]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %+v", form, got)
		}
	}
}

// A file that is too large, too deep or has too much in it gets one line, whatever its form.
func TestBounds(t *testing.T) {
	many := func(head, one, tail string) string { return head + strings.Repeat(one, 20000) + tail }
	deep := func(one string, n int) string { return strings.Repeat(one, min(n, 200<<10/len(one))) } // as deep as a file can be
	keyed := func(pattern string) string {
		var b strings.Builder
		for i := range 12000 {
			fmt.Fprintf(&b, pattern, i)
		}
		return b.String()
	}
	var indented strings.Builder
	for i := range 600 {
		indented.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'j'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.Repeat(fmt.Sprintf("*%c,", c-1), 9))
	}
	node := func(n string) string { return goHead + "func Stack() stack.Node { return " + n + "}" }
	for _, test := range []struct {
		name string
		form format.Form
		text string
		want string
	}{
		{"size", format.YAML, strings.Repeat("#", 256<<10+1), "more than 256 KiB"},
		{"brackets", format.YAML, deep("[", 500000), "more than 100 values within values"},
		{"items", format.YAML, deep("- ", 200000), "more than 100 values within values"},
		{"keys", format.YAML, deep("? ", 200000), "more than 100 values within values"},
		{"indentation", format.YAML, indented.String(), "more than 100 values within values"},
		{"sections", format.YAML, keyed("s%d: hello\n"), "more than 10000 values"},
		{"list", format.YAML, many("a: [", "a,", "a]"), "more than 10000 values"},
		{"tokens", format.YAML, deep("a,", 400000), ""},
		{"aliases", format.YAML, bomb, "an anchor is not taken: a file says what stands in it"},
		{"brackets", format.TOML, "a = " + deep("[", 500000), "more than 100 values within values"},
		{"inline tables", format.TOML, "a = " + deep("{a = ", 200000), "more than 100 values within values"},
		{"dots", format.TOML, deep("a.", 400000) + "a = 1", "more than 100 values within values"},
		{"header", format.TOML, "[" + deep("a.", 100000) + "a]", "more than 100 values within values"},
		{"sections", format.TOML, keyed("[s%d]\n"), "more than 10000 values"},
		{"pairs", format.TOML, keyed("s%d=''\n"), "more than 10000 values"},
		{"tables", format.TOML, many("", "[[a]]\n", ""), "more than 10000 values"},
		{"brackets", format.JSON, deep("[", 200000), "more than 100 values within values"},
		{"objects", format.JSON, deep(`{"a":`, 40000), "more than 100 values within values"},
		{"pairs", format.JSON, many("{", `"a":1,`, `"b":1}`), "more than 10000 values"},
		{"pipelines", format.Go, node(deep("stack.Pipeline{Node: ", 9000) + "nil" + deep("}", 9000)), "more than 100 values within values"},
		{"parentheses", format.Go, node("stack.App{Source: ft.Says{Status: " + deep("(", 50000) + "1" + deep(")", 50000) + "}}"), "more than 100 values within values"},
		{"sum", format.Go, node("stack.App{Source: ft.Says{Status: 1" + deep("+1", 50000) + "}}"), "more than 100 values within values"},
		{"product", format.Go, node("stack.App{Source: ft.Says{Status: 1" + deep("*9223372036854775807", 50) + "}}"), "it is beyond what a number holds"},
		{"list", format.Go, node("stack.Cascade{Nodes: []stack.Node{" + deep("nil,", 20000) + "}}"), "more than 10000 values"},
	} {
		_, err := format.Parse("f", test.form, []byte(test.text), formattest.Catalog())
		if err == nil || !strings.HasSuffix(err.Error(), test.want) || test.form != format.Go && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s, %s: %.300v, want %s", test.form, test.name, err, test.want)
		}
	}
}

// As many sections as there may be are read.
func TestManySections(t *testing.T) {
	want := &format.Document{}
	for i := range 9000 {
		want.Stacks = append(want.Stacks, format.Stack{Name: fmt.Sprint("s", i), Node: stack.App{Source: formattest.Hello{}}})
	}
	for _, form := range format.Forms() {
		if form == format.Go {
			continue // has more values to a section
		}
		doc, err := format.Parse("f", form, written(t, form, want), formattest.Catalog())
		if err != nil || len(doc.Stacks) != len(want.Stacks) {
			t.Errorf("%s: %v", form, err)
		}
	}
}

func TestReadNamesTheCause(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "x.yaml")
	if _, err := format.Read(missing, formattest.Catalog()); !os.IsNotExist(err) || !strings.Contains(err.Error(), missing) {
		t.Error(err)
	}
	if _, err := format.Read("x.txt", formattest.Catalog()); err == nil || !strings.Contains(err.Error(), "x.txt: no form of a stack") {
		t.Error(err)
	}
}

// What a reader takes, the writer writes, and both give the same again.
func again(f *testing.F, form format.Form, seeds ...string) {
	text, err := os.ReadFile(filepath.Join("testdata", "rich."+string(form)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := format.Parse("f", form, text, formattest.Catalog())
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, "f:") {
					t.Fatalf("a fault without its place: %q", err)
				}
			}
			return
		}
		first := written(t, form, plain(doc))
		second, err := format.Parse("f", form, first, formattest.Catalog())
		if err != nil {
			t.Fatalf("%v in\n%s\nwritten of\n%s", err, first, text)
		}
		if got := written(t, form, second); !bytes.Equal(got, first) {
			t.Fatalf("%s\nthen\n%s", first, got)
		}
	})
}

func FuzzYAML(f *testing.F) {
	again(f, format.YAML, "main: hello", "main: {layers: [plain, all: {list: [a], map: {b: c}, bool: true}], app: says}", "a:\n  cascade:\n  - hello\n  -\n    app: says\n    with:\n      text: |\n        b\n  catch: [0x194]\n", "? a\n: 'b'\n\"c\": >-\n  d\n", "a: {hosts: {}, default: {paths: {}}}")
}

func FuzzTOML(f *testing.F) {
	again(f, format.TOML, "main = 'hello'", "[a]\nlayers = ['plain', {all.list = ['a'], all.map = {b.c = 1}}]\napp = 'says'\n[a.with]\ntext = \"\"\"\na\\\n b\"\"\"\n", "[[a.cascade]]\napp='says'\nwith.text='b'\n[[a.cascade]]\napp='hello'\n[a]\ncatch = [1_0]", "a.b.c = 1\n[a.b.d]")
}

func FuzzJSON(f *testing.F) {
	again(f, format.JSON, `{"main": "hello"}`, `{"a": {"layers": ["plain", {"all": {"list": ["a"], "map": {"b": "c"}, "fraction": 1e3, "bool": true}}], "app": "says"}}`, `{"a": {"cascade": [null, "hello"], "catch": [404]}}`)
}

func FuzzGo(f *testing.F) {
	again(f, format.Go, goHead+`func Stack() stack.Node { return stack.Pipeline{Layers: []stack.Layer{ft.All{Duration: 3*time.Second, Size: 1<<10, List: []string{"a"}, Map: map[string]string{"a": "b"}}}, Node: stack.App{Source: ft.Hello{}}} }`)
}
