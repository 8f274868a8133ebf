package report

import "strings"

// Class is a class of servers, whose rows are fairly compared with each other.
type Class struct {
	Name string // "engine"
	One  string // "engine"
	Many string // "engines"
	Doc  string // what is in it
}

// classes are those of the built-in servers.
var classes = []Class{
	{"engine", "engine", "engines", "HTTP servers that carry the apps of the suite and all that a server on the network needs"},
	{"stripped", "stripped engine", "stripped engines", "engines that leave out what a server on the network needs, such as limits or checks of requests"},
	{"framework", "framework", "frameworks", "routers and handlers in Go on top of one of the engines"},
	{"wsgi", "WSGI server", "WSGI servers", "servers of Python apps by PEP 3333"},
	{"asgi", "ASGI server", "ASGI servers", "servers of asynchronous Python apps"},
	{"baseline", "baseline", "baselines", "servers that run no app: they reply with what is configured, and show what the machine can do"},
}

// ClassOf is the class of that name.
func ClassOf(name string) Class {
	for _, c := range classes {
		if c.Name == name {
			return c
		}
	}
	return Class{name, strings.TrimSpace(name + " server"), strings.TrimSpace(name + " servers"), ""}
}
