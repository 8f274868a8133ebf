package stacked

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/files"
	"github.com/benchctl/benchctl/apps/stack/format"
	"github.com/benchctl/benchctl/apps/stack/fronts"
	"github.com/benchctl/benchctl/apps/stack/layers"
	"github.com/benchctl/benchctl/apps/stack/suiteapps"
	"github.com/benchctl/benchctl/apps/suite"
)

// Catalog is what files of stacks can name.
func Catalog() stack.Catalog {
	catalog := layers.Catalog()
	catalog.Sources = append(catalog.Sources, suiteapps.All()...)
	catalog.Proxies = fronts.All()
	return catalog
}

// IsFile reports whether an app is asked for by a file of stacks: FILE or FILE#NAME.
func IsFile(arg string) bool {
	path, _, _ := strings.Cut(arg, "#")
	ext := strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), ".")
	return ext == "yml" || slices.Contains(files.Forms(), ext)
}

// Open builds the stack that FILE or FILE#NAME means, whatever its apps are, and returns what stands before
// it, nil if nothing does. Errors have the file and the line.
func Open(arg string) (apps.App, stack.Proxy, error) {
	_, s, err := read(arg)
	if err != nil {
		return nil, nil, err
	}
	app, err := stack.Build(s.Node)
	if err != nil {
		return nil, nil, s.Locate(err)
	}
	return app, stack.FrontOf(s.Node), nil
}

// FrontOf is what stands before the apps of a run: it has the connections of all. An error is that
// they are not alike in it.
func FrontOf(all []App) (stack.Proxy, error) {
	var first stack.Proxy
	for i, a := range all {
		w, err := a.whole()
		if err != nil {
			return nil, err
		}
		switch p := stack.FrontOf(w.node); {
		case i == 0:
			first = p
		case p != first:
			return nil, fmt.Errorf("apps %s and %s can't be of one run: a front stands before all that a server serves", all[0].Name, a.Name)
		}
	}
	return first, nil
}

func read(arg string) (f *files.File, s format.Stack, err error) {
	if f, err = files.Read(arg, Catalog()); err == nil {
		s, err = f.Stack()
	}
	return f, s, err
}

// Read reads the stack that FILE or FILE#NAME means, and returns an app for each of its leaves, in their
// order, which all have the whole stack. Warnings are of what is hardly meant. Errors have the file and the
// line.
func Read(arg string) (all []App, warnings []string, err error) {
	f, s, err := read(arg)
	if err != nil {
		return nil, nil, err
	}
	if _, err := stack.Build(s.Node); err != nil {
		return nil, nil, s.Locate(err)
	}
	leaves, err := leavesOf(s.Node)
	if err != nil {
		return nil, nil, s.Locate(err)
	}
	var text bytes.Buffer
	if err := files.Write(&text, string(format.JSON), &format.Document{Stacks: []format.Stack{{Name: format.Main, Node: s.Node}}}); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	graph, err := Compact(text.Bytes())
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	for _, l := range leaves {
		name := arg
		if len(leaves) > 1 || l.at != "" {
			name += ":" + l.at
		}
		all = append(all, App{Name: name, Stack: graph, At: l.at})
	}
	return all, f.Warnings, nil
}

// Compact is JSON in its one shortest form, for App.Stack.
func Compact(graph []byte) (string, error) {
	var b bytes.Buffer
	err := json.Compact(&b, graph)
	return b.String(), err
}

// SHA256 is the hash of the stack of a file, in hexadecimal: "" for other apps.
func (a App) SHA256() string {
	if a.Stack == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(a.Stack))
	return hex.EncodeToString(sum[:])
}

// root is where the stack of a file is mounted.
func (a App) root() string { return "/stack-" + a.SHA256()[:12] }

// ofFile builds a leaf with all of its stack.
func (a App) ofFile() (*whole, error) {
	doc, err := format.Parse(a.Name, format.JSON, []byte(a.Stack), Catalog())
	if err != nil {
		return nil, err
	}
	s, err := doc.Stack("")
	if err != nil {
		return nil, err
	}
	leaves, err := leavesOf(s.Node)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(leaves, func(l leaf) bool { return l.at == a.At })
	if i < 0 {
		return nil, fmt.Errorf("app %s: no app at %q in its stack", a.Name, a.At)
	}
	return newWhole(whole{name: a.Name, inner: leaves[i].app, node: s.Node, root: a.root(), at: a.At, sets: true, fields: fieldsFor(leaves[i].around)})
}

// leaf is an app of a stack, and what is around it.
type leaf struct {
	at     string // path of its requests; "": any
	app    suite.Instance
	around []stack.Layer // the outermost first
}

// leavesOf are the apps of a stack that a load can ask for, each at a path of its own.
func leavesOf(n stack.Node) ([]leaf, error) {
	w := &walk{}
	w.node(n, leaf{}, "")
	return w.leaves, errors.Join(w.faults...)
}

// walk finds the leaves of a stack, and what keeps it from being measured.
type walk struct {
	leaves []leaf
	faults []error
}

// fail takes note of a fault, whose place is spelled as package stack spells it.
func (w *walk) fail(place string, err error) {
	if err != nil {
		w.faults = append(w.faults, &stack.Error{Place: place, Err: err})
	}
}

func (w *walk) node(n stack.Node, to leaf, place string) {
	switch n := n.(type) {
	case stack.App:
		app, err := instance(n.Source)
		w.fail(place, err)
		to.app = app
		w.leaves = append(w.leaves, to)
	case stack.Pipeline:
		for i, l := range n.Layers {
			w.fail(inside(place, "layers")+"["+strconv.Itoa(i)+"]", admit(l))
		}
		to.around = append(slices.Clip(to.around), n.Layers...)
		w.node(n.Node, to, inside(place, "app"))
	case stack.Paths:
		for _, p := range n.Nodes {
			one := to
			one.at = strings.TrimSuffix(to.at, "/") + p.Prefix // "/" itself takes nothing off
			w.node(p.Node, one, inside(place, "paths")+"["+strconv.Quote(p.Prefix)+"]")
		}
	case stack.Front:
		w.node(n.Node, to, inside(place, "app"))
	case stack.Hosts:
		w.fail(place, errors.New("hosts can't be measured: the requests of a load are for one host; make what a host gets a stack of its own"))
	case stack.Cascade:
		w.fail(place, errors.New("a cascade can't be measured: which app answers is not known beforehand"))
	}
}

func inside(place, field string) string {
	if place == "" {
		return field
	}
	return place + "." + field
}

// instance is the test app of a leaf, with the parameters that its fields set.
func instance(s stack.Source) (suite.Instance, error) {
	name := s.About().Name
	if !slices.ContainsFunc(suiteapps.All(), func(t stack.Source) bool { return t.About().Name == name }) {
		return suite.Instance{}, fmt.Errorf("app %s can't be measured: it is no test app, and a load does not know its replies", name)
	}
	var set []string
	for _, f := range stack.Fields(s) {
		if v := f.Value(s).(int64); v != 0 {
			set = append(set, f.Name+"="+strconv.FormatInt(v, 10))
		}
	}
	if len(set) > 0 {
		name += "?" + strings.Join(set, "&")
	}
	return suite.Parse(name)
}

// unlogged is a stack without its layers access-log: what is asked in memory is no request of the log.
func unlogged(n stack.Node) stack.Node {
	switch n := n.(type) {
	case stack.Pipeline:
		return stack.Pipeline{Layers: Layers{all: n.Layers}.unlogged().all, Node: unlogged(n.Node)}
	case stack.Front: // which is another process
		return unlogged(n.Node)
	case stack.Paths:
		var p stack.Paths
		for _, one := range n.Nodes {
			p.Nodes = append(p.Nodes, stack.Path{Prefix: one.Prefix, Node: unlogged(one.Node)})
		}
		return p
	}
	return n
}
