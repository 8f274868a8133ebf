package paste

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps/stack"
)

// notFound is the key of a urlmap for the app of all other requests.
const notFound = "not_found_app"

// maxMounts bounds the apps of one urlmap.
const maxMounts = 1000

// mount is an app of a urlmap: under a prefix, for a host or, if that is "", for all.
type mount struct {
	host, prefix string
	app          *Value
}

var slashes = regexp.MustCompile("//+")

// parseMount reads a key of egg:Paste#urlmap, which is "/prefix" or "domain HOST /prefix".
func parseMount(key string) (host, prefix string, err error) {
	var words []string
	for rest := strings.FieldsFunc(key, isSpace); len(rest) > 0; rest = rest[1:] {
		switch {
		case rest[0] == "port":
			return "", "", errors.New("a host is taken on all its ports: leave port away")
		case rest[0] != "domain":
			words = append(words, rest[0])
		case len(rest) == 1 || host != "":
			return "", "", errors.New("it has one domain")
		default:
			rest = rest[1:]
			host = rest[0]
		}
	}
	if len(words) > 1 {
		return "", "", errors.New("it has more than one path")
	}
	path := strings.Join(words, "")
	if host != "" {
		path = "/" + path
	}
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(host, "/:") {
		return "", "", errors.New(`it is a path as "/api", or "domain", a host and a path`)
	}
	path = strings.TrimRight(slashes.ReplaceAllString(path, "/"), "/")
	if path == "" {
		path = "/"
	}
	return host, path, nil
}

// urlmap is egg:Paste#urlmap: Hosts if some app is for a host, else Paths.
func (d *decoder) urlmap(c *Context, at string) stack.Node {
	groups := d.mounts(c)
	common := groups[0].mounts
	if len(groups) == 1 {
		return d.paths(c, common, at)
	}
	var node stack.Hosts
	for _, g := range groups[1:] {
		here := below(at, "hosts["+strconv.Quote(g.host)+"]")
		own := d.withCommon(g.mounts, common)
		node.Nodes = append(node.Nodes, stack.Host{Name: g.host, Node: d.single(c, own, here)})
	}
	if len(common) > 0 {
		node.Default = d.single(c, common, below(at, "default"))
	}
	return node
}

// group are the apps of a host.
type group struct {
	host   string
	mounts []mount
}

// mounts are the apps of a urlmap by their hosts; the first group is for all hosts.
func (d *decoder) mounts(c *Context) []group {
	groups := []group{{}}
	other, _ := c.Global.Get(notFound)
	for _, key := range c.Local.keys {
		v := c.Local.values[key]
		if key == notFound {
			other = v
			continue
		}
		host, prefix, err := parseMount(key)
		if err == nil && len(c.Local.keys) > maxMounts+2 {
			err = fmt.Errorf("there are more than %d apps", maxMounts)
		}
		if err == nil {
			groups, err = insert(groups, mount{host, prefix, v})
		}
		if err != nil {
			d.fail(fault(v.Key, "no app can be mounted at %s: %w", strconv.Quote(abridged(key)), err))
		}
	}
	if other == nil || other.Text == "" {
		return groups
	}
	with, err := insert(groups, mount{"", "/", other})
	if err != nil {
		d.idle(c, other)
	}
	return with
}

// idle is the app of not_found_app where all requests find another.
func (d *decoder) idle(c *Context, v *Value) {
	if _, err := c.child(word{v.Text, v.At}); err != nil {
		d.fail(err)
		return
	}
	d.warnings.add(v.At, "no request reaches this app: there is one for / on all hosts")
}

// insert adds a mount to the group of its host.
func insert(groups []group, m mount) ([]group, error) {
	for i, g := range groups {
		if !strings.EqualFold(g.host, m.host) {
			continue
		}
		for _, have := range g.mounts {
			if have.prefix == m.prefix {
				return groups, fmt.Errorf("an app is there already, in line %d", have.app.Key.Line)
			}
		}
		groups[i].mounts = append(groups[i].mounts, m)
		return groups, nil
	}
	return append(groups, group{m.host, []mount{m}}), nil
}

// withCommon adds to the apps of a host those for all hosts that requests to it can reach.
func (d *decoder) withCommon(own, common []mount) []mount {
	all := own
	for _, m := range common {
		hidden := false
		for _, o := range own {
			hidden = hidden || o.prefix == "/" || m.prefix == o.prefix || strings.HasPrefix(m.prefix, o.prefix+"/")
		}
		if !hidden {
			all = append(all, m)
			d.warnings.add(m.app.Key, "this app for all hosts stands under "+own[0].host+" once more, which has none for all paths; each has its own state")
		}
	}
	return all
}

// single is the app for all paths itself, if there is no other.
func (d *decoder) single(c *Context, mounts []mount, at string) stack.Node {
	if len(mounts) == 1 && mounts[0].prefix == "/" {
		return d.child(c, mounts[0].app, at)
	}
	return d.paths(c, mounts, at)
}

func (d *decoder) paths(c *Context, mounts []mount, at string) stack.Node {
	var node stack.Paths
	d.origins[at] = c.At
	for _, m := range mounts {
		here := below(at, "paths["+strconv.Quote(m.prefix)+"]")
		node.Nodes = append(node.Nodes, stack.Path{Prefix: m.prefix, Node: d.child(c, m.app, here)})
	}
	return node
}
