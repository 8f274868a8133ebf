package servers

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/internal/nearest"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/external"
)

// Candidate is a server as measured, named name[@version][:profile][+layers][#label].
type Candidate struct {
	Name    string // as asked for; of layers, their one spelling
	Server  Server
	Version string // asked for; "" takes the one that there is
	Profile string // "default" if none was asked for
	Layers  string // around all apps, as stacked.ParseLayers reads them; "": none are
	Label   string // tells two runs of one server apart
	// Reference is the name of the candidate that it is compared with; "": with all alike.
	Reference string
}

// candidateName has what is after a version's "+" with the layers, of which a version may have none.
var candidateName = regexp.MustCompile(`^([A-Za-z0-9._-]+)(?:@([A-Za-z0-9._+-]+?))?(?::([A-Za-z0-9._-]+))?(\+[A-Za-z0-9*+-]*)?(?:#([A-Za-z0-9._-]+))?$`)

// Group names stand for several servers: "all", "go" for every engine, or a class
// such as "wsgi" or "baseline". With a profile, as in "wsgi:tuned", those of the
// group that have it are started by it.
const (
	GroupAll = "all"
	GroupGo  = "go"
)

// Choice is the result of choosing candidates by name.
type Choice struct {
	Candidates []Candidate
	// Named tells for each whether it was named itself, not as one of a group.
	Named []bool
}

// Choose finds candidates by their names and the groups' names, in order.
func Choose(all []Server, names []string) (Choice, error) {
	var c Choice
	if len(names) == 0 {
		return c, errors.New("no server is named: see benchctl list servers")
	}
	for _, name := range names {
		group, err := members(all, name)
		if err != nil {
			return Choice{}, err
		}
		for _, one := range group {
			c.add(one, false)
		}
		if group != nil {
			continue
		}
		one, err := parse(all, name)
		if err != nil {
			return Choice{}, err
		}
		if !c.add(one, true) {
			return Choice{}, fmt.Errorf("candidate %q is named twice: add a label to measure it twice, as in %q", name, name+"#b")
		}
	}
	return c, nil
}

// add tells whether the candidate is new. One of a group that is there already is
// no mistake.
func (c *Choice) add(one Candidate, named bool) bool {
	at := slices.IndexFunc(c.Candidates, func(o Candidate) bool { return o.Name == one.Name })
	if at < 0 {
		c.Candidates, c.Named = append(c.Candidates, one), append(c.Named, named)
		return true
	}
	again := named && c.Named[at]
	c.Named[at] = c.Named[at] || named
	return !again
}

// Group is the servers that a group's name stands for, nil if there is no such
// group. With frameworks come the engines they run on.
func Group(all []Server, name string) []Server {
	var group []Server
	for _, s := range all {
		if name == GroupAll || name == s.Class || name == GroupGo && s.Engine != nil || name == ClassFramework && isBase(all, s.Name) {
			group = append(group, s)
		}
	}
	return group
}

// members is the candidates that a group's name, with or without a profile, stands
// for; nil if there is no such group. Of one with layers, they are those of the group that carry them.
func members(all []Server, name string) ([]Candidate, error) {
	name, layers, layered := strings.Cut(name, "+")
	name, profile, ok := strings.Cut(name, ":")
	if !ok {
		profile = external.Default
	}
	var group []Candidate
	profiles := []string{external.Default}
	for _, s := range Group(all, name) {
		if layered && s.Engine == nil {
			continue
		}
		c := Candidate{Name: s.Name, Server: s, Profile: external.Default}
		if profile != external.Default && slices.Contains(s.Profiles(), profile) {
			c.Name, c.Profile = s.Name+":"+profile, profile
		}
		if layered {
			var err error
			if c, err = c.With(layers); err != nil {
				return nil, err
			}
		}
		group, profiles = append(group, c), append(profiles, s.Profiles()...)
	}
	if layered && group == nil && Group(all, name) != nil {
		return nil, fmt.Errorf("candidate %q: %w", name+"+"+layers, ErrNoLayers)
	}
	if group != nil && !slices.Contains(profiles, profile) {
		return nil, fmt.Errorf("candidate %q: no server of %s has a profile %q%s", name+":"+profile, name, profile, nearest.Hint(profile, profiles))
	}
	return group, nil
}

// isBase tells whether a framework runs on the engine.
func isBase(all []Server, engine string) bool {
	return slices.ContainsFunc(all, func(s Server) bool { return s.Base == engine })
}

func parse(all []Server, name string) (Candidate, error) {
	part := candidateName.FindStringSubmatch(name)
	if part == nil {
		return Candidate{}, fmt.Errorf("candidate %q is not of the form name[@version][:profile][+layers][#label]", name)
	}
	c := Candidate{Name: name, Version: part[2], Profile: part[3], Label: part[5]}
	at := slices.IndexFunc(all, func(s Server) bool { return s.Name == part[1] })
	if at < 0 {
		return c, fmt.Errorf("unknown server %q%s", part[1], nearest.Hint(part[1], known(all)))
	}
	c.Server = all[at]
	if c.Profile == "" {
		c.Profile = external.Default
	}
	if profiles := c.Server.Profiles(); !slices.Contains(profiles, c.Profile) {
		return c, fmt.Errorf("candidate %q: unknown profile %q of server %s%s", name, c.Profile, part[1], nearest.Hint(c.Profile, profiles))
	}
	if part[4] == "" {
		return c, nil
	}
	return c.layered(part[4][1:], c.Version != "" && part[3] == "")
}

// layered is the candidate, whose name ends with layers but for its label, with those. The first of them
// may be of its version, as of v2.0.0+incompatible, and all of them.
func (c Candidate) layered(layers string, versioned bool) (Candidate, error) {
	bare := c
	bare.Name = without(c.Name, layers)
	with, err := bare.With(layers)
	if err == nil || !versioned {
		return with, err
	}
	first, rest, more := strings.Cut(layers, "+")
	if c.Version += "+" + first; !more {
		return c, nil
	}
	return c.layered(rest, true)
}

// With is the candidate with layers around all of its apps, by their names.
func (c Candidate) With(layers string) (Candidate, error) {
	l, err := stacked.ParseLayers(layers)
	switch {
	case err != nil:
		return c, fmt.Errorf("candidate %q: %w", c.named(layers), err)
	case !c.Contract():
		return c, fmt.Errorf("candidate %q: %w", c.named(layers), ErrNoLayers)
	}
	c.Name, c.Layers = c.named(l.String()), l.String()
	return c, nil
}

// named is the name of a candidate without layers, with some.
func (c Candidate) named(layers string) string {
	name, label, labelled := strings.Cut(c.Name, "#")
	if name += "+" + layers; labelled {
		name += "#" + label
	}
	return name
}

// Bare is the name of the candidate without its layers, with which it is compared.
func (c Candidate) Bare() string {
	if c.Layers == "" {
		return c.Name
	}
	return without(c.Name, c.Layers)
}

// without is the name of a candidate without the layers that it ends with, but for its label.
func without(name, layers string) string {
	name, label, labelled := strings.Cut(name, "#")
	if name = strings.TrimSuffix(name, "+"+layers); labelled {
		name += "#" + label
	}
	return name
}

func known(all []Server) []string {
	names := []string{GroupAll, GroupGo}
	for _, s := range all {
		names = append(names, s.Name)
		if !slices.Contains(names, s.Class) {
			names = append(names, s.Class)
		}
	}
	return names
}

// Offers tells whether a verb can be asked of the candidate.
func (c Candidate) Offers(v control.Verb) bool {
	return slices.ContainsFunc(c.Verbs(), func(o Verb) bool { return o.Name == v })
}

// By is the candidate started by another profile.
func (c Candidate) By(profile string) Candidate {
	if c.Profile == profile {
		return c
	}
	c.Profile, c.Name = profile, c.Server.Name
	if c.Version != "" {
		c.Name += "@" + c.Version
	}
	if profile != external.Default {
		c.Name += ":" + profile
	}
	if c.Layers != "" {
		c.Name += "+" + c.Layers
	}
	if c.Label != "" {
		c.Name += "#" + c.Label
	}
	return c
}

// Contract tells whether the candidate carries apps by the contract of package apps, as layers
// take.
func (c Candidate) Contract() bool { return c.Server.Engine != nil && c.Profile != Native }

// Carries tells whether the candidate serves an app.
func (c Candidate) Carries(app string) bool {
	if c.Profile == Native && c.Server.Engine != nil {
		return suite.IsNative(app)
	}
	return c.Server.Carries(app)
}

// Apps are those that the candidate serves, nil for all.
func (c Candidate) Apps() []string {
	switch {
	case c.Server.Manifest != nil:
		return c.Server.Manifest.Apps
	case c.Profile == Native:
		return suite.Native()
	}
	return nil
}

// Served is the Go engine as "benchctl serve" is asked for it, with the layers.
func (c Candidate) Served() string {
	name := c.Server.Name
	if c.Profile == Native {
		name += ":" + Native
	}
	if c.Layers != "" {
		name += "+" + c.Layers
	}
	return name
}
