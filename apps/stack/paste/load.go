package paste

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps/stack"
)

// Resolve reads the app of a name in a file, "main" if it is "", with all that it is made of. The
// globals are the caller's; they take precedence over the file's [DEFAULT], but not where
// the file refers to them. The warnings are there with an error too.
//
// Apps of a composite are not part of its Context: its factory asks for them.
func Resolve(file, name string, globals map[string]string) (*Context, []Warning, error) {
	r := &resolver{files: map[string]*ini{}, work: work{maxWork}}
	c, err := r.resolve(file, name, globals)
	return c, r.warnings, err
}

// maxContexts bounds what a file unfolds into.
const maxContexts = 10_000

// resolver holds what all files of one call of Resolve share.
type resolver struct {
	files    map[string]*ini
	work     work
	contexts int
	warnings warnings
}

func (r *resolver) resolve(file, name string, globals map[string]string) (*Context, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	l, err := r.open(filepath.ToSlash(path), file)
	if err != nil {
		return nil, unread(err)
	}
	given := newConf()
	for _, key := range sorted(globals) {
		given.put(key, &Value{Text: globals[key]})
	}
	if name == "" {
		name = "main"
	}
	l.defaults.fill(given)
	return l.context(Application, word{name, stack.Origin{File: l.file.shown, Line: 1, Column: 1}}, given, nil)
}

// open reads a file, once for all that refer to it. It is shown by the name given, or else by its own.
func (r *resolver) open(name, shown string) (*loader, error) {
	name = strip(name)
	path, err := filepath.Abs(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	file := r.files[name]
	if file == nil {
		if file, err = readFile(name, cmp.Or(shown, name)); err != nil {
			return nil, err
		}
		r.files[name] = file
	}
	return newLoader(r, file, filepath.ToSlash(path)), nil
}

// absolute matches what is a URI, and no name in the same file.
var absolute = regexp.MustCompile(`^[a-zA-Z]+:`)

// load resolves a URI: of a file, relative to a folder (which ends with "/"; "" is none), an egg or
// a function.
func (r *resolver) load(kind Kind, from word, folder string, globals *Conf, in *frame) (*Context, error) {
	uri, name, ok := strings.Cut(from.text, "#")
	if !ok {
		name = "main"
	}
	scheme, rest, _ := strings.Cut(uri, ":")
	switch strings.ToLower(scheme) {
	case "config":
		l, err := r.include(rest, from.at, folder)
		if err != nil {
			return nil, err
		}
		l.defaults.fill(globals)
		if err := r.work.do(perKey*len(l.defaults.keys), from.at); err != nil {
			return nil, err
		}
		return l.context(kind, word{name, from.at}, globals, in)
	case "egg":
		if absolute.MatchString(name) {
			return r.load(kind, word{name, from.at}, "", globals, in)
		}
		if rest == "" || name == "" {
			return nil, fault(from.at, "%s is not an egg, as \"egg:Name#entry\"", strconv.Quote(from.text))
		}
		return r.leaf(kind, "egg:"+rest+"#"+name, from, globals, in)
	case "call":
		if module, _, ok := strings.Cut(rest, ":"); !ok || module == "" || strings.Count(rest, ":") > 1 {
			return nil, fault(from.at, "%s is not a function, as \"call:module:function\"", strconv.Quote(from.text))
		}
		return r.leaf(kind, "call:"+rest, from, globals, in)
	}
	return nil, fault(from.at, "%s begins with an unknown scheme%s", strconv.Quote(from.text), hint(strings.ToLower(scheme), []string{"config", "egg", "call"}))
}

// include opens the file of a "config:" URI.
func (r *resolver) include(path string, at stack.Origin, folder string) (*loader, error) {
	isAbsolute := strings.HasPrefix(path, "/") || filepath.IsAbs(path)
	path = strings.ReplaceAll(path, `\`, "/")
	if !isAbsolute {
		if folder == "" {
			return nil, fault(at, "%s is relative to no file", strconv.Quote("config:"+path))
		}
		path = strings.ReplaceAll(folder, `\`, "/") + path
	}
	if strings.HasPrefix(path, "///") {
		path = path[2:]
	}
	l, err := r.open(unquote(path), "")
	var inside *Error
	if err == nil || errors.As(err, &inside) {
		return l, err
	}
	return nil, &Error{at, unread(err)}
}

// unread tells why a file can't be read.
func unread(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("can't read %s: %w", p.Path, p.Err)
	}
	return err
}

// leaf is the context of a factory.
func (r *resolver) leaf(kind Kind, factory string, from word, globals *Conf, in *frame) (*Context, error) {
	c := &Context{Kind: kind, Factory: factory, Global: globals, Local: newConf(), At: from.at, frame: in}
	if strings.HasPrefix(factory, "egg:") {
		c.Protocol = protocols(kind)[0]
		if composite(factory) != "" && kind == Application {
			c.Protocol = "paste.composite_factory"
		}
	}
	return c, r.made(from.at)
}

// made takes note of a context.
func (r *resolver) made(at stack.Origin) error {
	if r.contexts++; r.contexts > maxContexts {
		return fault(at, "the file unfolds into more than %d apps and filters", maxContexts)
	}
	return nil
}

// protocols are those of a factory in the place of an app or of a filter.
func protocols(kind Kind) []string {
	if kind == Filter {
		return []string{"paste.filter_factory", "paste.filter_app_factory"}
	}
	return []string{"paste.app_factory", "paste.composite_factory", "paste.composit_factory"}
}
