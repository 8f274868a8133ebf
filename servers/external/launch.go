package external

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/apps/wsgi"
	"github.com/benchctl/benchctl/servers/control"
)

// Launch is what the templates of a manifest are filled in with.
type Launch struct {
	Host    string // to listen on; "": 127.0.0.1
	IPv6    bool   // Host is such an address; filled in
	Port    int    // to listen on
	Address string // host:port, an IPv6 address in brackets; filled in
	Dir     string // exists, private to the launch, the working directory
	Workers int    // processes; 0: 1
	Threads int    // in each process; 0: 1
	Pool    int    // threads of a server that has but one process: Workers times Threads
	User    string // that the server runs as; "": this process's own
	App     string // mounted alone; "": the whole suite
	Profile string // "": Default
	IDs     string // file for the ids of requests to the app "ident"; filled in relative to Dir where it is below that; "": none

	// Stack is what a server that serves the twins by WSGI serves instead of the suite, as
	// wsgi.StackEnv has it; "": none. Mounts are stacks beside the suite, by their paths.
	Stack  string
	Mounts map[string]string

	Use     []control.Facility // of those that the manifest offers
	Daemon  bool               // it becomes one; filled in
	Sockets bool               // it inherits them; filled in
	Pidfile string             // with control.Pidfile: its path; else ""
	Group   string             // with control.OtherUser: that it runs as, beside User; else ""
}

// sample is the Launch that templates are tried with.
func sample() Launch {
	return Launch{Host: "127.0.0.1", Port: 8080, Address: "127.0.0.1:8080", Dir: "/launch", Workers: 1, Threads: 1, Pool: 1, User: "nobody", App: "hello", Profile: Default, IDs: "ids"}
}

// Command writes the files of a launch into its directory and says how to start
// the server there.
func (m Manifest) Command(l Launch) (control.Command, error) {
	c := control.Command{Dir: l.Dir}
	p, err := m.profile(l.Profile)
	if err != nil {
		return c, err
	}
	l.Host, l.Profile = cmp.Or(l.Host, "127.0.0.1"), cmp.Or(l.Profile, Default)
	l.Workers, l.Threads = cmp.Or(l.Workers, 1), cmp.Or(l.Threads, 1)
	l.Pool, l.User, l.Address = l.Workers*l.Threads, cmp.Or(l.User, control.OwnName()), net.JoinHostPort(l.Host, strconv.Itoa(l.Port))
	l.IPv6 = strings.Contains(l.Host, ":")
	l.Daemon, l.Sockets = slices.Contains(l.Use, control.Background), slices.Contains(l.Use, control.Sockets)
	if below, err := filepath.Rel(l.Dir, l.IDs); l.IDs != "" && err == nil && filepath.IsLocal(below) {
		l.IDs = below
	}
	if l.Port < 1 || l.Port > 65535 {
		return c, fmt.Errorf("launch %s: no port %d", m.Name, l.Port)
	}
	if (l.Stack != "" || len(l.Mounts) > 0) && m.Twins != TwinsWSGI {
		return c, fmt.Errorf("launch %s: %w", m.Name, ErrNoStacks)
	}
	if err := m.fill(&c, p, l); err != nil {
		return c, fmt.Errorf("launch %s: %s: %w", m.Name, m.File, err)
	}
	if err := m.write(l); err != nil {
		return c, fmt.Errorf("launch %s: %w", m.Name, err)
	}
	return c, nil
}

func (m Manifest) fill(c *control.Command, p Profile, l Launch) (err error) {
	args, more := m.Argv, p.Args
	if len(p.Argv) > 0 {
		args = p.Argv
	}
	offers := m.Facilities(l.Profile)
	for _, facility := range slices.Backward(l.Use) { // the first one's command counts
		offer, offered := offers[facility]
		if !offered {
			return fmt.Errorf("%s is not offered", facility)
		}
		if len(offer.Argv) > 0 {
			args = offer.Argv
		}
		more = slices.Concat(more, offer.Args)
	}
	program, err := complete(args[0], l)
	if err == nil && program == "" {
		err = errors.New("command: no program is left of it")
	}
	if err != nil {
		return err
	}
	if c.Argv, err = expandArgs(slices.Concat(args, more), l); err != nil {
		return err
	}
	if c.Env, err = m.environ(p, l); err != nil {
		return err
	}
	c.Verbs = map[control.Verb]control.Action{}
	for verb, declared := range m.Verbs(l.Profile) {
		a := declared.Action
		if a.Argv, err = expandArgs(a.Argv, l); err != nil {
			return err
		}
		c.Verbs[verb] = a
	}
	return nil
}

// Program is what the server is started with by a profile, if no template is to tell.
func (m Manifest) Program(profile string) string {
	if own := m.Profiles[profile].Argv; len(own) > 0 {
		return own[0]
	}
	return m.Argv[0]
}

// complete fills in a template and looks at what came out.
func complete(text string, l Launch) (string, error) {
	s, err := expand(text, l)
	if err != nil {
		return "", err
	}
	return s, socketsFit(s, l.Dir)
}

// expandArgs leaves out the arguments that a template made empty.
func expandArgs(args []string, l Launch) ([]string, error) {
	var out []string
	for _, a := range args {
		s, err := complete(a, l)
		if err != nil {
			return nil, err
		}
		if s != "" || a == "" {
			out = append(out, s)
		}
	}
	return out, nil
}

// environ is the manifest's variables, the profile's over them, sorted.
func (m Manifest) environ(p Profile, l Launch) ([]string, error) {
	all := map[string]string{}
	if m.Twins != "" {
		all[wsgi.AppEnv] = "{{.App}}"
	}
	for _, env := range []map[string]string{m.Env, p.Env} {
		for key, value := range env {
			all[key] = value
		}
	}
	var out []string
	for key, value := range all {
		s, err := complete(value, l)
		if err != nil {
			return nil, err
		}
		out = append(out, key+"="+s)
	}
	out = append(out, l.stacks()...)
	slices.Sort(out)
	return out, nil
}

// stacks are the variables by which the twins find the stacks that they serve.
func (l Launch) stacks() (out []string) {
	if l.Stack != "" {
		out = append(out, wsgi.StackEnv+"="+l.Stack)
	}
	var lines []string
	for path, stack := range l.Mounts {
		lines = append(lines, path+" "+stack)
	}
	if len(lines) > 0 {
		slices.Sort(lines)
		out = append(out, wsgi.MountsEnv+"="+strings.Join(lines, "\n"))
	}
	return out
}

// write puts the manifest's files into the launch's directory, and nowhere else.
func (m Manifest) write(l Launch) error {
	root, err := os.OpenRoot(l.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if os.Geteuid() == 0 && (l.User == control.OwnName() || l.Group != "") {
		if err := share(root); err != nil {
			return err
		}
	}
	if m.Twins != "" {
		if err := writeStatic(root, "."); err != nil {
			return err
		}
	}
	for name, module := range m.twins() {
		if err := writeFile(root, name, module); err != nil {
			return err
		}
	}
	if m.Static != "" {
		if err := writeStatic(root, m.Static); err != nil {
			return err
		}
	}
	for name, text := range m.Files {
		content, err := complete(text, l)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", m.File, name, err)
		}
		if err := writeFile(root, name, []byte(content)); err != nil {
			return err
		}
	}
	return nil
}

// writeFile writes a file below root, and makes the directories that it is in.
func writeFile(root *os.Root, name string, content []byte) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	return root.WriteFile(name, content, 0o644)
}

// share lets servers that give up root's rights read what is in the directory, and
// make temporary files there, as in the system's directory for those.
func share(root *os.Root) error {
	return root.Chmod(".", 0o777|os.ModeSticky)
}

// writeStatic puts the files of the static apps into a directory below root.
func writeStatic(root *os.Root, dir string) error {
	for name, content := range suite.StaticFiles() {
		if err := writeFile(root, path.Join(dir, name), content); err != nil {
			return err
		}
	}
	return nil
}
