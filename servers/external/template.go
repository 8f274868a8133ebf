package external

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	texttemplate "text/template"
	"text/template/parse"

	"github.com/benchctl/benchctl/internal/nearest"
)

// templateError is a mistake in a template, so many lines below its first.
type templateError struct {
	below int
	cause string
}

func (e *templateError) Error() string { return "template: " + e.cause }

// place takes the package's own name and the line out of its errors.
var place = regexp.MustCompile(`^template: t:(\d+)(?::\d+)?: (?s:(.*))$`)

func asTemplateError(err error) *templateError {
	m := place.FindStringSubmatch(err.Error())
	if m == nil {
		return &templateError{cause: err.Error()}
	}
	line, _ := strconv.Atoi(m[1])
	return &templateError{below: max(0, line-1), cause: m[2]}
}

// expand fills in a template. Its error is a *templateError.
func expand(text string, l Launch) (string, error) {
	if !strings.Contains(text, "{{") {
		return text, nil
	}
	t, err := texttemplate.New("t").Parse(text)
	if err != nil {
		return "", asTemplateError(err)
	}
	if t.Tree == nil || len(t.Templates()) > 1 {
		return "", &templateError{cause: "define and block are not taken"}
	}
	if err := checkNodes(text, t.Root); err != nil {
		return "", err
	}
	var out strings.Builder
	if err := t.Execute(&out, l); err != nil {
		return "", asTemplateError(err)
	}
	return out.String(), nil
}

// launchFields and actions are all that a template may use. Every branch of it is
// checked, also those that a trial would not reach.
func launchFields() []string {
	return []string{"Host", "IPv6", "Port", "Address", "Workers", "Threads", "Pool", "User", "App", "Profile", "Dir", "IDs", "Daemon", "Pidfile", "Group", "Sockets"}
}

func actions() []string { return []string{"and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge"} }

func checkNodes(text string, nodes ...parse.Node) error {
	for _, n := range nodes {
		if err := checkNode(text, n); err != nil {
			return err
		}
	}
	return nil
}

func checkNode(text string, node parse.Node) error {
	fail := func(cause string) error {
		at := min(int(node.Position()), len(text))
		return &templateError{below: strings.Count(text[:at], "\n"), cause: cause}
	}
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		return checkNodes(text, n.Nodes...)
	case *parse.IfNode:
		return checkNodes(text, n.Pipe, n.List, n.ElseList)
	case *parse.ActionNode:
		return checkNodes(text, n.Pipe)
	case *parse.PipeNode:
		if len(n.Decl) > 0 {
			return fail("variables are not taken")
		}
		for _, c := range n.Cmds {
			if err := checkNodes(text, c.Args...); err != nil {
				return err
			}
		}
	case *parse.FieldNode:
		if name := strings.Join(n.Ident, "."); !slices.Contains(launchFields(), name) {
			return fail("unknown field " + strconv.Quote("."+name) + nearest.Hint(name, launchFields()))
		}
	case *parse.IdentifierNode:
		if !slices.Contains(actions(), n.Ident) {
			return fail("unknown action " + strconv.Quote(n.Ident) + nearest.Hint(n.Ident, actions()))
		}
	case *parse.TextNode, *parse.NumberNode, *parse.StringNode, *parse.BoolNode, *parse.CommentNode:
	default:
		return fail(strconv.Quote(node.String()) + " is not taken")
	}
	return nil
}
