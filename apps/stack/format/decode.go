package format

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/internal/nearest"
)

// The keys of a node.
const (
	keyApp     = "app"
	keyWith    = "with"
	keyHosts   = "hosts"
	keyDefault = "default"
	keyPaths   = "paths"
	keyCascade = "cascade"
	keyCatch   = "catch"
	keyLayers  = "layers"
	keyFront   = "front"
)

// answers are the keys of which a node has one: what answers requests.
var answers = []string{keyApp, keyHosts, keyPaths, keyCascade}

// beside says which of them a further key belongs to.
var beside = map[string]string{keyWith: keyApp, keyDefault: keyHosts, keyCatch: keyCascade}

// nodeKeys are all keys of a node.
var nodeKeys = []string{keyFront, keyLayers, keyApp, keyWith, keyHosts, keyDefault, keyPaths, keyCascade, keyCatch}

// decoder makes nodes of a tree, and collects what is wrong with it.
type decoder struct {
	file    string
	catalog stack.Catalog
	origins stack.Origins // of the stack that is read
	errs    []*Error
}

func (d *decoder) fail(at position, here place, format string, args ...any) {
	d.errs = append(d.errs, &Error{d.origin(at), string(here), fmt.Errorf(format, args...)})
}

func (d *decoder) origin(at position) stack.Origin {
	return stack.Origin{File: d.file, Line: at.line, Column: at.column}
}

// joined is all that is wrong, in the order of the file.
func (d *decoder) joined() error {
	slices.SortStableFunc(d.errs, func(a, b *Error) int {
		return cmp.Or(a.Origin.Line-b.Origin.Line, a.Origin.Column-b.Origin.Column)
	})
	var all []error
	for _, err := range d.errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// faults adds those that an error joins.
func (d *decoder) faults(err error) {
	switch err := err.(type) { //nolint:errorlint // it is taken apart
	case interface{ Unwrap() []error }:
		for _, one := range err.Unwrap() {
			d.faults(one)
		}
	case *fault:
		d.fail(err.at, "", "%w", err.err)
	default:
		d.fail(start, "", "%w", err)
	}
}

// document is nil where something is wrong.
func (d *decoder) document(root *value) *Document {
	doc := &Document{}
	if root.kind == mapping && len(root.pairs) == 0 {
		d.fail(root.at, "", "no stack")
	}
	for _, p := range d.pairs(root, "", "names to stacks") {
		if p.key == "" {
			d.fail(p.at, "", "a stack without a name")
		}
		d.origins = stack.Origins{}
		node := d.node(p.value, "")
		doc.Stacks = append(doc.Stacks, Stack{p.key, node, d.origins})
	}
	if len(d.errs) > 0 {
		return nil
	}
	return doc
}

// pairs are those of a mapping, without those whose keys were there before.
func (d *decoder) pairs(v *value, here place, what string) []pair {
	if v.kind != mapping {
		d.fail(v.at, here, "a mapping of %s is needed, not %v", what, v.kind)
		return nil
	}
	var out []pair
	seen := map[string]position{}
	for _, p := range v.pairs {
		if first, twice := seen[p.key]; twice {
			d.fail(p.at, here, "%q is there a second time; the first is in line %d", p.key, first.line)
			continue
		}
		seen[p.key] = p.at
		out = append(out, p)
	}
	return out
}

func (d *decoder) items(v *value, here place, what string) []*value {
	if v.kind != list {
		d.fail(v.at, here, "a list of %s is needed, not %v", what, v.kind)
	}
	return v.items
}

// parts are what a mapping says of a node.
type parts struct {
	answer pair
	beside map[string]*value
	layers *value
	front  *value
}

// node reads a node; it is nil where that failed.
func (d *decoder) node(v *value, here place) stack.Node {
	d.origins[string(here)] = d.origin(v.at)
	switch v.kind {
	case scalar:
		return d.leaf(v, nil, here)
	case mapping:
	default:
		d.fail(v.at, here, "the name of an app or a mapping is needed, not %v", v.kind)
		return nil
	}
	p, ok := d.parts(v, here)
	if p.front == nil {
		return d.behind(p, ok, here)
	}
	proxy, inner := d.proxy(p.front, here.field(keyFront)), here.field(keyApp)
	d.origins[string(inner)] = d.origin(v.at)
	return stack.Front{Proxy: proxy, Node: d.behind(p, ok, inner)}
}

// behind reads what of a node is behind its front, if it has one.
func (d *decoder) behind(p parts, ok bool, here place) stack.Node {
	switch {
	case p.layers == nil && !ok:
		return nil
	case p.layers == nil:
		return d.answer(p, here)
	}
	layers := d.layers(p.layers, here)
	if !ok {
		return nil
	}
	inner := here.field(keyApp)
	d.origins[string(inner)] = d.origin(p.answer.value.at)
	return stack.Pipeline{Layers: layers, Node: d.answer(p, inner)}
}

// parts sorts the keys of a node. It is not ok if there is nothing that answers.
func (d *decoder) parts(v *value, here place) (p parts, ok bool) {
	p.beside = map[string]*value{}
	var extra []pair
	for _, one := range d.pairs(v, here, "the keys of a node") {
		owner := beside[one.key]
		switch {
		case one.key == keyLayers:
			p.layers = one.value
		case one.key == keyFront:
			p.front = one.value
		case owner != "":
			p.beside[one.key] = one.value
			extra = append(extra, one)
		case !slices.Contains(answers, one.key):
			d.fail(one.at, here, "unknown key %q%s", one.key, nearest.Hint(one.key, nodeKeys))
		case ok:
			d.fail(one.at, here, "%s beside %s; a node has one of %s", one.key, p.answer.key, strings.Join(answers, ", "))
		default:
			p.answer, ok = one, true
		}
	}
	if !ok {
		d.fail(v.at, here, "no app; a node has one of %s", strings.Join(answers, ", "))
	}
	for _, one := range extra {
		if owner := beside[one.key]; ok && owner != p.answer.key {
			d.fail(one.at, here, "%s without %s, which it belongs to", one.key, owner)
		}
	}
	return p, ok
}

// answer reads what answers in a node.
func (d *decoder) answer(p parts, here place) stack.Node {
	v := p.answer.value
	if p.answer.key != keyApp {
		d.origins[string(here.field(p.answer.key))] = d.origin(p.answer.at)
	}
	switch p.answer.key {
	case keyHosts:
		return d.hosts(v, p.beside[keyDefault], here)
	case keyPaths:
		n := stack.Paths{}
		for _, one := range d.pairs(v, here, "prefixes of paths to nodes") {
			n.Nodes = append(n.Nodes, stack.Path{Prefix: one.key, Node: d.node(one.value, here.key(keyPaths, one.key))})
		}
		return n
	case keyCascade:
		return d.cascade(v, p.beside[keyCatch], here)
	}
	with := p.beside[keyWith]
	if v.kind != mapping {
		return d.leaf(v, with, here)
	}
	if with != nil {
		d.fail(with.at, here, "with beside a node; it is the config of an app that is named")
	}
	return d.node(v, here)
}

func (d *decoder) hosts(v, other *value, here place) stack.Node {
	n := stack.Hosts{}
	for _, one := range d.pairs(v, here, "hosts to nodes") {
		n.Nodes = append(n.Nodes, stack.Host{Name: one.key, Node: d.node(one.value, here.key(keyHosts, one.key))})
	}
	if other != nil {
		n.Default = d.node(other, here.field(keyDefault))
	}
	return n
}

func (d *decoder) cascade(v, catch *value, here place) stack.Node {
	n := stack.Cascade{}
	for i, one := range d.items(v, here, "nodes") {
		n.Nodes = append(n.Nodes, d.node(one, here.index(keyCascade, i)))
	}
	if catch == nil {
		return n
	}
	at := here.field(keyCatch)
	d.origins[string(at)] = d.origin(catch.at)
	for _, one := range d.items(catch, at, "statuses") {
		status, err := strconv.Atoi(one.text)
		if one.kind != scalar || err != nil {
			d.fail(one.at, at, "%s is no status, which is a number", one.shown())
		}
		n.Catch = append(n.Catch, status)
	}
	return n
}

// shown is a value as messages show it.
func (v *value) shown() string {
	if v.kind == scalar {
		return strconv.Quote(v.text)
	}
	return v.kind.String()
}

// leaf reads an app by its name and config.
func (d *decoder) leaf(name, with *value, here place) stack.Node {
	if name.kind != scalar {
		d.fail(name.at, here, "the name of an app is needed, not %v", name.kind)
		return nil
	}
	source, err := d.catalog.Source(name.text)
	if err != nil {
		d.fail(name.at, here, "%w", err)
		return nil
	}
	return stack.App{Source: config(d, source, with, here)}
}

func (d *decoder) layers(v *value, here place) []stack.Layer {
	var out []stack.Layer
	d.origins[string(here.field(keyLayers))] = d.origin(v.at)
	for i, one := range d.items(v, here.field(keyLayers), "layers") {
		at := here.index(keyLayers, i)
		d.origins[string(at)] = d.origin(one.at)
		if l := d.layer(one, at); l != nil {
			out = append(out, l)
		}
	}
	return out
}

func (d *decoder) layer(v *value, here place) stack.Layer {
	return named(d, v, here, "layer", "each is an item of the list", d.catalog.Layer)
}

func (d *decoder) proxy(v *value, here place) stack.Proxy {
	d.origins[string(here)] = d.origin(v.at)
	return named(d, v, here, "front", "each stands before a stack of its own", d.catalog.Proxy)
}

// named reads a part of the catalog that is a name, or a mapping of its name to its fields.
func named[T any](d *decoder, v *value, here place, what, several string, find func(name string) (T, error)) (none T) {
	name, at, fields := v.text, v.at, (*value)(nil)
	if v.kind == mapping {
		pairs := d.pairs(v, here, "the "+what+"'s name to its fields")
		if len(pairs) != 1 {
			d.fail(v.at, here, "one %s is needed, not %d: %s", what, len(pairs), several)
			return none
		}
		name, at, fields = pairs[0].key, pairs[0].at, pairs[0].value
	} else if v.kind != scalar {
		d.fail(v.at, here, "a %s is needed, not %v", what, v.kind)
		return none
	}
	part, err := find(name)
	if err != nil {
		d.fail(at, here, "%w", err)
		return none
	}
	return config(d, part, fields, here)
}

// config is a part of the catalog with the fields of a mapping, which may be nil.
func config[T any](d *decoder, zero T, fields *value, here place) T {
	if fields == nil {
		return zero
	}
	known, part := stack.Fields(zero), any(zero)
	for _, p := range d.pairs(fields, here, "fields to values") {
		f := fieldOf(known, p.key)
		if f == nil {
			d.fail(p.at, here, "unknown field %q%s", p.key, hint(p.key, known))
			continue
		}
		at := here.field(p.key)
		d.origins[string(at)] = d.origin(p.value.at)
		v, err := parse(*f, p.value)
		if err != nil {
			d.fail(err.at, at, "%w", err.err)
			continue
		}
		part = f.With(part, v)
	}
	return part.(T)
}

func fieldOf(known []stack.Field, name string) *stack.Field {
	for i := range known {
		if known[i].Name == name {
			return &known[i]
		}
	}
	return nil
}

func hint(name string, known []stack.Field) string {
	if len(known) == 0 {
		return ": it has none"
	}
	var names []string
	for _, f := range known {
		names = append(names, f.Name)
	}
	return nearest.Hint(name, names)
}

// parse reads the value of a field.
func parse(f stack.Field, v *value) (any, *fault) {
	switch {
	case f.Type == stack.List && v.kind == list:
		all := []string{}
		for _, one := range v.items {
			if one.kind != scalar {
				return nil, &fault{one.at, fmt.Errorf("text is needed, not %v", one.kind)}
			}
			all = append(all, one.text)
		}
		return all, nil
	case f.Type == stack.Map && v.kind == mapping:
		return parseMap(v)
	case f.Type == stack.List:
		return nil, &fault{v.at, fmt.Errorf("a list of texts is needed, not %v", v.kind)}
	case f.Type == stack.Map:
		return nil, &fault{v.at, fmt.Errorf("a mapping of names to texts is needed, not %v", v.kind)}
	case v.kind != scalar:
		return nil, &fault{v.at, fmt.Errorf("a %s is needed, not %v", f.Type, v.kind)}
	}
	text := v.text
	if v.bare && (f.Type == stack.Number || f.Type == stack.Bytes) {
		text = decimal(text)
	}
	out, err := f.Parse(text)
	if err != nil {
		return nil, &fault{v.at, err}
	}
	return out, nil
}

func parseMap(v *value) (any, *fault) {
	all := map[string]string{}
	for _, p := range v.pairs {
		if _, twice := all[p.key]; twice {
			return nil, &fault{p.at, fmt.Errorf("%q is there a second time", p.key)}
		}
		if p.value.kind != scalar {
			return nil, &fault{p.value.at, fmt.Errorf("%q: text is needed, not %v", p.key, p.value.kind)}
		}
		all[p.key] = p.value.text
	}
	return all, nil
}

// decimal spells a whole number of YAML or TOML as stack.Field reads it: without a base, and
// without the underscores that may part digits.
func decimal(text string) string {
	digits := strings.TrimLeft(text, "+-")
	if !strings.Contains(text, "_") && (len(digits) < 2 || digits[0] != '0' || digits[1] <= '9') {
		return text
	}
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil {
		return text
	}
	return strconv.FormatInt(n, 10)
}
