package format

import (
	"errors"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

func readYAML(data []byte) (*value, error) {
	tokens := lexer.Tokenize(string(data))
	if err := checkTokens(tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, yamlSyntax(err)
	}
	switch {
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		return nil, faultf(start, "is empty")
	case len(file.Docs) > 1:
		at := start
		if t := file.Docs[1].Start; t != nil {
			at = at.token(t)
		}
		return nil, faultf(at, "more than one document")
	}
	return (&yamlReader{}).value(file.Docs[0].Body, start, 0)
}

// token is the position of a token, or this one if it has none.
func (p position) token(t *token.Token) position {
	if t == nil || t.Position == nil || t.Position.Line < 1 {
		return p
	}
	return position{t.Position.Line, max(t.Position.Column, 1)}
}

// yamlSyntax places an error of the parser.
func yamlSyntax(err error) error {
	var placed yaml.Error
	if errors.As(err, &placed) {
		return syntaxFault(start.token(placed.GetToken()), placed.GetMessage())
	}
	return syntaxFault(start, err.Error())
}

// refusals are the parts of YAML by which a file says what does not stand there.
var refusals = map[token.Type]string{
	token.AnchorType: "an anchor", token.AliasType: "an alias", token.TagType: "a tag",
	token.MergeKeyType: "a merge key", token.DirectiveType: "a directive",
}

// checkTokens refuses what the parser shall not see. Its time grows with the square of the values,
// and its stack with brackets, and with list items and keys ("- - -", "? ? ?") that begin on one
// line. Deep indentation costs the file a square of its depth, and is left to yamlReader.
func checkTokens(tokens token.Tokens) error {
	brackets, items, line, values := 0, 0, 0, 0
	for i, t := range tokens {
		if t.Position.Line != line {
			items, line = 0, t.Position.Line
		}
		if what := refusals[t.Type]; what != "" {
			return faultf(start.token(t), "%s is not taken: a file says what stands in it", what)
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType:
			items++
		}
		if t.Type == token.SequenceEntryType || t.Type == token.MappingValueType {
			values++ // each stands before one
		}
		switch {
		case brackets > maxDepth || items > maxDepth:
			return faultf(start.token(t), "more than %d values within values", maxDepth)
		case values > maxValues, i > 6*maxValues: // a key, its colon, a dash or comma, a comment, brackets
			return faultf(start.token(t), "more than %d values", maxValues)
		}
	}
	return nil
}

// yamlReader makes a tree of the syntax tree.
type yamlReader struct{ bounds }

// value reads a value; at is where its key stands, or the list that it is in.
func (r *yamlReader) value(n ast.Node, at position, depth int) (*value, error) {
	v := &value{at: at}
	switch n.(type) {
	case nil, *ast.NullNode:
		return v, r.take(at, depth)
	}
	v.at = at.token(n.GetToken())
	if err := r.take(v.at, depth); err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 && !n.IsFlowStyle {
			v.at = at.token(n.Values[0].Key.GetToken())
		}
		return v, r.pairs(v, n.Values, depth)
	case *ast.MappingValueNode:
		v.at = at.token(n.Key.GetToken())
		return v, r.pairs(v, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		v.kind = list
		for _, one := range n.Values {
			item, err := r.value(one, v.at, depth+1)
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, item)
		}
		return v, nil
	}
	return v, v.takeScalar(n)
}

func (v *value) takeScalar(n ast.Node) error {
	v.kind = scalar
	switch n := n.(type) {
	case *ast.StringNode:
		v.text = n.Value
	case *ast.LiteralNode:
		v.text = n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		v.text, v.bare = n.GetToken().Value, true
	default:
		return faultf(v.at, "%v is not taken", n.Type())
	}
	return nil
}

func (r *yamlReader) pairs(v *value, pairs []*ast.MappingValueNode, depth int) error {
	v.kind = mapping
	for _, p := range pairs {
		var key value
		key.at = v.at.token(p.Key.GetToken())
		var node ast.Node = p.Key
		if explicit, ok := node.(*ast.MappingKeyNode); ok {
			node = explicit.Value
		}
		if node == nil {
			return faultf(key.at, "a key is needed")
		}
		if err := key.takeScalar(node); err != nil {
			return err
		}
		child, err := r.value(p.Value, key.at, depth+1)
		if err != nil {
			return err
		}
		v.add(key.text, key.at, child)
	}
	return nil
}
