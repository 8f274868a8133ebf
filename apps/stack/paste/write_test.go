package paste_test

import (
	"bytes"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/paste"
	"pgregory.net/rapid"
)

func written(t testing.TB, n stack.Node) string {
	t.Helper()
	var out bytes.Buffer
	if err := paste.Write(&out, n); err != nil {
		t.Fatalf("%v: %#v", err, n)
	}
	return out.String()
}

func TestWrite(t *testing.T) {
	got := written(t, stack.Hosts{
		Nodes: []stack.Host{
			host("a.example", of(leaf("100%\n\n # no comment "), note{}, mark{Types: []string{"a", "#b"}, Extra: map[string]string{"k": "v", "l": ""}}, note{"x"})),
			host("*.example", stack.Cascade{Nodes: []stack.Node{leaf("a"), stack.App{Source: more{}}}, Catch: []int{404, 410}}),
		},
		Default: paths(path("/", leaf("")), path("/api/v1", of(of(leaf(""))))),
	})
	want, err := os.ReadFile("testdata/oracle/written.ini") // which Paste Deploy reads too
	if err != nil || got != string(want) {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}

// What a file can't say is refused by its place.
func TestWriteRefuses(t *testing.T) {
	for _, test := range []struct {
		node stack.Node
		want string
	}{
		{nil, `stack: no app, but <nil>`},
		{stack.App{}, `stack: no app`},
		{stack.Front{Node: leaf("")}, `stack: a front: Paste Deploy has no other processes; name what is behind it`},
		{of(nil, note{}), `stack: app: no app, but <nil>`},
		{of(leaf(""), nil), `stack: layers[0]: no layer`},
		{leaf("a\rb"), `stack: text: a file can't say a text that is not UTF-8 or has a carriage return`},
		{leaf("a\xff"), `stack: text: a file can't say a text that is not UTF-8 or has a carriage return`},
		{stack.App{Source: says{Key: "hunter2"}}, `stack: key: a secret is given by reference, as "env:NAME" or "file:PATH"`},
		{of(leaf(""), mark{Types: []string{"a b"}}), `stack: layers[0].types: no text says [a b]: "a b" would be read as [a b]`},
		{of(leaf(""), odd{"x"}), `stack: layers[0].use: the key "use" has a meaning of its own`},
		{of(leaf(""), beyond{1}), `stack: layers[0]: paste_test.beyond has more than its config, which no file can say`},
		{stack.Hosts{Default: leaf("")}, `stack: 0 hosts; a file can say 1 to 1000`},
		{stack.Hosts{Nodes: []stack.Host{host("a", leaf("")), host("A", leaf(""))}}, `stack: hosts["A"]: no host name, or a second app for this host`},
		{stack.Hosts{Nodes: []stack.Host{host("[::1]", leaf(""))}}, `stack: hosts["[::1]"]: it is a path as "/api", or "domain", a host and a path`},
		{paths(path("/a=b", leaf(""))), `stack: paths["/a=b"]: a key can't be written "/a=b": it begins with none of #;[ and has no =, : or line break`},
		{paths(path("/a/", leaf(""))), `stack: paths["/a/"]: "/a/" is no host or no prefix`},
		{paths(path("/a b", leaf(""))), `stack: paths["/a b"]: it has more than one path`},
		{paths(path("/a", leaf("")), path("/a", leaf(""))), `stack: paths["/a"]: a second app for this path`},
		{stack.Cascade{Nodes: []stack.Node{nil}}, `stack: cascade[0]: no app, but <nil>`},
	} {
		var out bytes.Buffer
		if err := paste.Write(&out, test.node); err == nil || err.Error() != test.want || out.Len() > 0 {
			t.Errorf("%#v: %v, want %s", test.node, err, test.want)
		}
	}
}

// texts have what is special to INI files.
var texts = rapid.StringOf(rapid.SampledFrom([]rune("ab%()s_#;=:[]\\ \t\n\v\f\x00\x1c\x1f\u0085\u00a0\u2028\u3000é\ufeff\U0001f600")))

// nodes draws a stack of the catalog that a file can say.
func nodes(t *rapid.T, depth int) stack.Node {
	kind := 0
	if depth > 0 {
		kind = rapid.IntRange(0, 4).Draw(t, "kind")
	}
	switch kind {
	case 1:
		p := stack.Pipeline{Node: nodes(t, depth-1)}
		for range rapid.IntRange(0, 3).Draw(t, "layers") {
			p.Layers = append(p.Layers, layer(t))
		}
		return p
	case 2:
		var h stack.Hosts
		for i := range rapid.IntRange(1, 3).Draw(t, "hosts") {
			name := rapid.SampledFrom([]string{"", "*.", "Sub."}).Draw(t, "sub") + "h" + strconv.Itoa(i) + ".example"
			h.Nodes = append(h.Nodes, stack.Host{Name: name, Node: nodes(t, depth-1)})
		}
		if rapid.Bool().Draw(t, "default") {
			h.Default = nodes(t, depth-1)
		}
		return h
	case 3:
		var p stack.Paths
		for _, prefix := range rapid.SliceOfNDistinct(rapid.StringMatching(`/([a-z%#;.~\[\]é]+(/[a-z]+)?)?`), 0, 3, rapid.ID[string]).Draw(t, "prefixes") {
			p.Nodes = append(p.Nodes, stack.Path{Prefix: prefix, Node: nodes(t, depth-1)})
		}
		return p
	case 4:
		var c stack.Cascade
		for range rapid.SampledFrom([]int{0, 1, 2, 11}).Draw(t, "cascade") {
			c.Nodes = append(c.Nodes, nodes(t, 0))
		}
		for range rapid.IntRange(0, 2).Draw(t, "catch") {
			c.Catch = append(c.Catch, rapid.IntRange(200, 599).Draw(t, "status"))
		}
		return c
	}
	return stack.App{Source: source(t)}
}

func source(t *rapid.T) stack.Source {
	if rapid.IntRange(0, 4).Draw(t, "source") == 0 {
		return more{}
	}
	return says{
		Text: texts.Draw(t, "text"), Status: rapid.Int().Draw(t, "status"), Share: rapid.Float64().Draw(t, "share"), Loud: rapid.Bool().Draw(t, "loud"),
		Key: stack.Secret(rapid.SampledFrom([]string{"", "env:A", "file:/a b%/#c"}).Draw(t, "key")),
	}
}

func layer(t *rapid.T) stack.Layer {
	if rapid.Bool().Draw(t, "layer") {
		return note{texts.Draw(t, "text")}
	}
	words := rapid.StringMatching(`[a-c%#;()=:\[\]é]{1,4}`)
	return mark{
		rapid.Int().Draw(t, "level"), time.Duration(rapid.Int64().Draw(t, "wait")), stack.Size(rapid.Int64Range(0, 1<<62).Draw(t, "most")),
		rapid.SliceOfN(words, 0, 3).Draw(t, "types"),
		rapid.MapOfN(rapid.StringMatching(`[a-c%#;=\[\]é]{1,4}`), rapid.StringMatching(`|[a-c%#;=:é]( ?[a-c%#;=:é])*`), 0, 3).Draw(t, "extra"),
	}
}

// What Write writes, Read reads.
func TestReadBack(t *testing.T) {
	ini := file(t, "")
	rapid.Check(t, func(r *rapid.T) {
		node := nodes(r, 3)
		text := written(t, node)
		rewrite(t, ini, text)
		got, _, _, err := paste.Read(ini, "", catalog)
		if err != nil || !reflect.DeepEqual(got, node) {
			r.Fatalf("%v\n%s\n%#v\nwant\n%#v", err, strings.TrimSpace(text), got, node)
		}
	})
}
