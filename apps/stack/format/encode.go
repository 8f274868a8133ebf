package format

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/benchctl/benchctl/apps/stack"
)

// encoder makes the tree of a document, in canonical order.
type encoder struct {
	// tables: in a mapping of nodes, a node after a mapping is one too. TOML can't write a text
	// after a table in the same table.
	tables bool
	errs   []error
}

func (e *encoder) fail(at place, format string, args ...any) *value {
	e.errs = append(e.errs, &stack.Error{Place: string(at), Err: fmt.Errorf(format, args...)})
	return &value{}
}

func (e *encoder) document(doc *Document) *value {
	root := &value{kind: mapping}
	for _, s := range doc.Stacks {
		if root.get(s.Name) != nil || s.Name == "" {
			e.fail("", "the name %q of a stack is empty or there twice", s.Name)
		}
		e.addNode(root, s.Name, s.Node, "")
	}
	return root
}

// addNode puts a node into a mapping of nodes.
func (e *encoder) addNode(to *value, key string, n stack.Node, at place) {
	v := e.node(n, at)
	if last := len(to.pairs) - 1; e.tables && v.kind == scalar && last >= 0 && to.pairs[last].value.kind == mapping {
		v = of(keyApp, v)
	}
	to.add(e.utf8(key, at), start, v)
}

// of is a mapping with one key.
func of(key string, v *value) *value {
	m := &value{kind: mapping}
	m.add(key, start, v)
	return m
}

func text(s string) *value { return &value{kind: scalar, text: s} }

func (e *encoder) utf8(s string, at place) string {
	if !utf8.ValidString(s) {
		e.fail(at, "%q is not UTF-8", s)
	}
	return s
}

func (e *encoder) node(n stack.Node, at place) *value {
	out := &value{kind: mapping}
	switch n := n.(type) {
	case stack.App:
		return e.leaf(n, at)
	case stack.Pipeline:
		return e.pipeline(n, at)
	case stack.Front:
		return e.front(n, at)
	case stack.Hosts:
		nodes := &value{kind: mapping}
		for _, one := range n.Nodes {
			e.addNode(nodes, one.Name, one.Node, at.key(keyHosts, one.Name))
		}
		out.add(keyHosts, start, nodes)
		if n.Default != nil {
			out.add(keyDefault, start, e.node(n.Default, at.field(keyDefault)))
		}
	case stack.Paths:
		nodes := &value{kind: mapping}
		for _, one := range n.Nodes {
			e.addNode(nodes, one.Prefix, one.Node, at.key(keyPaths, one.Prefix))
		}
		out.add(keyPaths, start, nodes)
	case stack.Cascade:
		e.cascade(out, n, at)
	default:
		return e.fail(at, "no app, but %T", n)
	}
	e.unique(out.pairs[0].value, at)
	return out
}

// unique refuses nodes that a mapping can't hold.
func (e *encoder) unique(nodes *value, at place) {
	seen := map[string]bool{}
	for _, p := range nodes.pairs {
		if seen[p.key] {
			e.fail(at, "%q is there twice", p.key)
		}
		seen[p.key] = true
	}
}

func (e *encoder) cascade(out *value, n stack.Cascade, at place) {
	nodes := &value{kind: list}
	for i, one := range n.Nodes {
		nodes.items = append(nodes.items, e.node(one, at.index(keyCascade, i)))
	}
	out.add(keyCascade, start, nodes)
	if n.Catch == nil {
		return
	}
	catch := &value{kind: list}
	for _, status := range n.Catch {
		catch.items = append(catch.items, &value{kind: scalar, text: strconv.Itoa(status), bare: true})
	}
	out.add(keyCatch, start, catch)
}

func (e *encoder) leaf(n stack.App, at place) *value {
	if n.Source == nil {
		return e.fail(at, "no app")
	}
	name, fields := e.part(n.Source, at)
	if len(fields.pairs) == 0 {
		return text(name)
	}
	out := of(keyApp, text(name))
	out.add(keyWith, start, fields)
	return out
}

func (e *encoder) pipeline(n stack.Pipeline, at place) *value {
	layers := &value{kind: list}
	for i, l := range n.Layers {
		here := at.index(keyLayers, i)
		if l == nil {
			e.fail(here, "no layer")
			continue
		}
		layers.items = append(layers.items, e.named(l, here))
	}
	return e.around(keyLayers, layers, n.Node, at)
}

func (e *encoder) front(n stack.Front, at place) *value {
	here := at.field(keyFront)
	if n.Proxy == nil {
		return e.fail(here, "no proxy")
	}
	return e.around(keyFront, e.named(n.Proxy, here), n.Node, at)
}

// named is a part by its name, with its fields if it has some.
func (e *encoder) named(part interface{ About() stack.About }, at place) *value {
	name, fields := e.part(part, at)
	if len(fields.pairs) == 0 {
		return text(name)
	}
	return of(name, fields)
}

// around is a node with what stands around it, in one mapping where that reads back as it was:
// there a front is around layers, and both are around what answers.
func (e *encoder) around(key string, v *value, n stack.Node, at place) *value {
	out, inner := of(key, v), e.node(n, at.field(keyApp))
	if inner.kind == scalar || inner.get(keyFront) != nil || inner.get(keyLayers) != nil && key == keyLayers {
		out.add(keyApp, start, inner)
		return out
	}
	out.pairs = append(out.pairs, inner.pairs...)
	return out
}

// part is the name of a Layer, Source or Proxy, and the fields that it sets.
func (e *encoder) part(part interface{ About() stack.About }, at place) (string, *value) {
	fields := &value{kind: mapping}
	if err := onlyConfig(part); err != nil {
		e.fail(at, "%w", err)
		return "", fields
	}
	for _, f := range stack.Fields(part) {
		if v := f.Value(part); !reflect.ValueOf(v).IsZero() {
			fields.add(f.Name, start, e.field(f, v, at.field(f.Name)))
		}
	}
	return e.utf8(part.About().Name, at), fields
}

// onlyConfig refuses parts that config fields alone do not make.
func onlyConfig(part any) error {
	t := reflect.TypeOf(part)
	if t.Kind() != reflect.Struct {
		return fmt.Errorf("%v is no struct, whose fields could be written", t)
	}
	again := reflect.Zero(t).Interface()
	for _, f := range stack.Fields(part) {
		again = f.With(again, f.Value(part))
	}
	if !reflect.DeepEqual(again, part) {
		return errors.New("it has values beside the fields of its config, which can't be written")
	}
	return nil
}

func (e *encoder) field(f stack.Field, v any, at place) *value {
	switch v := v.(type) {
	case []string:
		out := &value{kind: list}
		for _, one := range v {
			out.items = append(out.items, text(e.utf8(one, at)))
		}
		return out
	case map[string]string:
		out := &value{kind: mapping}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out.add(e.utf8(name, at), start, text(e.utf8(v[name], at)))
		}
		return out
	}
	bare := f.Type == stack.Number || f.Type == stack.Fraction || f.Type == stack.Bool
	return &value{kind: scalar, text: e.utf8(f.Format(v), at), bare: bare}
}
