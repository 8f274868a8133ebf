package stack_test

import (
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack"
)

// says is an app that tells its name and what it sees.
type says struct {
	Text   string `stack:"text" default:"hello"`
	Status int    `stack:"status" default:"200" min:"200" max:"599"`
	Read   bool   `stack:"read"`
}

func (s says) About() stack.About { return stack.About{Name: "says"} }

func (s says) Make() (apps.App, error) {
	if s.Text == "broken" {
		return nil, errors.New("can't be made")
	}
	return apps.Func(func(req apps.Request, res apps.Response) error {
		if s.Read {
			if _, err := io.ReadAll(req.Body()); err != nil {
				return err
			}
		}
		res.SetHeader("X-By", s.Text)
		return res.Reply(s.Status, []byte(s.Text+" "+req.Path()))
	}), nil
}

// mark is a layer that writes its name around the answer, and takes note of its start and stop.
type mark struct {
	Name  string            `stack:"name" required:"true"`
	Wait  time.Duration     `stack:"wait" max:"1m"`
	List  []string          `stack:"list"`
	Map   map[string]string `stack:"map"`
	Kind  string            `stack:"kind" oneof:"a b"`
	Needs bool
	log   *[]string
}

func (m mark) About() stack.About {
	if m.Needs {
		return stack.About{Name: "mark", Requires: []string{"ink"}}
	}
	return stack.About{Name: "mark"}
}

func (m mark) Wrap(next apps.App) (apps.App, error) {
	e := &stack.Editor{Next: next, Edit: func(_ apps.Request, _ apps.Response, a *stack.Answer) error {
		if m.Name == "fails" {
			return errors.New("edit fails")
		}
		a.Whole = slices.Concat([]byte(m.Name+"("), a.Whole, []byte(")"))
		return nil
	}}
	if m.log == nil {
		return e, nil
	}
	return &lively{e, m}, nil
}

type lively struct {
	apps.App
	mark
}

func (l *lively) Start(context.Context) error {
	*l.log = append(*l.log, "start "+l.Name)
	if l.Name == "ill" {
		return errors.New("ill")
	}
	return nil
}

func (l *lively) Stop(context.Context) error {
	*l.log = append(*l.log, "stop "+l.Name)
	return nil
}

// ink provides what some marks require.
type ink struct{}

func (ink) About() stack.About                   { return stack.About{Name: "ink", Provides: []string{"ink"}} }
func (ink) Wrap(next apps.App) (apps.App, error) { return next, nil }
func leaf(text string) stack.App                 { return stack.App{Source: says{Text: text}} }
func missing(text string) stack.App              { return stack.App{Source: says{Text: text, Status: 404}} }
func of(n stack.Node, layers ...stack.Layer) stack.Node {
	return stack.Pipeline{Layers: layers, Node: n}
}

func build(t *testing.T, n stack.Node) apps.App {
	t.Helper()
	app, err := stack.Build(n)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func TestNodes(t *testing.T) {
	app := build(t, stack.Hosts{
		Nodes: []stack.Host{
			{"a.example", stack.Paths{Nodes: []stack.Path{{"/", leaf("root")}, {"/api", leaf("api")}, {"/api/v2", leaf("v2")}}}},
			{"*.example", leaf("wild")},
			{"*.b.example", leaf("b")},
			{"[::1]", leaf("six")},
			{"only.paths", stack.Paths{Nodes: []stack.Path{{"/x", leaf("x")}}}},
		},
	})
	for _, test := range []struct{ host, path, want string }{
		{"a.example", "/", "root /"},
		{"A.Example:8080", "/apiary", "root /apiary"},
		{"a.example.", "/api", "api /"},
		{"a.example", "/api/", "api /"},
		{"a.example", "/api/v2/x", "v2 /x"},
		{"a.example", "/api/v21", "api /v21"},
		{"c.example", "/c", "wild /c"},
		{"d.b.example", "/", "b /"},
		{"example", "/", "not found\n"},
		{".example", "/", "not found\n"},
		{"[::1]:80", "/", "six /"},
		{"only.paths", "/y", "not found\n"},
		{"", "/", "not found\n"},
	} {
		r := appstest.Serve(t, app, appstest.Get(test.path, "Host", test.host))
		if r.Body() != test.want || (r.Status == 404) != (test.want == "not found\n") {
			t.Errorf("%s%s: %v, want %q", test.host, test.path, r, test.want)
		}
	}
}

func TestCascade(t *testing.T) {
	reads := stack.App{Source: says{Text: "reads", Status: 404, Read: true}}
	for _, test := range []struct {
		name string
		node stack.Cascade
		body string
		want string
	}{
		{"the first", stack.Cascade{Nodes: []stack.Node{leaf("a"), leaf("b")}}, "", "a /"},
		{"404 goes on", stack.Cascade{Nodes: []stack.Node{missing("a"), leaf("b")}}, "", "b /"},
		{"the last stands", stack.Cascade{Nodes: []stack.Node{missing("a"), missing("b")}}, "", "b /"},
		{"others caught", stack.Cascade{Nodes: []stack.Node{missing("a"), leaf("b")}, Catch: []int{405}}, "", "a /"},
		{"nothing to read", stack.Cascade{Nodes: []stack.Node{reads, leaf("b")}}, "", "b /"},
		{"body was read", stack.Cascade{Nodes: []stack.Node{reads, leaf("b")}}, "body", "reads /"},
	} {
		r := appstest.Serve(t, build(t, test.node), appstest.Of("POST", "/", test.body))
		by, _, _ := strings.Cut(test.want, " ")
		if r.Body() != test.want || r.Field("X-By") != by || len(r.Fields) != 1 {
			t.Errorf("%s: %v, want %q", test.name, r, test.want)
		}
	}
}

// A stream whose answer is caught is closed; its fields do not reach the client.
func TestCascadeClosesStreams(t *testing.T) {
	body := &appstest.Blocks{All: []string{"gone"}}
	streams := stack.App{Source: made{apps.Func(func(_ apps.Request, res apps.Response) error {
		res.SetHeader("X-Gone", "1")
		return res.Stream(404, body)
	})}}
	r := appstest.Serve(t, build(t, stack.Cascade{Nodes: []stack.Node{streams, leaf("b")}}), appstest.Get("/"))
	if body.Closed != 1 || r.Body() != "b /" || r.Field("X-Gone") != "" {
		t.Errorf("closed %d times, %v", body.Closed, r)
	}
}

// made is a Source of an app that is there.
type made struct{ app apps.App }

func (made) About() stack.About        { return stack.About{Name: "made"} }
func (m made) Make() (apps.App, error) { return m.app, nil }

func TestOrder(t *testing.T) {
	var log []string
	app := build(t, of(of(leaf("x"), mark{Name: "c", log: &log}), mark{Name: "a", log: &log}, mark{Name: "b", log: &log}))
	if r := appstest.Serve(t, app, appstest.Get("/")); r.Body() != "a(b(c(x /)))" {
		t.Error(r)
	}
	if err := app.(apps.Starter).Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := app.(apps.Stopper).Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := "start c, start b, start a, stop a, stop b, stop c"; strings.Join(log, ", ") != want {
		t.Errorf("%v, want %s", log, want)
	}
}

func TestFailedStart(t *testing.T) {
	var log []string
	app := build(t, of(leaf("x"), mark{Name: "a", log: &log}, mark{Name: "ill", log: &log}, mark{Name: "c", log: &log}))
	if err := app.(apps.Starter).Start(t.Context()); err == nil || err.Error() != "ill" {
		t.Error(err)
	}
	if want := "start c, start ill, stop c"; strings.Join(log, ", ") != want {
		t.Errorf("%v, want %s", log, want)
	}
}

// A stack costs nothing that its layers don't: without them, Build gives the app itself.
func TestNothingAdded(t *testing.T) {
	plain := apps.Func(func(apps.Request, apps.Response) error { return nil })
	if got := build(t, of(of(stack.App{Source: made{plain}}))); reflect.TypeOf(got) != reflect.TypeFor[apps.Func]() {
		t.Errorf("%T, want the app itself", got)
	}
}

func TestFaultsNameTheirPlace(t *testing.T) {
	_, err := stack.Build(stack.Paths{Nodes: []stack.Path{
		{"/a", of(leaf("broken"), mark{Name: "m", Wait: time.Hour}, nil, mark{}, mark{Name: "n", Needs: true, Kind: "c"})},
		{"b", stack.Hosts{Nodes: []stack.Host{{"h:80", leaf("x")}, {"h", nil}}}},
		{"/c", stack.Cascade{Catch: []int{99}}},
		{"/c", of(of(leaf("y"), mark{Name: "ok", Needs: true}), ink{})},
		{"/d", of(leaf("z"), &ink{})},
		{"/e", stack.Front{Proxy: before{}, Node: leaf("e")}},
	}})
	want := `stack: paths["/a"].layers[0].wait: 1h0m0s is more than 1m
stack: paths["/a"].layers[1]: no layer
stack: paths["/a"].layers[2].name: is required
stack: paths["/a"].layers[3]: mark requires "ink", which no layer outside it provides
stack: paths["/a"].layers[3].kind: "c" is none of a, b
stack: paths["/a"].app: can't be made
stack: paths["b"]: no prefix: "b"; it begins with "/" and does not end with it
stack: paths["b"].hosts["h:80"]: no host name: "h:80"; it is a name without a port, or "*." and a name
stack: paths["b"].hosts["h"]: no app, but <nil>
stack: paths["/c"].catch: no status to catch: 99; it is from 200 to 599
stack: paths["/c"]: no apps in a cascade
stack: paths["/c"]: a second app for this path
stack: paths["/d"].layers[0]: *stack_test.ink is a pointer; a part is a value, which can't change after the build
stack: paths["/e"]: a front stands at the root of a stack: nothing can be around another process`
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant\n%s", err, want)
	}
}

// before is a process before a stack.
type before struct {
	Kind string `stack:"kind" default:"a" oneof:"a b"`
}

func (before) About() stack.About { return stack.About{Name: "before"} }

// A front stands before the app that Build makes; who serves that asks for the front.
func TestFront(t *testing.T) {
	fronted := stack.Front{Proxy: before{}, Node: of(leaf("behind"), mark{Name: "m"})}
	if r := appstest.Serve(t, build(t, fronted), appstest.Get("/")); r.Body() != "m(behind /)" {
		t.Errorf("%v", r)
	}
	if proxy := stack.FrontOf(fronted); proxy != stack.Proxy(before{"a"}) {
		t.Errorf("the front is %+v", proxy)
	}
	if proxy := stack.FrontOf(leaf("alone")); proxy != nil {
		t.Errorf("the front of a stack without one is %+v", proxy)
	}
	for _, broken := range []struct {
		front stack.Front
		want  string
	}{
		{stack.Front{Node: leaf("x")}, "stack: front: no proxy"},
		{stack.Front{Proxy: before{"c"}}, "stack: front.kind: \"c\" is none of a, b\nstack: app: no app, but <nil>"},
	} {
		if _, err := stack.Build(broken.front); err == nil || err.Error() != broken.want {
			t.Errorf("%v\nwant\n%s", err, broken.want)
		}
	}
}

// What is built does not change with the values that it was built of.
func TestFrozen(t *testing.T) {
	list := []string{"one"}
	var seen watching
	app := build(t, of(leaf("x"), watching{List: list, seen: &seen.List}))
	list[0] = "two"
	if appstest.Serve(t, app, appstest.Get("/")); seen.List[0] != "one" {
		t.Error(seen.List)
	}
}

type watching struct {
	List []string `stack:"list"`
	seen *[]string
}

func (watching) About() stack.About { return stack.About{Name: "watching"} }
func (w watching) Wrap(next apps.App) (apps.App, error) {
	return apps.Func(func(req apps.Request, res apps.Response) error {
		*w.seen = w.List
		return next.Serve(req, res)
	}), nil
}

func TestEditorFails(t *testing.T) {
	body := &appstest.Blocks{All: []string{"x"}}
	streams := stack.App{Source: made{apps.Func(func(_ apps.Request, res apps.Response) error { return res.Stream(200, body) })}}
	r := appstest.Serve(t, build(t, of(streams, mark{Name: "fails"})), appstest.Get("/"))
	if r.Err == nil || r.Err.Error() != "edit fails" || body.Closed != 1 || r.Status != 0 {
		t.Errorf("%v, closed %d times", r, body.Closed)
	}
}

// A second answer through an Editor is refused as the first server would refuse it.
func TestEditorAnswersOnce(t *testing.T) {
	body := &appstest.Blocks{}
	twice := stack.App{Source: made{apps.Func(func(_ apps.Request, res apps.Response) error {
		if err := res.Reply(200, nil); err != nil {
			return err
		}
		return res.Stream(200, body)
	})}}
	r := appstest.Serve(t, build(t, of(twice, mark{Name: "m"})), appstest.Get("/"))
	if !errors.Is(r.Err, apps.ErrAnswered) || body.Closed != 1 || r.Body() != "m()" {
		t.Errorf("%v, closed %d times", r, body.Closed)
	}
}

// An app is offered files only where neither the server nor a layer needs the bytes.
func TestEditorPassesFiles(t *testing.T) {
	sends := apps.Func(func(_ apps.Request, res apps.Response) error {
		if f, ok := res.(apps.FileReplier); ok {
			return f.File(200, "/file")
		}
		return res.Reply(200, []byte("bytes"))
	})
	edit := func(_ apps.Request, res apps.Response, _ *stack.Answer) error {
		res.SetHeader("X-Edited", "1")
		return nil
	}
	for _, test := range []struct {
		files bool
		serve func(testing.TB, apps.App, appstest.Request) appstest.Reply
		file  bool
	}{
		{true, appstest.ServeFiles, true}, {false, appstest.ServeFiles, false}, {true, appstest.Serve, false},
	} {
		r := test.serve(t, &stack.Editor{Next: sends, Edit: edit, Files: test.files}, appstest.Get("/"))
		if (r.File == "/file") != test.file || (r.Body() == "bytes") == test.file || r.Field("X-Edited") != "1" {
			t.Errorf("%v: %v", test, r)
		}
	}
}

func TestEditorAllocates(t *testing.T) {
	app := &stack.Editor{
		Next: apps.Func(func(_ apps.Request, res apps.Response) error { return res.Reply(200, nil) }),
		Edit: func(_ apps.Request, res apps.Response, _ *stack.Answer) error { return nil },
	}
	if n := testing.AllocsPerRun(100, func() { _ = app.Serve(nil, sink{}) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

type sink struct{}

func (sink) SetHeader(string, string)           { /* kept by a server */ }
func (sink) Reply(int, []byte) error            { return nil }
func (sink) Stream(_ int, body apps.Body) error { return body.Close() }

// all has a field of each type.
type all struct {
	Text     string            `stack:"text"`
	Number   int64             `stack:"number" min:"-5"`
	Fraction float64           `stack:"fraction" max:"1.5"`
	Bool     bool              `stack:"bool"`
	Duration time.Duration     `stack:"duration"`
	Size     stack.Size        `stack:"size" max:"1MiB"`
	Secret   stack.Secret      `stack:"secret"`
	List     []string          `stack:"list"`
	Map      map[string]string `stack:"map"`
	Beside   chan int
}

// What Format writes, Parse reads.
func TestFieldsRoundTrip(t *testing.T) {
	full := all{
		"a b", -5, 1.25, true, 1500 * time.Millisecond, 64 << 10, "env:KEY", []string{"x", "y"},
		map[string]string{"X-A": "1: 2", "X-B": ""}, nil,
	}
	var got any = all{}
	for _, f := range stack.Fields(full) {
		v, err := f.Parse(f.Format(f.Value(full)))
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		got = f.With(got, v)
	}
	if !reflect.DeepEqual(got, full) || len(stack.Fields(full)) != 9 {
		t.Errorf("%+v", got)
	}
}

func TestFieldsRefuse(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"number", "1.5", `"1.5" is not a whole number`},
		{"number", "99999999999999999999", `"99999999999999999999" is beyond what a number holds`},
		{"fraction", "", `"" is not a number`},
		{"fraction", "nan", `"nan" is not a number`},
		{"fraction", "-Inf", `"-Inf" is not a number`},
		{"bool", "maybe", `"maybe" is neither true nor false`},
		{"duration", "30", `"30" is not a duration with a unit, as "30s"`},
		{"size", "5 potatoes", `"5 potatoes" is not a size, as "64KiB" or a number of bytes`},
		{"size", "9999999999GiB", `"9999999999GiB" is not a size, as "64KiB" or a number of bytes`},
		{"secret", "hunter2", `a secret is given by reference, as "env:NAME" or "file:PATH"`},
		{"map", "a", `"a" is not "name: value"`},
		{"map", "a: 1\na: 2", `"a" is set twice`},
	} {
		for _, f := range stack.Fields(all{}) {
			if f.Name != test.name {
				continue
			}
			if v, err := f.Parse(test.text); err == nil || err.Error() != test.want {
				t.Errorf("%s %q: %v, %v, want %s", test.name, test.text, v, err, test.want)
			}
		}
	}
}

// A wrong secret is not part of the message that refuses it.
func TestSecretsAreNotPrinted(t *testing.T) {
	t.Setenv("STACK_TEST_SECRET", "hunter2")
	if v, err := stack.Secret("env:STACK_TEST_SECRET").Value(); v != "hunter2" || err != nil {
		t.Error(v, err)
	}
	for secret, want := range map[stack.Secret]string{
		"hunter2":                  `a secret is given by reference, as "env:NAME" or "file:PATH"`,
		"env:STACK_TEST_NOT_THERE": "secret env:STACK_TEST_NOT_THERE: the variable is not set",
		"file:/not/there":          "secret file:/not/there: open /not/there: no such file or directory",
	} {
		if _, err := secret.Value(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestCatalogNamesTheNearest(t *testing.T) {
	c := stack.Catalog{Layers: []stack.Layer{ink{}, mark{}}, Sources: []stack.Source{says{}}}
	if l, err := c.Layer("ink"); err != nil || l != (stack.Layer(ink{})) {
		t.Error(l, err)
	}
	if _, err := c.Layer("imk"); err == nil || err.Error() != `unknown layer "imk": did you mean "ink"?` {
		t.Error(err)
	}
	if _, err := c.Source("say"); err == nil || err.Error() != `unknown app "say": did you mean "says"?` {
		t.Error(err)
	}
}
