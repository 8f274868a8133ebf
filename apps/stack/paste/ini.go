package paste

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/benchctl/benchctl/apps/stack"
)

// Error is a fault of a file at a place in it.
type Error struct {
	At  stack.Origin
	Err error
}

func (e *Error) Error() string { return e.At.String() + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

func fault(at stack.Origin, format string, args ...any) error {
	return &Error{at, fmt.Errorf(format, args...)}
}

// maxFile bounds the files that are read, in bytes.
const maxFile = 1 << 20

// defaultSection is the section whose keys all others have.
const defaultSection = "DEFAULT"

// ini is an INI file as configparser.ConfigParser reads it when keys keep their case. No value is
// interpolated.
type ini struct {
	name     string // as a reference to it has it
	shown    string // in origins and errors
	defaults *Conf
	sections []*section
	named    map[string]*section
	index    map[string][]*section // by "prefix:name", without the space around the name
}

type section struct {
	name string
	at   stack.Origin
	*Conf
}

// readFile reads a regular file.
func readFile(name, shown string) (*ini, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s is larger than 1 MiB", name)
	}
	file, err := parse(shown, string(text))
	if err != nil {
		return nil, err
	}
	file.name = name
	return file, nil
}

// parse reads the text of a file.
func parse(shown, text string) (*ini, error) {
	p := &parser{file: &ini{shown: shown, defaults: newConf(), named: map[string]*section{}, index: map[string][]*section{}}}
	for text != "" {
		line, rest := cutLine(text)
		text = rest
		p.number++
		if err := p.line(line); err != nil {
			return nil, err
		}
	}
	p.endValue()
	return p.file, nil
}

// parser is on its way through a file, line by line.
type parser struct {
	file    *ini
	number  int // of the line
	indent  int // of the last line that was no continuation
	section *section
	value   *Value // whose lines may go on; nil after a section's header
	lines   []string
	said    bool // some line says something
}

func (p *parser) at(column int) stack.Origin {
	return stack.Origin{File: p.file.shown, Line: p.number, Column: column}
}

func (p *parser) line(line string) error {
	if !utf8.ValidString(line) {
		return fault(p.at(1+columns(line[:invalid(line)])), "not UTF-8")
	}
	bare := strings.TrimLeftFunc(line, isSpace)
	indent := columns(line[:len(line)-len(bare)])
	bare = stripRight(bare)
	switch {
	case bare == "":
		p.extend("", 1)
		return nil
	case bare[0] == '#' || bare[0] == ';':
		return nil
	case p.value != nil && indent > p.indent:
		p.extend(bare, indent+1)
		return nil
	}
	p.endValue()
	p.indent = indent
	if end := strings.LastIndexByte(bare, ']'); bare[0] == '[' && end >= 2 {
		return p.header(bare[1:end])
	}
	return p.option(bare)
}

// invalid is where the first byte stands that is not UTF-8.
func invalid(s string) int {
	for i, r := range s {
		if r != utf8.RuneError {
			continue
		}
		if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
			return i
		}
	}
	return len(s)
}

// header begins a section. What follows its "]" counts for nothing, as in configparser.
func (p *parser) header(name string) error {
	at := p.at(p.indent + 1)
	if first := p.file.named[name]; first != nil {
		return fault(at, "section [%s] is there already, in line %d", name, first.at.Line)
	}
	p.section = &section{name, at, newConf()}
	if name == defaultSection {
		p.section.Conf = p.file.defaults
		return nil
	}
	p.file.sections = append(p.file.sections, p.section)
	p.file.named[name] = p.section
	if prefix, rest, ok := strings.Cut(name, ":"); ok {
		key := prefix + ":" + strip(rest)
		p.file.index[key] = append(p.file.index[key], p.section)
	}
	return nil
}

// option begins a key with its value.
func (p *parser) option(bare string) error {
	at := p.at(p.indent + 1)
	if p.section == nil {
		if strings.HasPrefix(bare, "\ufeff") {
			return fault(at, "the file begins with a byte order mark; save it as UTF-8 without one")
		}
		return fault(at, "%s stands before the first section", strconv.Quote(abridged(bare)))
	}
	delimiter := strings.IndexAny(bare, "=:")
	if delimiter < 0 {
		return fault(at, "%s is neither a section, nor a key with a value, nor indented to continue one", strconv.Quote(abridged(bare)))
	}
	key := stripRight(bare[:delimiter])
	if key == "" {
		return fault(at, "a value without a key")
	}
	if first, ok := p.section.Get(key); ok {
		return fault(at, "key %s is there already in [%s], in line %d", strconv.Quote(key), p.section.name, first.Key.Line)
	}
	text := strings.TrimLeftFunc(bare[delimiter+1:], isSpace)
	column := p.indent + 1 + columns(bare[:len(bare)-len(text)])
	p.value = &Value{Key: at, At: p.at(column)}
	p.section.put(key, p.value)
	p.extend(text, column)
	return nil
}

// abridged is the beginning of a text, for messages.
func abridged(s string) string {
	const most = 40
	if columns(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// extend adds a line to the value that is being read, if there is one.
func (p *parser) extend(text string, column int) {
	if p.value == nil {
		return
	}
	p.lines = append(p.lines, text)
	p.value.lines = append(p.value.lines, position{p.number, column})
	if text != "" && !p.said {
		p.said = true
		p.value.At = p.at(column)
	}
}

// endValue ends the value that is being read, if there is one.
func (p *parser) endValue() {
	if p.value == nil {
		return
	}
	p.value.Text = stripRight(strings.Join(p.lines, "\n"))
	p.value, p.lines, p.said = nil, nil, false
}
