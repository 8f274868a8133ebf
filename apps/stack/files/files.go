// Package files reads stacks from files of every form, by their names, and writes them: those of
// package format, and the INI of Paste Deploy.
package files

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/format"
	"github.com/benchctl/benchctl/apps/stack/paste"
)

// INI is the form of Paste Deploy.
const INI = "ini"

// Forms are the names of all forms. A file's name ends with that of its form; YAML's may end with
// ".yml" too.
func Forms() []string {
	var names []string
	for _, f := range format.Forms() {
		names = append(names, string(f))
	}
	return append(names, INI)
}

// File is what was read from a file.
type File struct {
	Path     string
	Stacks   *format.Document
	Warnings []string // "file:line:column: text", where Paste Deploy does what is hardly meant
}

// Read reads FILE or FILE#NAME: the stack of that name, or else all stacks of the file, of which
// an INI file has one: "main". The error joins one for each fault, with file, line and column.
func Read(arg string, catalog stack.Catalog) (*File, error) {
	path, name, named := strings.Cut(arg, "#")
	if strings.EqualFold(filepath.Ext(path), "."+INI) {
		return readINI(path, name, catalog)
	}
	if _, err := format.FormOf(path); err != nil {
		return nil, fmt.Errorf("%w, or .%s", err, INI)
	}
	doc, err := format.Read(path, catalog)
	if err != nil {
		return nil, err
	}
	if named {
		s, err := doc.Stack(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		doc = &format.Document{Stacks: []format.Stack{s}}
	}
	return &File{Path: path, Stacks: doc}, nil
}

func readINI(path, name string, catalog stack.Catalog) (*File, error) {
	if name == "" {
		name = format.Main
	}
	node, origins, warnings, err := paste.Read(path, name, catalog)
	if err != nil {
		return nil, err
	}
	f := &File{Path: path, Stacks: &format.Document{Stacks: []format.Stack{{Name: name, Node: node, Origins: origins}}}}
	for _, w := range warnings {
		f.Warnings = append(f.Warnings, w.String())
	}
	return f, nil
}

// Stack is the one that the file was read for: the one named, or "main", or the only one.
func (f *File) Stack() (format.Stack, error) {
	s, err := f.Stacks.Stack("")
	if err != nil {
		err = fmt.Errorf("%s: %w", f.Path, err)
	}
	return s, err
}

// Write writes stacks in the form of a name. INI has one stack alone.
func Write(w io.Writer, form string, stacks *format.Document) error {
	if form != INI {
		return format.Write(w, format.Form(form), stacks)
	}
	if n := len(stacks.Stacks); n != 1 {
		return fmt.Errorf("%d stacks: an INI file has one; name it with #", n)
	}
	return paste.Write(w, stacks.Stacks[0].Node)
}
