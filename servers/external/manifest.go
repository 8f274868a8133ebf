// Package external describes servers that are not part of benchctl by manifests:
// strict YAML files that say how to start such a server, what it requires, when
// it is ready and how to talk to it.
//
// A minimal manifest:
//
//	name: demo
//	class: baseline
//	doc: a server for demonstration
//	command: [demo-server, --listen, "{{.Host}}:{{.Port}}"]
//
// Texts of command, env, files, profiles and control are templates (text/template)
// with the fields of Launch; of the actions there are fields, if, else, and, or,
// not and comparisons. An argument that is a template and comes out empty is left
// out. No shell is ever involved.
package external

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/benchctl/benchctl/apps/wsgi"
	"github.com/benchctl/benchctl/internal/nearest"
	"github.com/benchctl/benchctl/servers/control"
)

// Manifest describes one external server. Texts are unexpanded templates.
type Manifest struct {
	File     string // it was read from
	Name     string // "gunicorn-gthread"
	Class    string // one of Classes
	Doc      string // one line
	Home     string // URL of the project
	Argv     []string
	Env      map[string]string
	Files    map[string]string // slash-separated path below the launch's directory -> content
	Profiles map[string]Profile
	Requires []Requirement
	Probe    []string // argv that prints the version; empty: none is known
	Ready    Ready
	Control  map[control.Verb]control.Declared
	Offers   map[control.Facility]control.Offer
	Twins    string   // TwinsWSGI, TwinsASGI or ""
	Static   string   // directory below the launch's for the files of the static apps; "": they aren't written
	Apps     []string // that the server carries; empty: all
	Broken   Broken   // what a reload may find; zero: that of the twins
	Root     string   // why it has to run as root; "": it has not to
}

// Classes are the kinds of servers that are compared with each other.
func Classes() []string { return []string{"wsgi", "asgi", "baseline", "engine", "stripped"} }

// Twins have the Python twins of the test apps written into the launch's directory
// before the server starts there.
const (
	TwinsWSGI = "wsgi" // it serves app:application
	TwinsASGI = "asgi" // it serves asgi:application
)

// Default is the profile with the vendor's settings. Every manifest has it.
const Default = "default"

// Profile is a documented change of the vendor's settings.
type Profile struct {
	Doc  string
	Argv []string          // instead of the manifest's, if not empty
	Args []string          // added at the end
	Env  map[string]string // added
	// Control is how verbs reach the server where that is another way than the manifest's,
	// and verbs that the server has by this profile alone.
	Control map[control.Verb]control.Declared
	// Offers are facilities in another way than the manifest's, and those of this profile alone.
	Offers map[control.Facility]control.Offer
}

// Requirement is something that must be installed; one of Command, Python and
// File is set.
type Requirement struct {
	Command string // program in PATH, or a path
	Python  string // module of Python
	File    string // path
	Install string // command that installs it
}

// String names what is required: `command "gunicorn"`.
func (r Requirement) String() string {
	switch {
	case r.Python != "":
		return fmt.Sprintf("python module %q", r.Python)
	case r.File != "":
		return fmt.Sprintf("file %q", r.File)
	}
	return fmt.Sprintf("command %q", r.Command)
}

// Ready tells how to see that the server serves.
type Ready struct {
	Path    string        // asked until it is answered well; "": that of an app
	Timeout time.Duration // from start to ready
}

// Broken is how something is made wrong that the server reads at a reload.
type Broken struct {
	File    string // slash-separated path below the launch's directory; "": there is no such file
	Content string // that it has when it is broken
}

// brokenTwin is an app that can't be loaded: most servers in Python read it anew to reload.
func brokenTwin(twins string) Broken {
	file := wsgi.Name
	if twins == TwinsASGI {
		file = wsgi.ASGIName
	}
	return Broken{File: file, Content: "raise ImportError(\"this app is broken\")\n"}
}

// Breaks is what a reload of the server reads and how that is made wrong.
func (m Manifest) Breaks() Broken {
	if m.Broken.File == "" && m.Twins != "" {
		return brokenTwin(m.Twins)
	}
	return m.Broken
}

// Carries tells whether the server serves an app.
func (m Manifest) Carries(app string) bool {
	if app == wsgi.Validate {
		return m.Twins == TwinsWSGI
	}
	return len(m.Apps) == 0 || slices.Contains(m.Apps, app)
}

// twins are the files of the Python twins, by their paths.
func (m Manifest) twins() map[string][]byte {
	if m.Twins == "" {
		return nil
	}
	return wsgi.Files()
}

// ProfileNames are the manifest's profiles, Default first.
func (m Manifest) ProfileNames() []string {
	out := []string{Default}
	for name := range m.Profiles {
		if name != Default {
			out = append(out, name)
		}
	}
	slices.Sort(out[1:])
	return out
}

// Verbs are those that can be asked of the server when it is started by a profile.
func (m Manifest) Verbs(profile string) map[control.Verb]control.Declared {
	all := map[control.Verb]control.Declared{}
	maps.Copy(all, m.Control)
	maps.Copy(all, m.Profiles[profile].Control)
	return all
}

// Facilities are those that the server offers when it is started by a profile.
func (m Manifest) Facilities(profile string) map[control.Facility]control.Offer {
	all := map[control.Facility]control.Offer{}
	maps.Copy(all, m.Offers)
	maps.Copy(all, m.Profiles[profile].Offers)
	return all
}

// profile finds a profile; "" is Default.
func (m Manifest) profile(name string) (Profile, error) {
	if name == "" {
		name = Default
	}
	if p, ok := m.Profiles[name]; ok || name == Default {
		return p, nil
	}
	return Profile{}, fmt.Errorf("server %s: unknown profile %q%s", m.Name, name, nearest.Hint(name, m.ProfileNames()))
}
