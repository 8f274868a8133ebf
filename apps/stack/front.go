package stack

import "github.com/benchctl/benchctl/apps"

// Front is a Node with another process before it: the clients' connections are that process's,
// which hands their requests on, as nginx does before FastCGI. It stands at the root of a stack, and
// nothing stands around it. Build makes the app behind it; who serves that starts the process.
type Front struct {
	Proxy Proxy
	Node  Node
}

// Proxy is the config of the process of a Front: a struct whose fields have the tags of Field.
type Proxy interface {
	// About describes every Proxy of the type alike, whatever its fields.
	About() About
}

// FrontOf is the Proxy of a stack that is a Front, with the defaults of its fields; nil for other
// stacks. The stack is one that Build takes.
func FrontOf(n Node) Proxy {
	front, ok := n.(Front)
	if !ok {
		return nil
	}
	complete, _ := completed(front.Proxy)
	return complete.(Proxy)
}

func (n Front) build(b *builder, at place) apps.App {
	switch {
	case at != place{}:
		return b.fail(at, "a front stands at the root of a stack: nothing can be around another process")
	case n.Proxy == nil:
		b.fail(at.field("front"), "no proxy")
	default:
		b.ready(n.Proxy.About(), n.Proxy, at.field("front"))
	}
	return b.node(n.Node, at.field("app"))
}
