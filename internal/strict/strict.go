// Package strict reads YAML strictly: every key must be known, every value of the
// right kind and within bounds, and every error tells file, line and key.
//
// A reader binds each key to a function that takes its value:
//
//	doc, err := strict.Parse("x.yaml", data)
//	err = doc.Fields(strict.Fields{
//		"name":    strict.Text(&x.Name),
//		"workers": strict.Int(&x.Workers, 1, 64),
//	}, "name") // required
//
// Anchors, aliases, tags, merge keys and several documents in one file are not
// taken: what a file says is what stands there.
package strict

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/benchctl/benchctl/internal/nearest"
)

// Limits of a document. The YAML parser's time and memory grow with the square of
// its nesting and of its keys.
const (
	maxSize  = 64 << 10 // bytes
	maxDepth = 16       // values within values
)

// Error is a mistake in a document, at its place.
type Error struct {
	File string
	Line int    // from 1
	Key  string // path of the value: "profiles.tuned.command[2]", "" at the top
	Err  error
}

// Error is "file:line: key: cause".
func (e *Error) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
	}
	return fmt.Sprintf("%s:%d: %s: %v", e.File, e.Line, e.Key, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Node is one value of a document. Its zero value is no value: Line is 0.
type Node struct {
	file  string
	key   string
	line  int
	depth int
	node  ast.Node
}

// Parse reads a document whose top is a mapping. File names it in errors.
func Parse(file string, data []byte) (Node, error) {
	top := Node{file: file, line: 1}
	if len(data) > maxSize {
		return Node{}, top.Errorf("%d bytes are more than %d", len(data), maxSize)
	}
	tokens := lexer.Tokenize(plainText(data))
	if t := tooDeep(tokens); t != nil {
		return Node{}, top.at(t.Position.Line).Errorf("more than %d values within values", maxDepth)
	}
	tree, err := parser.Parse(tokens, 0)
	if err != nil {
		return Node{}, syntax(file, err)
	}
	if len(tree.Docs) > 1 {
		return Node{}, top.Errorf("more than one document")
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		return Node{}, top.Errorf("is empty")
	}
	top.node = tree.Docs[0].Body
	_, err = top.pairs()
	return top, err
}

// directive is the line by which a file says that it is YAML.
var directive = regexp.MustCompile(`^%YAML[ \t]+1\.[0-9]+[ \t]*(?:#.*)?\r?\n`)

// plainText is a document without the mark of its encoding (a BOM) and the directive that
// it may begin with, on the same lines.
func plainText(data []byte) string {
	text := strings.TrimPrefix(string(data), "\ufeff")
	if d := directive.FindString(text); d != "" {
		text = "\n" + text[len(d):]
	}
	return text
}

// tooDeep finds where brackets, or list items that begin on one line, stand too
// deep within each other. Deep indentation is left to Node.child.
func tooDeep(tokens token.Tokens) *token.Token {
	brackets, items, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			items, line = 0, t.Position.Line
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.SequenceEntryType:
			items++
		}
		if brackets > maxDepth || items > maxDepth {
			return t
		}
	}
	return nil
}

// syntax places an error of the YAML parser.
func syntax(file string, err error) error {
	place := &Error{File: file, Line: 1, Err: err}
	var at yaml.Error
	if errors.As(err, &at) {
		place.Err = errors.New(at.GetMessage())
		if t := at.GetToken(); t != nil && t.Position != nil {
			place.Line = t.Position.Line
		}
	}
	return place
}

// Line is where the value begins, from 1; 0 if there is no value.
func (n Node) Line() int { return n.line }

// Errorf makes an Error at the value.
func (n Node) Errorf(format string, args ...any) error { return n.ErrorAt(0, format, args...) }

// ErrorAt makes an Error so many lines below the first line of the value's text,
// which for a block ("|") is the line after its key.
func (n Node) ErrorAt(below int, format string, args ...any) error {
	line := n.line + below
	if _, block := n.node.(*ast.LiteralNode); block && below > 0 {
		line++
	}
	return &Error{File: n.file, Line: line, Key: n.key, Err: fmt.Errorf(format, args...)}
}

// Fields binds the keys of a mapping to what takes their values.
type Fields map[string]func(Node) error

// Fields reads a mapping in its order. Keys that fields does not have, and
// required ones that are missing, are errors.
func (n Node) Fields(fields Fields, required ...string) error {
	pairs, err := n.pairs()
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, p := range pairs {
		take := fields[p.name]
		if take == nil {
			return n.at(p.value.line).Errorf("unknown key %q%s", p.name, nearest.Hint(p.name, fields.names()))
		}
		seen[p.name] = true
		if err := take(p.value); err != nil {
			return err
		}
	}
	for _, name := range required {
		if !seen[name] {
			return n.Errorf("key %q is missing", name)
		}
	}
	return nil
}

func (f Fields) names() []string {
	var out []string
	for name := range f {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Pairs reads a mapping whose keys are free, in its order.
func (n Node) Pairs(take func(key string, value Node) error) error {
	pairs, err := n.pairs()
	for _, p := range pairs {
		if err := take(p.name, p.value); err != nil {
			return err
		}
	}
	return err
}

// IsMapping tells whether the value is a mapping of keys to values.
func (n Node) IsMapping() bool {
	switch n.node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

// Items reads a list in its order.
func (n Node) Items(take func(Node) error) error {
	seq, ok := n.node.(*ast.SequenceNode)
	if !ok {
		return n.Errorf("a list is needed, not %s", kind(n.node))
	}
	for i, v := range seq.Values {
		item, err := n.child(fmt.Sprintf("%s[%d]", n.key, i), lineOf(v, n.line), v)
		if err != nil {
			return err
		}
		if err := take(item); err != nil {
			return err
		}
	}
	return nil
}

// Text is the text of a scalar, as it stands there: a number or true keeps its
// spelling.
func (n Node) Text() (string, error) {
	switch v := n.node.(type) {
	case *ast.StringNode:
		return v.Value, nil
	case *ast.LiteralNode:
		return v.Value.Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return v.GetToken().Value, nil
	}
	return "", n.Errorf("text is needed, not %s", kind(n.node))
}

// Bool is the value of true or false.
func (n Node) Bool() (bool, error) {
	if v, ok := n.node.(*ast.BoolNode); ok {
		return v.Value, nil
	}
	return false, n.Errorf("true or false is needed, not %s", kind(n.node))
}

type pair struct {
	name  string
	value Node
}

func (n Node) pairs() ([]pair, error) {
	var values []*ast.MappingValueNode
	switch v := n.node.(type) {
	case *ast.MappingNode:
		values = v.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{v}
	default:
		return nil, n.Errorf("a mapping of keys to values is needed, not %s", kind(n.node))
	}
	var out []pair
	for _, v := range values {
		p, err := n.pair(v)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(o pair) bool { return o.name == p.name }) {
			return nil, n.at(p.value.line).Errorf("key %q is given twice", p.name)
		}
		out = append(out, p)
	}
	return out, nil
}

func (n Node) pair(v *ast.MappingValueNode) (pair, error) {
	line := lineOf(v.Key, n.line)
	key := Node{file: n.file, key: n.key, line: line, node: v.Key}
	name, err := key.Text()
	if err != nil {
		return pair{}, key.Errorf("a key must be plain text, not %s", kind(v.Key))
	}
	value, err := n.child(join(n.key, name), line, v.Value)
	return pair{name, value}, err
}

// child is a value below n; line is where its key stands, which is where a reader
// looks for it.
func (n Node) child(key string, line int, v ast.Node) (Node, error) {
	c := Node{file: n.file, key: key, line: line, depth: n.depth + 1, node: v}
	switch v.(type) {
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode:
	default:
		c.line = lineOf(v, line)
	}
	if c.depth > maxDepth {
		return c, c.Errorf("more than %d values within values", maxDepth)
	}
	switch v.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		return c, c.Errorf("%s is not taken here", kind(v))
	}
	return c, nil
}

// at is n with another line, for an error about a key of n.
func (n Node) at(line int) Node {
	n.line = line
	return n
}

// plain keys need no quotes in a path.
var plain = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func join(key, name string) string {
	switch {
	case !plain.MatchString(name):
		return key + "[" + strconv.Quote(name) + "]"
	case key == "":
		return name
	}
	return key + "." + name
}

func lineOf(v ast.Node, otherwise int) int {
	if v == nil {
		return otherwise
	}
	if t := v.GetToken(); t != nil && t.Position != nil && t.Position.Line > 0 {
		return t.Position.Line
	}
	return otherwise
}

// kind names a value's kind for errors.
func kind(v ast.Node) string {
	switch v.(type) {
	case nil, *ast.NullNode:
		return "nothing"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.AnchorNode:
		return "an anchor"
	case *ast.AliasNode:
		return "an alias"
	case *ast.TagNode:
		return "a tag"
	case *ast.MergeKeyNode:
		return "a merge key"
	}
	return v.Type().String()
}
