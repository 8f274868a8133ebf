package stacked

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/layers"
	"github.com/benchctl/benchctl/apps/stack/suiteapps"
	"github.com/benchctl/benchctl/apps/suite"
)

// App is an app as a run serves it and asks for it. It is plain data, which crosses pipes.
type App struct {
	// Name is how the app is asked for: "size?bytes=10000", with layers around it "compress+etag+template",
	// or by a file of stacks "site.yaml#main".
	Name string
	// Stack is the stack of a file, as Compact gives it; "": it is of none. The app is the leaf whose
	// requests are for the path At, "" where all are.
	Stack, At string
	// Layers are around all apps of the candidate that is asked, by their names; "": none are.
	Layers string
	// Fields are what requests have on top, for layers of any candidate to act on: all candidates of a
	// table get the same requests.
	Fields [][2]string
}

// Parse reads the name of an app, which may have layers before it, and returns its one spelling.
func Parse(name string) (App, error) {
	if IsFile(name) {
		return App{}, fmt.Errorf("app %s: a file of stacks stands where apps are asked for by --apps", quote(name))
	}
	a := App{Name: name}
	i, err := a.Instance()
	a.Name = i.String()
	return a, err
}

// Stacked reports whether there are layers around the app.
func (a App) Stacked() bool { return a.Stack != "" || strings.Contains(a.Name, "+") }

// Identity tells apart what is asked. The name of a file is not part of it.
func (a App) Identity() string {
	id := a.Name
	if a.Stack != "" {
		id = "stack " + a.SHA256() + " " + a.At
	}
	if a.Layers != "" {
		id = a.Layers + "+" + id
	}
	for _, f := range a.Fields {
		id += "\n" + f[0] + ": " + f[1]
	}
	return id
}

// Instance is the app with its exchanges, which are those of the whole.
func (a App) Instance() (suite.Instance, error) {
	w, err := a.asked()
	if err != nil {
		return suite.Instance{}, err
	}
	return w.instance(), nil
}

// Check tells why a load can't ask for the app, nil if it can.
func (a App) Check() error {
	w, err := a.asked()
	if err != nil {
		return err
	}
	if err := w.inner.Loadable(); err != nil {
		return err
	}
	return w.check()
}

// whole is an app with all that is around it.
type whole struct {
	asking *sync.Mutex // one request at a time is asked of app, which is started for it
	name   string
	inner  suite.Instance // the app itself
	node   stack.Node     // the stack; nil: there is none
	root   string         // path where it is mounted
	at     string         // path below root that is asked for; "": root itself
	sets   bool           // the stack sets the app's parameters, and requests have none
	fields [][2]string    // that requests have on top
	app    apps.App       // the stack as it is asked in memory
}

// newWhole is w, whose stack can be asked.
func newWhole(w whole) (_ *whole, err error) {
	built, err := stack.Build(unlogged(w.node))
	if err != nil {
		return nil, err
	}
	w.app, w.asking = mounted{built, w.at, true}, new(sync.Mutex)
	return &w, nil
}

// path is that of requests.
func (w *whole) path() string { return w.root + w.at }

// whole builds what the app is served as.
func (a App) whole() (*whole, error) {
	if a.Stack != "" {
		return a.ofFile()
	}
	stacked, query, _ := strings.Cut(a.Name, "?")
	at := strings.LastIndexByte(stacked, '+')
	if at < 0 {
		inner, err := suite.Parse(a.Name)
		return &whole{name: inner.String(), inner: inner, asking: new(sync.Mutex)}, err
	}
	if query != "" || strings.HasSuffix(a.Name, "?") {
		query = "?" + query
	}
	w, err := layered(stacked[:at], stacked[at+1:]+query)
	if err != nil {
		return nil, fmt.Errorf("app %s: %w", quote(a.Name), err)
	}
	return w, nil
}

// layered is an app with layers around it, by their names.
func layered(around, app string) (*whole, error) {
	l, err := ParseLayers(around)
	if err != nil {
		return nil, err
	}
	inner, err := suite.Parse(app)
	if _, mistaken := layers.Catalog().Layer(app); err != nil && mistaken == nil {
		return nil, fmt.Errorf("%s is a layer, and the last name is that of an app", app)
	}
	if err != nil {
		return nil, err
	}
	leaf, err := source(inner)
	if err != nil {
		return nil, err
	}
	before := l.String() + "+"
	return newWhole(whole{
		name: before + inner.String(), inner: inner, root: "/" + before + inner.Spec.Name, fields: l.Fields(),
		node: stack.Pipeline{Layers: l.all, Node: stack.App{Source: leaf}},
	})
}

// source is the leaf of an app, which takes the parameters of each request's query.
func source(i suite.Instance) (stack.Source, error) {
	if len(i.Parts()) > 1 {
		return nil, fmt.Errorf("%s is a mix, whose apps have paths of their own", i.Spec.Name)
	}
	return stack.Catalog{Sources: suiteapps.All()}.Source(i.Spec.Name)
}

// quote makes text from outside safe to show.
func quote(text string) string { return fmt.Sprintf("%+q", text) }

// asked is the whole with what is around all apps, and with all fields of requests.
func (a App) asked() (*whole, error) {
	w, err := a.whole()
	if err != nil {
		return nil, err
	}
	if a.Layers != "" {
		l, err := ParseLayers(a.Layers)
		if err != nil {
			return nil, err
		}
		w.fields = append(slices.Clip(w.fields), l.Fields()...)
		if w.app == nil {
			w.app = suite.Only(w.inner)
		}
		if w.app, err = l.unlogged().around(w.app); err != nil {
			return nil, fmt.Errorf("%s+%s: %w", l, w.name, err)
		}
	}
	w.fields = append(slices.Clip(w.fields), a.Fields...)
	return w, nil
}

// instance is the app with the exchanges of the whole.
func (w *whole) instance() suite.Instance {
	if w.app == nil && len(w.fields) == 0 {
		return w.inner
	}
	return w.inner.Behind(w.name, w.alter)
}
