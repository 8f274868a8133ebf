package format_test

import (
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/format"
	"github.com/benchctl/benchctl/apps/stack/format/formattest"
)

// Random graphs are read back as they were written, in every form.
func TestRoundTrip(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	graphs := 100
	if testing.Short() {
		graphs = 30
	}
	for i := range graphs {
		g := &random{rand.New(rand.NewPCG(seed, uint64(i)))}
		want := &format.Document{}
		for n := range 1 + g.IntN(2) {
			want.Stacks = append(want.Stacks, format.Stack{Name: strconv.Itoa(n) + g.text(), Node: g.node(4)})
		}
		for _, form := range format.Forms() {
			text := written(t, form, want)
			got, err := format.Parse("x", form, text, formattest.Catalog())
			if err != nil {
				t.Fatalf("seed %d, graph %d: %v in\n%s", seed, i, err, text)
			}
			if !reflect.DeepEqual(plain(got), want) {
				t.Fatalf("seed %d, graph %d: other than written:\n%s\nread as\n%s", seed, i, text, written(t, form, got))
			}
		}
	}
}

// random makes graphs.
type random struct{ *rand.Rand }

func (g *random) node(depth int) stack.Node {
	kind := g.IntN(7)
	if depth == 0 {
		kind = 0
	}
	switch kind {
	case 1:
		n := stack.Hosts{}
		for i := range 1 + g.IntN(3) {
			n.Nodes = append(n.Nodes, stack.Host{Name: strconv.Itoa(i) + g.text(), Node: g.node(depth - 1)})
		}
		if g.IntN(2) == 0 {
			n.Default = g.node(depth - 1)
		}
		return n
	case 2:
		n := stack.Paths{}
		for i := range g.IntN(4) {
			n.Nodes = append(n.Nodes, stack.Path{Prefix: g.text() + strconv.Itoa(i), Node: g.node(depth - 1)})
		}
		return n
	case 3:
		n := stack.Cascade{}
		for range g.IntN(4) {
			n.Nodes = append(n.Nodes, g.node(depth-1))
		}
		for range g.IntN(3) {
			n.Catch = append(n.Catch, g.IntN(1000))
		}
		return n
	case 4, 5:
		n := stack.Pipeline{Node: g.node(depth - 1)}
		for range g.IntN(4) {
			n.Layers = append(n.Layers, g.layer())
		}
		return n
	}
	if kind == 6 {
		before := formattest.Before{Number: g.IntN(2), List: []string{g.text()}}
		if g.IntN(2) == 0 {
			before = formattest.Before{}
		}
		return stack.Front{Proxy: before, Node: g.node(depth - 1)}
	}
	if g.IntN(2) == 0 {
		return stack.App{Source: formattest.Hello{}}
	}
	return stack.App{Source: says{Text: g.text(), Status: g.IntN(600)}}
}

func (g *random) layer() stack.Layer {
	if g.IntN(4) == 0 {
		return formattest.Plain{}
	}
	l := all{}
	set := func(do func()) {
		if g.IntN(3) == 0 {
			do()
		}
	}
	set(func() { l.Text = g.text() })
	set(func() { l.Number = g.IntN(2000) - 1000 })
	set(func() { l.Long = int64(g.Uint64()) })
	set(func() { l.Fraction = g.NormFloat64() * 1e10 })
	set(func() { l.Fraction = float64(g.IntN(100)) })
	set(func() { l.Bool = g.IntN(2) == 0 })
	set(func() { l.Duration = time.Duration(g.Int64()) - 1<<62 })
	set(func() { l.Duration = time.Duration(g.IntN(1000)) * time.Second })
	set(func() { l.Size = stack.Size(g.Int64N(1 << 60)) })
	set(func() { l.Size = stack.Size(g.IntN(100)) << 20 })
	set(func() { l.Secret = stack.Secret("file:" + g.text() + "x") })
	set(func() {
		l.List = []string{}
		for range g.IntN(4) {
			l.List = append(l.List, g.text())
		}
	})
	set(func() {
		l.Map = map[string]string{}
		for range g.IntN(4) {
			l.Map[g.text()] = g.text()
		}
	})
	return l
}

// pieces are what forms of text have rules for.
var pieces = []string{
	"a", "B", "é", "漢", "🙂", " ", "  ", "\n", "\r\n", "\t", "\"", "'", "#", ":", ": ", "%", "%d", "%(here)s", "-", "- ", "[", "]", "{", "}",
	",", "&", "*", "!", "|", ">", "?", "\\", "/", "=", "~", "null", "true", "no", "on", "1", "0x1f", "1e3", ".5", "1_0", "30s", "64KiB",
	"\x00", "\x07", "\x1b", "\x7f", "\u0085", "\u2028", "\ufeff", "\ufffd", "\U0010ffff", "<<", "---", "...", "@", "`", "$", "${X}", "'''", `"""`,
}

func (g *random) text() string {
	out := ""
	for range g.IntN(6) {
		out += pieces[g.IntN(len(pieces))]
	}
	return out
}
