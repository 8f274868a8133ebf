package format

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/internal/nearest"
)

// Form is a way to write stacks.
type Form string

// The forms.
const (
	YAML Form = "yaml"
	TOML Form = "toml"
	JSON Form = "json"
	Go   Form = "go"
)

// Forms are all forms, by the names that files end with; YAML's may end with ".yml" too.
func Forms() []Form { return []Form{YAML, TOML, JSON, Go} }

// FormOf is the form of a file by its name.
func FormOf(path string) (Form, error) {
	ext := strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), ".")
	if ext == "yml" {
		return YAML, nil
	}
	if slices.Contains(Forms(), Form(ext)) {
		return Form(ext), nil
	}
	return "", fmt.Errorf("%s: no form of a stack by its name, which ends with .yaml, .yml, .toml, .json or .go", path)
}

// Document is the stacks of a file.
type Document struct {
	Stacks []Stack // in the order of the file
}

// Stack is a stack with a name.
type Stack struct {
	Name    string
	Node    stack.Node
	Origins stack.Origins // nil where it comes from no file
}

// Main is the name of the stack that is meant where none is named.
const Main = "main"

// Stack is the one of a name; "" is Main, or the only one there is. The error names the nearest.
func (d *Document) Stack(name string) (Stack, error) {
	if name == "" {
		if name = Main; len(d.Stacks) == 1 {
			return d.Stacks[0], nil
		}
	}
	var names []string
	for _, s := range d.Stacks {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Stack{}, fmt.Errorf("no stack %q%s", name, nearest.Hint(name, names))
}

// Error is a fault of a file.
type Error struct {
	Origin stack.Origin
	Place  string // as of stack.Error; "" at the root of a stack and where there is none
	Err    error
}

// Error is "file:line:column: place: cause".
func (e *Error) Error() string {
	if e.Place == "" {
		return e.Origin.String() + ": " + e.Err.Error()
	}
	return e.Origin.String() + ": " + e.Place + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Limits of a document.
const (
	maxSize   = 256 << 10 // bytes
	maxDepth  = 100       // values within values
	maxValues = 10000
)

// Read reads the stacks of a file, in the form that its name ends with. Its error joins an *Error
// for each fault that it finds.
func Read(path string, catalog stack.Catalog) (*Document, error) {
	form, err := FormOf(path)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, err
	}
	return Parse(path, form, data, catalog)
}

// Parse is Read of what a file holds.
func Parse(file string, form Form, data []byte, catalog stack.Catalog) (*Document, error) {
	d := &decoder{file: file, catalog: catalog}
	root, err := read(form, data, catalog)
	if err != nil {
		d.faults(err)
		return nil, d.joined()
	}
	return d.document(root), d.joined()
}

// read makes the tree of a document. Its error joins faults.
func read(form Form, data []byte, catalog stack.Catalog) (*value, error) {
	if len(data) > maxSize {
		return nil, faultf(start, "more than %d KiB", maxSize>>10)
	}
	data = []byte(strings.TrimPrefix(string(data), "\ufeff"))
	if i := invalid(data); i >= 0 {
		return nil, faultf((&ruler{data: data}).at(i), "no UTF-8")
	}
	switch form {
	case YAML:
		return readYAML(data)
	case TOML:
		return readTOML(data)
	case JSON:
		return readJSON(data)
	case Go:
		return readGo(data, catalog)
	}
	return nil, faultf(start, "no form %q", form)
}

// invalid is where the first byte stands that is not UTF-8; -1 if there is none.
func invalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// Write writes stacks in a form. It fails if they hold what no file can: parts that are missing,
// values beside the fields of config, text that is not UTF-8.
func Write(w io.Writer, form Form, doc *Document) error {
	text, err := write(form, doc)
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}

func write(form Form, doc *Document) ([]byte, error) {
	e := &encoder{tables: form == TOML}
	root := e.document(doc)
	if len(e.errs) > 0 {
		return nil, errors.Join(e.errs...)
	}
	switch form {
	case YAML:
		return writeYAML(root), nil
	case TOML:
		return writeTOML(root), nil
	case JSON:
		return writeJSON(root), nil
	case Go:
		return writeGo(doc)
	}
	return nil, fmt.Errorf("no form %q of a stack", form)
}

// Locate gives each stack.Error in what stack.Build returned the origin of its place, or of the
// nearest one around it that has an origin.
func (s Stack) Locate(err error) error {
	var all []error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			all = append(all, s.Locate(one))
		}
		return errors.Join(all...)
	}
	var fault *stack.Error
	if !errors.As(err, &fault) {
		return err
	}
	if origin, ok := s.Origin(fault.Place); ok {
		return &Error{origin, fault.Place, fault.Err}
	}
	return err
}

// Origin is where the value at a place stands, or what is nearest around it.
func (s Stack) Origin(at string) (stack.Origin, bool) {
	best, found := "", false
	for known := range s.Origins {
		if (!found || len(known) > len(best)) && place(known).holds(at) {
			best, found = known, true
		}
	}
	return s.Origins[best], found
}
