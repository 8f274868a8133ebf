package format

import (
	"bytes"
	"errors"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// tomlReader makes a tree of the expressions of a TOML text. The parser knows the syntax of
// each; which tables they may add to is told here, as nothing else tells it with a position.
type tomlReader struct {
	bounds
	ruler
	parser unstable.Parser
	tables map[*value]tableKind
	errs   []error
}

// tableKind is how a table, or a list of tables, came about, which decides what may add to it.
type tableKind int

const (
	closed   tableKind = iota // a value: nothing
	implicit                  // named in the header of a table below it: a header of its own, once
	headed                    // by its header: headers of tables below it
	dotted                    // by a dotted key: dotted keys and headers below it
	array                     // by headers in double brackets: more of these
)

func readTOML(data []byte) (*value, error) {
	if err := checkBrackets(data); err != nil {
		return nil, err
	}
	r := &tomlReader{ruler: ruler{data: data}, tables: map[*value]tableKind{}}
	root := &value{at: start, kind: mapping}
	r.tables[root] = headed
	r.parser.Reset(data)
	if err := r.expressions(root); err != nil {
		return nil, err
	}
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	var all map[string]any // what a number or date is, the parser leaves open
	if err := toml.Unmarshal(data, &all); err != nil {
		return nil, r.syntax(err)
	}
	return root, nil
}

// syntax places an error of the parser.
func (r *tomlReader) syntax(err error) error {
	at, message := start, strings.TrimPrefix(err.Error(), "toml: ")
	var placed *toml.DecodeError
	if errors.As(err, &placed) {
		at.line, at.column = placed.Position()
	}
	return syntaxFault(at, message)
}

// checkBrackets refuses values that stand too deep in brackets for the parser, which calls itself
// for each.
func checkBrackets(data []byte) error {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '#':
			for i < len(data) && data[i] != '\n' {
				i++
			}
		case '"', '\'':
			i = endOfString(data, i)
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		if depth > maxDepth {
			return faultf((&ruler{data: data}).at(i), "more than %d values within values", maxDepth)
		}
	}
	return nil
}

// endOfString is the offset of the last byte of the string that begins at i.
func endOfString(data []byte, i int) int {
	quote := data[i : i+1]
	delimiter := bytes.Repeat(quote, 3)
	long := bytes.HasPrefix(data[i:], delimiter)
	if !long {
		delimiter = quote
	}
	for i += len(delimiter); i < len(data); i++ {
		switch {
		case data[i] == '\\' && quote[0] == '"':
			i++
		case data[i] == '\n' && !long:
			return i
		case bytes.HasPrefix(data[i:], delimiter):
			i += len(delimiter) - 1
			for range 2 { // quotes before the closing three
				if long && bytes.HasPrefix(data[i+1:], quote) {
					i++
				}
			}
			return i
		}
	}
	return i
}

func (r *tomlReader) expressions(root *value) error {
	table := root
	for r.parser.NextExpression() {
		e := r.parser.Expression()
		var err error
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table, err = r.header(root, e)
		case unstable.KeyValue:
			err = r.pair(table, e, 0)
		}
		if err != nil {
			return err
		}
	}
	if r.parser.Error() != nil {
		var all map[string]any
		if err := toml.Unmarshal(r.data, &all); err != nil { // it has the position of the error
			return r.syntax(err)
		}
	}
	return nil
}

// step is a part of a dotted key.
type step struct {
	key string
	at  position
}

func (r *tomlReader) steps(keys unstable.Iterator) []step {
	var out []step
	for keys.Next() {
		k := keys.Node()
		out = append(out, step{string(k.Data), r.at(int(k.Raw.Offset))})
	}
	return out
}

// child makes a table or list in a table.
func (r *tomlReader) child(of *value, s step, kind kind, how tableKind, depth int) (*value, error) {
	v := &value{kind: kind}
	of.add(s.key, s.at, v)
	r.tables[v] = how
	return v, r.take(s.at, depth)
}

// twice takes note of what is defined a second time.
func (r *tomlReader) twice(s step) {
	r.errs = append(r.errs, faultf(s.at, "%q is there a second time", s.key))
}

// header is the table that a header opens. If that may not be, it is one that belongs nowhere, so
// that the pairs below it are read as well.
func (r *tomlReader) header(root *value, e *unstable.Node) (*value, error) {
	steps := r.steps(e.Key())
	last := len(steps) - 1
	table := root
	for depth, s := range steps[:last] {
		next := table.get(s.key)
		switch {
		case next == nil:
			var err error
			if next, err = r.child(table, s, mapping, implicit, depth+1); err != nil {
				return nil, err
			}
		case r.tables[next] == closed:
			r.twice(s)
			return &value{kind: mapping}, nil
		case r.tables[next] == array:
			next = next.items[len(next.items)-1]
		}
		table = next
	}
	if e.Kind == unstable.ArrayTable {
		return r.tableOfArray(table, steps[last], len(steps))
	}
	found := table.get(steps[last].key)
	switch {
	case found == nil:
		return r.child(table, steps[last], mapping, headed, len(steps))
	case r.tables[found] != implicit:
		r.twice(steps[last])
		return &value{kind: mapping}, nil
	}
	found.at, r.tables[found] = steps[last].at, headed
	return found, nil
}

func (r *tomlReader) tableOfArray(table *value, s step, depth int) (*value, error) {
	all := table.get(s.key)
	if all == nil {
		var err error
		if all, err = r.child(table, s, list, array, depth); err != nil {
			return nil, err
		}
	}
	item := &value{at: s.at, kind: mapping}
	if r.tables[all] != array {
		r.twice(s)
		return item, nil
	}
	all.items = append(all.items, item)
	r.tables[item] = headed
	return item, r.take(s.at, depth+1)
}

// pair reads a key with its value into a table.
func (r *tomlReader) pair(table *value, e *unstable.Node, depth int) error {
	steps := r.steps(e.Key())
	last := len(steps) - 1
	for _, s := range steps[:last] {
		next := table.get(s.key)
		depth++
		if next == nil {
			var err error
			if next, err = r.child(table, s, mapping, dotted, depth); err != nil {
				return err
			}
		}
		if r.tables[next] != dotted {
			r.twice(s)
			return nil
		}
		table = next
	}
	v, err := r.value(e.Value(), steps[last].at, depth+1)
	if err != nil {
		return err
	}
	if table.get(steps[last].key) != nil {
		r.twice(steps[last])
		return nil
	}
	table.add(steps[last].key, steps[last].at, v)
	return nil
}

// value reads a value; at is where its key stands, or the list that it is in.
func (r *tomlReader) value(n *unstable.Node, at position, depth int) (*value, error) {
	v := &value{at: at}
	if err := r.take(at, depth); err != nil {
		return nil, err
	}
	switch n.Kind {
	case unstable.Array:
		v.kind = list
		for all := n.Children(); all.Next(); {
			item, err := r.value(all.Node(), at, depth+1)
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, item)
		}
	case unstable.InlineTable:
		v.kind, v.at = mapping, r.at(int(n.Raw.Offset))
		for all := n.Children(); all.Next(); {
			if err := r.pair(v, all.Node(), depth); err != nil {
				return nil, err
			}
		}
		for _, p := range v.pairs { // nothing adds to it any more
			r.close(p.value)
		}
	case unstable.String:
		v.kind, v.text, v.at = scalar, string(n.Data), r.at(int(n.Raw.Offset))
	default:
		v.kind, v.text, v.bare = scalar, string(n.Data), true
		v.at = r.at(int(r.parser.Range(n.Data).Offset))
	}
	return v, nil
}

// close makes the tables of dotted keys in an inline table a value.
func (r *tomlReader) close(v *value) {
	delete(r.tables, v)
	for _, p := range v.pairs {
		r.close(p.value)
	}
}
