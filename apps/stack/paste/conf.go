package paste

import (
	"maps"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/apps/stack"
)

// Value is a text of a file, and where it stands. Key and At, of its key and of the text, are zero
// for what no file gave.
type Value struct {
	Text    string
	Key, At stack.Origin
	lines   []position // where the lines of Text begin; nil if Text is not as it stands in the file
}

type position struct{ line, column int }

// word is a word of a value.
type word struct {
	text string
	at   stack.Origin
}

// words are the words of a value, as Python's str.split has them.
func (v *Value) words() []word {
	var all []word
	for i, line := range strings.Split(v.Text, "\n") {
		column := 0
		for line != "" {
			text := strings.TrimLeftFunc(line, isSpace)
			column += columns(line[:len(line)-len(text)])
			end := strings.IndexFunc(text, isSpace)
			if end < 0 {
				end = len(text)
			}
			if end > 0 {
				all = append(all, word{text[:end], v.origin(i, column)})
			}
			column += columns(text[:end])
			line = text[end:]
		}
	}
	return all
}

// origin is where a line stands, from an offset in columns on, or the value, if that is not known.
func (v *Value) origin(line, offset int) stack.Origin {
	if line >= len(v.lines) {
		return v.At
	}
	p := v.lines[line]
	return stack.Origin{File: v.At.File, Line: p.line, Column: p.column + offset}
}

// Conf are values by their keys, in an order, as a dict of Python: a key that is set again keeps
// its place.
type Conf struct {
	keys   []string
	values map[string]*Value
}

func newConf() *Conf { return &Conf{values: map[string]*Value{}} }

// Keys are the keys in their order.
func (c *Conf) Keys() []string { return slices.Clone(c.keys) }

// Get is the value of a key.
func (c *Conf) Get(key string) (*Value, bool) {
	v, ok := c.values[key]
	return v, ok
}

func (c *Conf) put(key string, v *Value) {
	if _, ok := c.values[key]; !ok {
		c.keys = append(c.keys, key)
	}
	c.values[key] = v
}

// take removes a key; it returns nil if there is none.
func (c *Conf) take(key string) *Value {
	v, ok := c.values[key]
	if !ok {
		return nil
	}
	delete(c.values, key)
	c.keys = slices.DeleteFunc(c.keys, func(k string) bool { return k == key })
	return v
}

func (c *Conf) update(with *Conf) {
	for _, key := range with.keys {
		c.put(key, with.values[key])
	}
}

// fill sets what is not set yet.
func (c *Conf) fill(with *Conf) {
	for _, key := range with.keys {
		if _, ok := c.values[key]; !ok {
			c.put(key, with.values[key])
		}
	}
}

func (c *Conf) clone() *Conf {
	return &Conf{slices.Clone(c.keys), maps.Clone(c.values)}
}

// equal tells whether both say the same, wherever it stands.
func (c *Conf) equal(d *Conf) bool {
	return maps.EqualFunc(c.values, d.values, func(a, b *Value) bool { return a.Text == b.Text })
}
