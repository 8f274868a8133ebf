package external

import (
	"errors"
	"maps"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/internal/nearest"
	"github.com/benchctl/benchctl/internal/strict"
	"github.com/benchctl/benchctl/servers/control"
)

// DefaultReadyTimeout bounds the time from start to ready of a server whose manifest does not say. It
// is for servers that hang, on a busy machine too: what ends, or answers wrongly, fails at once.
const DefaultReadyTimeout = time.Minute

// Read reads a manifest. File is its name, for errors. Every template is tried.
func Read(file string, data []byte) (Manifest, error) {
	m := Manifest{File: file, Ready: Ready{Timeout: DefaultReadyTimeout}, Control: control.StopVerbs()}
	doc, err := strict.Parse(file, data)
	if err != nil {
		return m, err
	}
	err = doc.Fields(strict.Fields{
		"name":     strict.Name(&m.Name),
		"class":    strict.OneOf(&m.Class, Classes()...),
		"doc":      strict.Line(&m.Doc),
		"home":     link(&m.Home),
		"command":  argv(&m.Argv),
		"env":      environ(&m.Env),
		"files":    contents(&m.Files),
		"profiles": profiles(&m.Profiles),
		"requires": requirements(&m.Requires),
		"version":  argv(&m.Probe),
		"ready":    ready(&m.Ready),
		"control":  verbs(&m.Control),
		"offers":   offers(&m.Offers),
		"twins":    strict.OneOf(&m.Twins, TwinsWSGI, TwinsASGI),
		"static":   directory(&m.Static),
		"apps":     carried(&m.Apps),
		"break":    broken(&m.Broken),
		"root":     strict.Line(&m.Root),
	}, "name", "class", "doc", "command")
	if err != nil {
		return m, err
	}
	for twin := range m.twins() {
		for name := twin; name != "."; name = path.Dir(name) {
			if _, taken := m.Files[name]; taken {
				return m, doc.Errorf("files: %s is already written by twins", name)
			}
		}
	}
	written := slices.Sorted(maps.Keys(m.Files))
	written = slices.AppendSeq(written, maps.Keys(m.twins()))
	if name := m.Broken.File; name != "" && !slices.Contains(written, name) {
		return m, doc.Errorf("break: %s is written neither by files nor by twins%s", name, nearest.Hint(name, written))
	}
	return m, nil
}

// broken takes which file is made wrong, and how.
func broken(b *Broken) func(strict.Node) error {
	return func(n strict.Node) error {
		return n.Fields(strict.Fields{
			"file": directory(&b.File),
			"content": func(n strict.Node) (err error) {
				b.Content, err = n.Text()
				return err
			},
		}, "file", "content")
	}
}

// carried takes a list of apps by their names.
func carried(list *[]string) func(strict.Node) error {
	return func(n strict.Node) error {
		*list = nil
		err := n.Items(func(item strict.Node) error {
			var name string
			if err := strict.OneOf(&name, suite.Names()...)(item); err != nil {
				return err
			}
			*list = append(*list, name)
			return nil
		})
		if err == nil && len(*list) == 0 {
			err = n.Errorf("at least one app is needed")
		}
		return err
	}
}

// directory takes a path below the launch's directory, or that itself, ".".
func directory(s *string) func(strict.Node) error {
	return func(n strict.Node) error {
		if err := strict.Line(s)(n); err != nil {
			return err
		}
		if !isBelow(*s) && *s != "." {
			return n.Errorf("%q is not a path below the launch's directory", *s)
		}
		return nil
	}
}

// isBelow tells whether a path is a clean one below the directory it is taken from.
func isBelow(name string) bool {
	return filepath.IsLocal(name) && path.Clean(name) == name && name != "." && !strings.ContainsAny(name, "\\\x00")
}

// link takes a URL.
func link(s *string) func(strict.Node) error {
	return func(n strict.Node) error {
		if err := strict.Line(s)(n); err != nil {
			return err
		}
		u, err := url.Parse(*s)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return n.Errorf("%q is not a URL with http or https", *s)
		}
		return nil
	}
}

// template takes a text that is a template into s.
func template(s *string) func(strict.Node) error {
	return func(n strict.Node) (err error) {
		if *s, err = n.Text(); err != nil {
			return err
		}
		var wrong *templateError
		switch _, err = expand(*s, sample()); {
		case errors.As(err, &wrong):
			return n.ErrorAt(wrong.below, "template: %s", wrong.cause)
		case strings.ContainsRune(*s, 0):
			return n.Errorf("contains a zero byte")
		}
		return err
	}
}

// argv takes a program and its arguments.
func argv(list *[]string) func(strict.Node) error {
	return func(n strict.Node) error {
		if err := arguments(list)(n); err != nil {
			return err
		}
		if len(*list) == 0 || (*list)[0] == "" {
			return n.Errorf("a program is needed")
		}
		return nil
	}
}

func arguments(list *[]string) func(strict.Node) error {
	return func(n strict.Node) error {
		*list = nil
		return n.Items(func(item strict.Node) error {
			var s string
			err := template(&s)(item)
			*list = append(*list, s)
			return err
		})
	}
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func environ(env *map[string]string) func(strict.Node) error {
	return func(n strict.Node) error {
		*env = map[string]string{}
		return n.Pairs(func(key string, value strict.Node) error {
			if !variable.MatchString(key) {
				return value.Errorf("%q is not the name of an environment variable", key)
			}
			var s string
			err := template(&s)(value)
			(*env)[key] = s
			return err
		})
	}
}

func contents(files *map[string]string) func(strict.Node) error {
	return func(n strict.Node) error {
		*files = map[string]string{}
		return n.Pairs(func(key string, value strict.Node) error {
			if !isBelow(key) {
				return value.Errorf("%q is not a path below the launch's directory", key)
			}
			for other := range *files {
				if strings.HasPrefix(other, key+"/") || strings.HasPrefix(key, other+"/") {
					return value.Errorf("%q is a directory for one file and a file itself", min(key, other))
				}
			}
			var s string
			err := template(&s)(value)
			(*files)[key] = s
			return err
		})
	}
}

func profiles(all *map[string]Profile) func(strict.Node) error {
	return func(n strict.Node) error {
		*all = map[string]Profile{}
		return n.Pairs(func(key string, value strict.Node) error {
			if !strict.IsName(key) {
				return value.Errorf("%q is not a name for a profile", key)
			}
			var p Profile
			err := value.Fields(strict.Fields{
				"doc":     strict.Line(&p.Doc),
				"command": argv(&p.Argv),
				"args":    arguments(&p.Args),
				"env":     environ(&p.Env),
				"control": verbs(&p.Control),
				"offers":  offers(&p.Offers),
			}, "doc")
			(*all)[key] = p
			return err
		})
	}
}

func requirements(list *[]Requirement) func(strict.Node) error {
	return func(n strict.Node) error {
		*list = nil
		return n.Items(func(item strict.Node) error {
			var r Requirement
			err := item.Fields(strict.Fields{
				"command": strict.Line(&r.Command),
				"python":  strict.Line(&r.Python),
				"file":    strict.Line(&r.File),
				"install": strict.Line(&r.Install),
			})
			if err == nil && set(r.Command)+set(r.Python)+set(r.File) != 1 {
				err = item.Errorf("one of command, python and file is needed")
			}
			*list = append(*list, r)
			return err
		})
	}
}

func set(s string) int {
	if s == "" {
		return 0
	}
	return 1
}

func ready(r *Ready) func(strict.Node) error {
	return func(n strict.Node) error {
		return n.Fields(strict.Fields{
			"path": func(n strict.Node) error {
				if err := strict.Line(&r.Path)(n); err != nil {
					return err
				}
				if !strings.HasPrefix(r.Path, "/") {
					return n.Errorf(`%q does not begin with "/"`, r.Path)
				}
				return nil
			},
			"timeout": strict.Duration(&r.Timeout, time.Millisecond, 10*time.Minute),
		})
	}
}

// verbs takes how each verb reaches the server, over what is known already.
func verbs(all *map[control.Verb]control.Declared) func(strict.Node) error {
	return func(n strict.Node) error {
		if *all == nil {
			*all = map[control.Verb]control.Declared{}
		}
		fields := strict.Fields{}
		for _, verb := range control.Verbs {
			fields[string(verb)] = func(n strict.Node) error {
				d, err := declared(n)
				(*all)[verb] = d
				return err
			}
		}
		return n.Fields(fields)
	}
}

// offers takes how the server is started with each facility that it has.
func offers(all *map[control.Facility]control.Offer) func(strict.Node) error {
	return func(n strict.Node) error {
		*all = map[control.Facility]control.Offer{}
		fields := strict.Fields{}
		for _, facility := range control.Facilities {
			fields[string(facility)] = func(n strict.Node) error {
				var o control.Offer
				err := n.Fields(strict.Fields{
					"command": argv(&o.Argv),
					"args":    arguments(&o.Args),
					"promise": strict.Line(&o.Promise),
					"source":  link(&o.Source),
				}, "promise", "source")
				(*all)[facility] = o
				return err
			}
		}
		return n.Fields(fields)
	}
}

// declared takes a signal's name or a command, or a mapping that also has what the vendor
// documents.
func declared(n strict.Node) (d control.Declared, err error) {
	if !n.IsMapping() {
		return d, action(&d.Action)(n)
	}
	err = n.Fields(strict.Fields{
		"signal":  signal(&d.Signal),
		"command": argv(&d.Argv),
		"promise": strict.Line(&d.Promise),
		"source":  link(&d.Source),
	})
	switch {
	case err != nil:
	case (d.Signal == 0) == (len(d.Argv) == 0):
		err = n.Errorf("one of signal and command is needed")
	case (d.Promise == "") != (d.Source == ""):
		err = n.Errorf("promise and source are needed together")
	}
	return d, err
}

// action takes a signal's name, or a command.
func action(a *control.Action) func(strict.Node) error {
	return func(n strict.Node) error {
		if _, err := n.Text(); err != nil {
			return argv(&a.Argv)(n)
		}
		return signal(&a.Signal)(n)
	}
}

func signal(s *syscall.Signal) func(strict.Node) error {
	return func(n strict.Node) error {
		name, err := n.Text()
		if err != nil {
			return err
		}
		if *s, err = control.ParseSignal(name); err != nil {
			return n.Errorf("%w%s", err, nearest.Hint(name, control.SignalNames()))
		}
		return nil
	}
}
