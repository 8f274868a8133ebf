package format

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// value is what YAML, TOML and JSON have in common: a document as a tree.
type value struct {
	at    position // of a list or mapping with a key: the key's
	kind  kind
	text  string   // of a scalar: as it is spelled in the file, without quotes and escapes
	bare  bool     // a scalar is a number, true or false by the rules of its form
	items []*value // of a list
	pairs []pair   // of a mapping, in the file's order, keys maybe twice
}

// pair is a key of a mapping with its value.
type pair struct {
	key   string
	at    position
	value *value
}

// kind is the kind of a value.
type kind int

const (
	nothing kind = iota
	scalar
	list
	mapping
)

func (k kind) String() string {
	return [...]string{"nothing", "a single value", "a list", "a mapping"}[k]
}

// add puts a value under a key.
func (v *value) add(key string, at position, child *value) {
	if child.kind == list || child.kind == mapping {
		child.at = at
	}
	v.pairs = append(v.pairs, pair{key, at, child})
}

// get is the value of a key; nil if there is none.
func (v *value) get(key string) *value {
	for _, p := range v.pairs {
		if p.key == key {
			return p.value
		}
	}
	return nil
}

// position is a place in a text; lines and columns count from 1, columns in characters.
type position struct{ line, column int }

// start is where every text begins.
var start = position{1, 1}

// fault is what is wrong at a position of a file.
type fault struct {
	at  position
	err error
}

func (f *fault) Error() string { return fmt.Sprintf("%d:%d: %v", f.at.line, f.at.column, f.err) }

func faultf(at position, format string, args ...any) error {
	return &fault{at, fmt.Errorf(format, args...)}
}

// syntaxFault is a message of a parser, in one line.
func syntaxFault(at position, message string) error {
	return faultf(at, "%s", strings.ReplaceAll(message, "\n", `\n`))
}

// bounds counts the values of a document while it is read.
type bounds struct{ values int }

// take is asked for each value before what it holds is read. Depth is how many values it is in.
func (b *bounds) take(at position, depth int) error {
	b.values++
	switch {
	case depth > maxDepth:
		return faultf(at, "more than %d values within values", maxDepth)
	case b.values > maxValues:
		return faultf(at, "more than %d values", maxValues)
	}
	return nil
}

// ruler tells the positions of offsets in a text, quickly if they grow.
type ruler struct {
	data   []byte
	offset int
	line   int // from 0
	column int // from 0
}

func (r *ruler) at(offset int) position {
	if offset < r.offset {
		r.offset, r.line, r.column = 0, 0, 0
	}
	for r.offset < min(offset, len(r.data)) {
		_, n := utf8.DecodeRune(r.data[r.offset:])
		if r.column++; r.data[r.offset] == '\n' {
			r.line, r.column = r.line+1, 0
		}
		r.offset += n
	}
	return position{r.line + 1, r.column + 1}
}
