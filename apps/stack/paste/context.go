package paste

import "github.com/benchctl/benchctl/apps/stack"

// Kind is what an object of a file is, by Paste Deploy's names.
type Kind string

// The kinds of contexts.
const (
	Application  Kind = "application"   // an app, or a composite of apps that its factory gets by name
	Filter       Kind = "filter"        // what wraps an app
	Pipeline     Kind = "pipeline"      // Filters around App
	FilterApp    Kind = "filter_app"    // Filter around Next
	FilteredWith Kind = "filtered_with" // Filter around Next, which is an app or a filter
)

// Context is an object of a file, with all that it is made of. Contexts may share a Conf, as Paste
// Deploy's do.
type Context struct {
	Kind Kind
	// Factory makes the object: "egg:Name#entry", "call:module:function", or "module:function" where
	// the section names the protocol. It is "" for the kinds that are made of other contexts.
	Factory string
	// Protocol is how the factory is called: "paste.app_factory". A factory of an egg has the first
	// that its place allows, or paste.composite_factory if it is one of Paste's own.
	Protocol string
	// Global and Local are the arguments of the factory.
	Global, Local *Conf
	// Requires are the distributions that the section requires.
	Requires []string

	Filter, Next *Context   // of FilterApp and FilteredWith
	App          *Context   // of Pipeline
	Filters      []*Context // of Pipeline, the outermost first

	// Section is the name of the section, and At where it stands, or what refers to the factory, if no
	// section does.
	Section string
	At      stack.Origin

	loader *loader // by which its factory finds other apps
	frame  *frame
}

// child is the app that the context's factory gets by a name.
func (c *Context) child(name word) (*Context, error) {
	if c.loader == nil {
		return nil, fault(name.at, "%s finds no apps by name: no section of a file uses it", c.Factory)
	}
	return c.loader.context(Application, name, c.Global, c.frame)
}
