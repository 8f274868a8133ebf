package paste

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/benchctl/benchctl/apps/stack"
)

// Write writes a stack as a file whose app "main" Read makes the same stack of. It fails with a
// *stack.Error if a file can't say what is at a place: a name with "=" or ":", hosts without an app
// of their own, a text with a carriage return, or a part with fields that are no config.
func Write(w io.Writer, n stack.Node) error {
	e := &encoder{taken: map[string]bool{}}
	if _, err := e.node(n, "main", ""); err != nil {
		return err
	}
	var out bytes.Buffer
	if e.blank {
		fmt.Fprintf(&out, "[DEFAULT]\n# nothing, to keep space at the ends of lines\n%s =\n\n", blank)
	}
	for i, s := range e.sections {
		if i > 0 {
			out.WriteByte('\n')
		}
		out.WriteString(s.String())
	}
	_, err := w.Write(out.Bytes())
	return err
}

// blank is the name of a default of no text: beside "%(_)s" a value keeps the space that is
// stripped from its lines, and a line that is empty or looks like a comment stays one of it.
const blank = "_"

// encoder makes sections of nodes.
type encoder struct {
	sections []*strings.Builder
	taken    map[string]bool // names of sections
	blank    bool
}

func failed(at, format string, args ...any) error {
	return &stack.Error{Place: at, Err: fmt.Errorf(format, args...)}
}

// begin begins a section of a kind, whose name is wish or begins with it.
func (e *encoder) begin(kind, wish string) (*strings.Builder, string) {
	name := wish
	for i := 2; e.taken[name]; i++ {
		name = wish + "-" + strconv.Itoa(i)
	}
	e.taken[name] = true
	s := &strings.Builder{}
	fmt.Fprintf(s, "[%s:%s]\n", kind, name)
	e.sections = append(e.sections, s)
	return s, name
}

// node writes a node, and returns the name of its section.
func (e *encoder) node(n stack.Node, wish, at string) (string, error) {
	switch n := n.(type) {
	case stack.App:
		return e.app(n, wish, at)
	case stack.Pipeline:
		return e.pipeline(n, wish, at)
	case stack.Hosts:
		return e.hosts(n, wish, at)
	case stack.Paths:
		return e.paths(n, wish, at)
	case stack.Cascade:
		return e.cascade(n, wish, at)
	case stack.Front:
		return "", failed(at, "a front: Paste Deploy has no other processes; name what is behind it")
	}
	return "", failed(at, "no app, but %T", n)
}

func (e *encoder) app(n stack.App, wish, at string) (string, error) {
	if n.Source == nil {
		return "", failed(at, "no app")
	}
	about := n.About()
	if wish == "" {
		wish = "app-" + plain(about.Name)
	}
	return e.part("app", wish, n.Source, about.Name, at)
}

// unplain is what the names of sections do without.
var unplain = regexp.MustCompile(`[^A-Za-z0-9_.]+`)

func plain(name string) string { return unplain.ReplaceAllString(name, "-") }

// part writes a layer or source.
func (e *encoder) part(kind, wish string, part any, factory, at string) (string, error) {
	if factory == "" || absolute.MatchString(factory) {
		return "", failed(at, "%s is no name that a file can say", strconv.Quote(factory))
	}
	s, name := e.begin(kind, wish)
	uri, err := e.value("egg:benchctl#" + factory)
	if err != nil {
		return "", failed(at, "%w", err)
	}
	fmt.Fprintf(s, "use = %s\n", uri)
	again := reflect.Zero(reflect.TypeOf(part)).Interface()
	for _, f := range stack.Fields(part) {
		value := f.Value(part)
		if reflect.ValueOf(value).IsZero() {
			continue
		}
		text, err := e.field(f, value)
		if err == nil {
			err = sayable(f.Name)
		}
		if err != nil {
			return "", failed(below(at, f.Name), "%w", err)
		}
		writeKey(s, f.Name, text)
		again = f.With(again, value)
	}
	if !reflect.DeepEqual(again, part) {
		return "", failed(at, "%T has more than its config, which no file can say", part)
	}
	return name, nil
}

func writeKey(s *strings.Builder, key, value string) {
	if value != "" && value[0] != '\n' {
		value = " " + value
	}
	fmt.Fprintf(s, "%s =%s\n", key, value)
}

// field is a value as it is written: a list and a map have a line for each item.
func (e *encoder) field(f stack.Field, value any) (string, error) {
	text := f.Format(value)
	again, err := f.Parse(text)
	if err != nil {
		return "", err
	}
	want := reflect.ValueOf(value)
	if !reflect.DeepEqual(reflect.ValueOf(again).Convert(want.Type()).Interface(), value) {
		return "", fmt.Errorf("no text says %v: %s would be read as %v", value, strconv.Quote(abridged(text)), again)
	}
	switch v := value.(type) {
	case []string:
		text = "\n" + strings.Join(v, "\n")
	case map[string]string:
		text = "\n" + text
	}
	return e.value(text)
}

// reserved are keys that mean something in every section, or in every file.
var reserved = []string{"use", "filter-with", "require", "next", "pipeline", "here", "__file__", blank}

// sayable tells whether a text may be a key.
func sayable(key string) error {
	switch {
	case key == "" || strip(key) != key || strings.ContainsAny(key, "=:\r\n") || strings.ContainsAny(key[:1], "#;["):
		return fmt.Errorf("a key can't be written %s: it begins with none of #;[ and has no =, : or line break", strconv.Quote(key))
	case slices.Contains(reserved, key) || strings.HasPrefix(key, "set ") || strings.HasPrefix(key, "get ") || strings.HasPrefix(key, "paste."):
		return fmt.Errorf("the key %s has a meaning of its own", strconv.Quote(key))
	}
	return nil
}

// value writes a text so that it is read as it is.
func (e *encoder) value(text string) (string, error) {
	if strings.ContainsRune(text, '\r') || !utf8.ValidString(text) {
		return "", errors.New("a file can't say a text that is not UTF-8 or has a carriage return")
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		line = strings.ReplaceAll(line, "%", "%%")
		if i == 0 && line == "" {
			continue // what follows goes on with it
		}
		if line == "" || strings.ContainsAny(line[:1], "#;") || strings.TrimLeftFunc(line, isSpace) != line {
			line = e.kept() + line
		}
		if stripRight(line) != line {
			line += e.kept()
		}
		if i > 0 {
			line = "\t" + line
		}
		lines[i] = line
	}
	return strings.Join(lines, "\n"), nil
}

// kept refers to the default of no text.
func (e *encoder) kept() string {
	e.blank = true
	return "%(" + blank + ")s"
}

func (e *encoder) pipeline(n stack.Pipeline, wish, at string) (string, error) {
	s, name := e.begin("pipeline", or(wish, "pipeline"))
	var parts []string
	for i, l := range n.Layers {
		here := below(at, "layers["+strconv.Itoa(i)+"]")
		if l == nil {
			return "", failed(here, "no layer")
		}
		about := l.About()
		filter, err := e.part("filter", "filter-"+plain(about.Name), l, about.Name, here)
		if err != nil {
			return "", err
		}
		parts = append(parts, filter)
	}
	app, err := e.node(n.Node, "", below(at, "app"))
	if err != nil {
		return "", err
	}
	fmt.Fprintf(s, "pipeline = %s\n", strings.Join(append(parts, app), " "))
	return name, nil
}

func or(text, other string) string {
	if text != "" {
		return text
	}
	return other
}

func (e *encoder) hosts(n stack.Hosts, wish, at string) (string, error) {
	if len(n.Nodes) == 0 || len(n.Nodes) > maxMounts {
		return "", failed(at, "%d hosts; a file can say 1 to %d", len(n.Nodes), maxMounts)
	}
	s, name := e.begin("composite", or(wish, "hosts"))
	s.WriteString("use = egg:Paste#urlmap\n")
	seen := map[string]bool{}
	for _, h := range n.Nodes {
		here := below(at, "hosts["+strconv.Quote(h.Name)+"]")
		lower := strings.ToLower(h.Name)
		if lower == "" || seen[lower] {
			return "", failed(here, "no host name, or a second app for this host")
		}
		seen[lower] = true
		if err := e.mount(s, h.Name, "/", h.Node, here); err != nil {
			return "", err
		}
	}
	if n.Default != nil {
		return name, e.mount(s, "", "/", n.Default, below(at, "default"))
	}
	return name, nil
}

func (e *encoder) paths(n stack.Paths, wish, at string) (string, error) {
	if len(n.Nodes) > maxMounts {
		return "", failed(at, "more than %d paths", maxMounts)
	}
	s, name := e.begin("composite", or(wish, "paths"))
	s.WriteString("use = egg:Paste#urlmap\n")
	seen := map[string]bool{}
	for _, p := range n.Nodes {
		here := below(at, "paths["+strconv.Quote(p.Prefix)+"]")
		if seen[p.Prefix] {
			return "", failed(here, "a second app for this path")
		}
		seen[p.Prefix] = true
		if err := e.mount(s, "", p.Prefix, p.Node, here); err != nil {
			return "", err
		}
	}
	return name, nil
}

// mount writes an app of a urlmap to its section.
func (e *encoder) mount(s *strings.Builder, host, prefix string, n stack.Node, at string) error {
	key := prefix
	if host != "" {
		key = "domain " + host + " " + prefix
	}
	gotHost, gotPrefix, err := parseMount(key)
	if err == nil {
		err = sayable(key)
	}
	if err == nil && (gotHost != host || gotPrefix != prefix) {
		err = fmt.Errorf("%s is no host or no prefix", strconv.Quote(key))
	}
	if err != nil {
		return failed(at, "%w", err)
	}
	app, err := e.node(n, "", at)
	if err != nil {
		return err
	}
	fmt.Fprintf(s, "%s = %s\n", key, app)
	return nil
}

func (e *encoder) cascade(n stack.Cascade, wish, at string) (string, error) {
	s, name := e.begin("composite", or(wish, "cascade"))
	s.WriteString("use = egg:Paste#cascade\n")
	if len(n.Catch) > 0 {
		fmt.Fprintf(s, "catch = %s\n", strings.Trim(fmt.Sprint(n.Catch), "[]"))
	}
	digits := len(strconv.Itoa(len(n.Nodes)))
	for i, one := range n.Nodes {
		app, err := e.node(one, "", below(at, "cascade["+strconv.Itoa(i)+"]"))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(s, "app%0*d = %s\n", digits, i+1, app)
	}
	return name, nil
}
