package stack

import (
	"slices"
	"strings"

	"github.com/benchctl/benchctl/apps"
)

func (n Hosts) build(b *builder, at place) apps.App {
	h := &hosts{exact: map[string]apps.App{}}
	if len(n.Nodes) == 0 {
		b.fail(at, "no hosts")
	}
	for _, one := range n.Nodes {
		here := at.key("hosts", one.Name)
		name := strings.ToLower(one.Name)
		app := b.node(one.Node, here)
		suffix, wild := strings.CutPrefix(name, "*")
		switch {
		case name == "" || name != hostName(name) || strings.ContainsAny(suffix, "*/@ \t") || wild && !strings.HasPrefix(suffix, "."):
			b.fail(here, "no host name: %q; it is a name without a port, or \"*.\" and a name", one.Name)
		case !wild && h.exact[name] != nil, wild && slices.ContainsFunc(h.below, func(t hostTree) bool { return t.suffix == suffix }):
			b.fail(here, "a second app for this host")
		case wild:
			h.below = append(h.below, hostTree{suffix, app})
		default:
			h.exact[name] = app
		}
	}
	slices.SortStableFunc(h.below, func(a, b hostTree) int { return len(b.suffix) - len(a.suffix) })
	if n.Default != nil {
		h.other = b.node(n.Default, at.field("default"))
	}
	return h
}

// hosts is the app of Hosts.
type hosts struct {
	exact map[string]apps.App
	below []hostTree // the longest first
	other apps.App   // nil: 404
}

type hostTree struct {
	suffix string // ".example.org"
	app    apps.App
}

func (h *hosts) Serve(req apps.Request, res apps.Response) error {
	if app := h.of(hostName(req.Header("Host"))); app != nil {
		return app.Serve(req, res)
	}
	return NotFound(res)
}

func (h *hosts) of(host string) apps.App {
	host = strings.ToLower(host)
	if app := h.exact[host]; app != nil {
		return app
	}
	for _, t := range h.below {
		if strings.HasSuffix(host, t.suffix) && len(host) > len(t.suffix) {
			return t.app
		}
	}
	return h.other
}

// hostName is the host of a Host field without its port (RFC 3986 section 3.2.2), and
// without the dot that ends a name of the root.
func hostName(field string) string {
	if !strings.HasPrefix(field, "[") {
		if i := strings.LastIndexByte(field, ':'); i >= 0 {
			field = field[:i]
		}
		return strings.TrimSuffix(field, ".")
	}
	if i := strings.IndexByte(field, ']'); i >= 0 {
		return field[:i+1]
	}
	return field
}

func (n Paths) build(b *builder, at place) apps.App {
	p := &paths{}
	if len(n.Nodes) == 0 {
		b.fail(at, "no paths")
	}
	for _, one := range n.Nodes {
		here := at.key("paths", one.Prefix)
		prefix := strings.TrimSuffix(one.Prefix, "/")
		if !strings.HasPrefix(one.Prefix, "/") || one.Prefix != "/" && prefix != one.Prefix {
			b.fail(here, "no prefix: %q; it begins with \"/\" and does not end with it", one.Prefix)
		}
		if slices.ContainsFunc(p.all, func(o prefixed) bool { return o.prefix == prefix }) {
			b.fail(here, "a second app for this path")
		}
		p.all = append(p.all, prefixed{prefix, b.node(one.Node, here)})
	}
	slices.SortStableFunc(p.all, func(a, b prefixed) int { return len(b.prefix) - len(a.prefix) })
	return p
}

// paths is the app of Paths.
type paths struct {
	all []prefixed // the longest first
}

type prefixed struct {
	prefix string // "" takes all
	app    apps.App
}

func (p *paths) Serve(req apps.Request, res apps.Response) error {
	path := req.Path()
	for _, one := range p.all {
		rest, ok := strings.CutPrefix(path, one.prefix)
		switch {
		case !ok || rest != "" && rest[0] != '/':
			continue
		case one.prefix == "":
			return one.app.Serve(req, res)
		case rest == "":
			rest = "/"
		}
		return one.app.Serve(WithPath(req, rest), res)
	}
	return NotFound(res)
}

func (n Cascade) build(b *builder, at place) apps.App {
	c := &cascade{catch: slices.Clone(n.Catch)}
	if len(c.catch) == 0 {
		c.catch = []int{404}
	}
	for _, status := range c.catch {
		if status < 200 || status > 599 {
			b.fail(at.field("catch"), "no status to catch: %d; it is from 200 to 599", status)
		}
	}
	if len(n.Nodes) == 0 {
		b.fail(at, "no apps in a cascade")
	}
	for i, one := range n.Nodes {
		c.all = append(c.all, b.node(one, at.index("cascade", i)))
	}
	return c
}

// cascade is the app of Cascade.
type cascade struct {
	all   []apps.App
	catch []int
}

func (c *cascade) Serve(req apps.Request, res apps.Response) error {
	last := len(c.all) - 1
	watched := &bodyWatch{Request: req}
	for _, app := range c.all[:last] {
		t := &trial{Response: res, request: watched, catch: c.catch}
		if err := app.Serve(watched, t.offered()); err != nil || !t.caught {
			return err
		}
	}
	return c.all[last].Serve(watched, res)
}
