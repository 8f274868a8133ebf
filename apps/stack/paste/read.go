package paste

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps/stack"
)

// Read makes a stack of the app of a name in a file, "main" if it is "". The origins tell where the
// file has what is at a place of the stack. An error joins an *Error for each fault. The warnings are
// there with an error too.
func Read(file, name string, catalog stack.Catalog) (stack.Node, stack.Origins, []Warning, error) {
	r := &resolver{files: map[string]*ini{}, work: work{maxWork}}
	c, err := r.resolve(file, name, nil)
	if err != nil {
		return nil, nil, r.warnings, err
	}
	d := &decoder{catalog: catalog, origins: stack.Origins{}, warnings: &r.warnings}
	node := d.node(c, "")
	if len(d.errs) > 0 {
		return nil, nil, r.warnings, errors.Join(d.errs...)
	}
	return node, d.origins, r.warnings, nil
}

// maxFaults bounds how many faults an error joins.
const maxFaults = 20

// decoder makes a stack of contexts. Its places are those of stack.Error.
type decoder struct {
	catalog  stack.Catalog
	origins  stack.Origins
	warnings *warnings
	errs     []error
}

func (d *decoder) fail(err error) {
	if len(d.errs) < maxFaults {
		d.errs = append(d.errs, err)
	}
}

// below is the place of a field of what is at a place.
func below(at, field string) string {
	if at == "" {
		return field
	}
	return at + "." + field
}

func (d *decoder) node(c *Context, at string) stack.Node {
	d.origins[at] = c.At
	switch c.Kind {
	case Pipeline:
		return d.wrapped(c, at, c.App, c.Filters...)
	case FilterApp:
		return d.wrapped(c, at, c.Next, c.Filter)
	case FilteredWith:
		if c.Next.Kind != Application {
			d.warnings.add(c.At, "filter-with is around the app here; Paste Deploy itself takes what is no plain app for a filter, and fails when it serves")
		}
		return d.wrapped(c, at, c.Next, c.Filter)
	}
	switch composite(c.Factory) {
	case "urlmap":
		return d.urlmap(c, at)
	case "cascade":
		return d.cascade(c, at)
	}
	source, err := named(c, d.catalog.Source, "egg:Paste#urlmap", "egg:Paste#cascade")
	if err != nil {
		d.fail(err)
		return nil
	}
	return stack.App{Source: fields(d, source, source.About(), c, at)}
}

// wrapped is an app with filters around it.
func (d *decoder) wrapped(c *Context, at string, inner *Context, filters ...*Context) stack.Node {
	d.reaches(c, inner, filters)
	var flat []*Context
	for _, f := range filters {
		flat = d.flatten(flat, f)
	}
	p := stack.Pipeline{}
	for i, f := range flat {
		here := below(at, "layers["+strconv.Itoa(i)+"]")
		d.origins[here] = f.At
		layer, err := named(f, d.catalog.Layer)
		if err != nil {
			d.fail(err)
			continue
		}
		p.Layers = append(p.Layers, fields(d, layer, layer.About(), f, here))
	}
	p.Node = d.node(inner, below(at, "app"))
	return p
}

// flatten are the filters that a filter is made of, the outermost first.
func (d *decoder) flatten(flat []*Context, f *Context) []*Context {
	if f.Kind != FilteredWith {
		return append(flat, f)
	}
	d.reaches(f, f.Next, []*Context{f.Filter})
	return d.flatten(d.flatten(flat, f.Filter), f.Next)
}

// reaches refuses config of c that no factory gets.
func (d *decoder) reaches(c, inner *Context, filters []*Context) {
	for _, key := range c.Local.keys {
		gets := func(part *Context) bool { return part.Local.values[key] == c.Local.values[key] }
		if !gets(inner) && !slices.ContainsFunc(filters, gets) {
			d.fail(fault(c.Local.values[key].Key, "nothing gets %s: what [%s] uses is a %s, which has no config", strconv.Quote(key), c.Section, c.Kind))
		}
	}
}

// named is the layer or source of the catalog that the factory of a context is.
func named[T any](c *Context, get func(string) (T, error), composites ...string) (T, error) {
	var none T
	known, hint := append([]string{"egg:benchctl#NAME"}, composites...), ""
	egg, name, _ := strings.Cut(c.Factory, "#")
	if strings.EqualFold(egg, "egg:benchctl") {
		part, err := get(name)
		if err != nil {
			return none, &Error{c.At, err}
		}
		return part, nil
	}
	if name, ok := strings.CutPrefix(strings.ToLower(c.Factory), "egg:paste#"); ok {
		if _, err := get(name); err == nil {
			hint = ": did you mean \"egg:benchctl#" + name + "\"?"
		}
	}
	return none, fault(c.At, "the %s %s is not known here%s; known are those named as %s", c.Kind, strconv.Quote(abridged(c.Factory)), hint, strings.Join(known, ", "))
}

// fields sets the fields of a part of the catalog by the config of its context.
func fields[T any](d *decoder, part T, about stack.About, c *Context, at string) T {
	all := stack.Fields(part)
	var names []string
	for _, f := range all {
		names = append(names, f.Name)
	}
	for _, key := range c.Local.keys {
		v := c.Local.values[key]
		i := slices.Index(names, key)
		if i < 0 {
			d.fail(fault(v.Key, "%s has no field %s%s", about.Name, strconv.Quote(key), hint(key, names)))
			continue
		}
		value, err := all[i].Parse(v.Text)
		if err != nil {
			d.fail(fault(v.At, "%s of %s: %w", key, about.Name, err))
			continue
		}
		part = all[i].With(part, value).(T)
		d.origins[below(at, key)] = v.At
	}
	return part
}

// cascade is egg:Paste#cascade: its apps are in the order of their keys.
func (d *decoder) cascade(c *Context, at string) stack.Node {
	var node stack.Cascade
	var keys []string
	for _, key := range c.Local.keys {
		v := c.Local.values[key]
		switch {
		case key == "catch":
			node.Catch = d.statuses(v)
			d.origins[below(at, "catch")] = v.At
		case strings.HasPrefix(key, "app"):
			keys = append(keys, key)
		default:
			d.fail(fault(v.Key, "a cascade has no field %s: it has catch, and apps whose keys begin with \"app\"", strconv.Quote(key)))
		}
	}
	slices.Sort(keys)
	for i, key := range keys {
		node.Nodes = append(node.Nodes, d.child(c, c.Local.values[key], below(at, "cascade["+strconv.Itoa(i)+"]")))
	}
	return node
}

// statuses are the words of a value as numbers.
func (d *decoder) statuses(v *Value) []int {
	var all []int
	for _, w := range v.words() {
		n, err := strconv.Atoi(w.text)
		if err != nil {
			d.fail(fault(w.at, "catch: %s is no status", strconv.Quote(abridged(w.text))))
		}
		all = append(all, n)
	}
	return all
}

// child is an app that a composite asks for by name.
func (d *decoder) child(c *Context, v *Value, at string) stack.Node {
	if len(d.errs) >= maxFaults {
		return nil
	}
	inner, err := c.child(word{v.Text, v.At})
	if err != nil {
		d.fail(err)
		return nil
	}
	return d.node(inner, at)
}
