package format

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps/stack"
)

// Line is a line of a stack's outline: a node, a layer, or a field with its value.
type Line struct {
	Depth int // lines are below the last one before them that is less deep
	Text  string
	Value string // of a field; "" for other lines
	Place string
	// Default tells that the field is not set, so that its value is no file's.
	Default bool
	Kind    Kind         // of what the line is of
	About   *stack.About // describes it; nil for lines of no kind
}

// Kind tells what a line of an outline is of.
type Kind string

// Kinds of lines. Others, as those of a field or of a node that parts others, have none.
const (
	OfApp   Kind = keyApp
	OfLayer Kind = "layer"
	OfFront Kind = keyFront
)

// Outline is a stack as people read it, from the outside in: what a request meets first stands
// first.
func (s Stack) Outline() []Line {
	o := &outline{}
	o.node(s.Name, s.Node, "", 0)
	return o.lines
}

type outline struct{ lines []Line }

func (o *outline) add(depth int, at place, text string) {
	o.lines = append(o.lines, Line{Depth: depth, Text: text, Place: string(at)})
}

// field adds a field of what is at a place.
func (o *outline) field(depth int, at place, name, value string, unset bool) {
	o.lines = append(o.lines, Line{Depth: depth, Text: name, Value: value, Place: string(at.field(name)), Default: unset})
}

// node adds a node by what it is called where it stands.
func (o *outline) node(name string, n stack.Node, at place, depth int) {
	o.add(depth, at, name)
	o.inner(n, at, depth+1)
}

func (o *outline) inner(n stack.Node, at place, depth int) {
	switch n := n.(type) {
	case stack.App:
		o.part(OfApp, n.Source, at, depth)
	case stack.Pipeline:
		for i, l := range n.Layers {
			o.part(OfLayer, l, at.index(keyLayers, i), depth)
		}
		o.inner(n.Node, at.field(keyApp), depth)
	case stack.Front:
		o.part(OfFront, n.Proxy, at.field(keyFront), depth)
		o.inner(n.Node, at.field(keyApp), depth)
	case stack.Hosts:
		o.add(depth, at.field(keyHosts), keyHosts)
		for _, one := range n.Nodes {
			o.node(one.Name, one.Node, at.key(keyHosts, one.Name), depth+1)
		}
		if n.Default != nil {
			o.node(keyDefault, n.Default, at.field(keyDefault), depth+1)
		}
	case stack.Paths:
		o.add(depth, at.field(keyPaths), keyPaths)
		for _, one := range n.Nodes {
			o.node(one.Prefix, one.Node, at.key(keyPaths, one.Prefix), depth+1)
		}
	case stack.Cascade:
		o.add(depth, at.field(keyCascade), keyCascade)
		if n.Catch == nil {
			o.field(depth+1, at, keyCatch, "404", true)
		} else {
			o.field(depth+1, at, keyCatch, strings.Trim(fmt.Sprint(n.Catch), "[]"), false)
		}
		for i, one := range n.Nodes {
			o.node(strconv.Itoa(i+1), one, at.index(keyCascade, i), depth+1)
		}
	}
}

// part adds a part of the catalog with its fields; those that are not set have their defaults.
func (o *outline) part(kind Kind, part interface{ About() stack.About }, at place, depth int) {
	about := part.About()
	o.add(depth, at, string(kind)+" "+about.Name)
	line := &o.lines[len(o.lines)-1]
	line.About, line.Kind = &about, kind
	for _, f := range stack.Fields(part) {
		value := f.Value(part)
		unset := reflect.ValueOf(value).IsZero()
		if unset && f.Default == "" {
			continue
		}
		text := shown(f, value)
		if unset {
			text = f.Default
		}
		o.field(depth+1, at, f.Name, text, unset)
	}
}

func shown(f stack.Field, value any) string {
	switch value.(type) {
	case string, []string:
		return fmt.Sprintf("%q", value)
	case map[string]string:
		return strings.TrimPrefix(fmt.Sprintf("%q", value), "map")
	}
	return f.Format(value)
}
