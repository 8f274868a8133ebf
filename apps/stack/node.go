package stack

import "github.com/benchctl/benchctl/apps"

// Node is a part of a stack that answers requests: App, Pipeline, Hosts, Paths, Cascade or Front.
// Two nodes that mean the same are deeply equal.
type Node interface {
	build(b *builder, at place) apps.App
}

// App is a leaf: the app itself.
type App struct {
	Source
}

// Source makes the app of a leaf. It is a struct whose fields are the app's config, with
// the tags of Field.
type Source interface {
	// About describes every Source of the type alike, whatever its fields.
	About() About
	// Make makes the app. It is called once for each place in a stack where the Source stands.
	Make() (apps.App, error)
}

// Pipeline is a Node with layers around it, the outermost first.
type Pipeline struct {
	Layers []Layer
	Node   Node
}

// Layer is middleware. It is a struct whose fields are its config, with the tags of Field.
type Layer interface {
	// About describes every Layer of the type alike, whatever its fields.
	About() About
	// Wrap makes the app that stands before next. It is called once for each place in a stack
	// where the Layer stands. The app may implement apps.Starter and apps.Stopper for itself;
	// next is started before it, and stopped after it.
	//
	// The app keeps the duties of apps to the server, and those of servers to next.
	Wrap(next apps.App) (apps.App, error)
}

// About describes a type of Layer or Source.
type About struct {
	Name string // by which config files name it: "gzip"
	Doc  string // one line
	// Requires are what a layer outside it must provide. Provides is what it gives to those
	// inside. Both are names that layers agree on, as "cookies".
	Requires, Provides []string
	// Buffers tells that it holds a whole body before it passes it on, so that streams do
	// not stream through it.
	Buffers bool
	// Allocs is how many allocations it adds to a request, at most, in its usual course.
	Allocs int
}

// Hosts hands each request to the node of its host (RFC 9110 section 7.2), without the port
// and without regard to case. A host of "*.example.org" takes all names below example.org; the
// longest that matches wins. Default takes the others; without one they get 404.
type Hosts struct {
	Nodes   []Host
	Default Node
}

// Host is a node of Hosts.
type Host struct {
	Name string
	Node Node
}

// Paths hands each request to the node with the longest prefix of its path that ends where a
// segment ends. The node sees the path after the prefix, "/" at least, as Paste's urlmap has it.
// A path of no prefix gets 404.
type Paths struct {
	Nodes []Path
}

// Path is a node of Paths.
type Path struct {
	Prefix string // begins with "/" and does not end with it; "/" itself takes all paths as they are
	Node   Node
}

// Cascade asks its nodes in turn until one answers with another status than those of Catch, which
// is 404 unless it names others. The last one's answer stands whatever it is, and so does an answer
// by a node that began to read the request's body.
type Cascade struct {
	Nodes []Node
	Catch []int
}
