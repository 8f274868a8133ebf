package format

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/internal/nearest"
)

// goReader makes a tree of the literals of Go source, which it does not run.
type goReader struct {
	bounds
	ruler
	fset    *token.FileSet
	imports map[string]string  // paths by the names that the file has for them
	parts   map[string]catalog // by the names of their types
	errs    []error
}

// catalog is a part of the catalog.
type catalog struct {
	part any
	name string
}

var stackPath = reflect.TypeFor[stack.App]().PkgPath()

func readGo(data []byte, from stack.Catalog) (*value, error) {
	r := &goReader{ruler: ruler{data: data}, fset: token.NewFileSet(), imports: map[string]string{}, parts: map[string]catalog{}}
	for _, l := range from.Layers {
		r.parts[typeName(reflect.TypeOf(l))] = catalog{l, l.About().Name}
	}
	for _, s := range from.Sources {
		r.parts[typeName(reflect.TypeOf(s))] = catalog{s, s.About().Name}
	}
	for _, p := range from.Proxies {
		r.parts[typeName(reflect.TypeOf(p))] = catalog{p, p.About().Name}
	}
	file, err := parser.ParseFile(r.fset, "", data, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, r.syntax(err)
	}
	r.readImports(file)
	root := &value{at: start, kind: mapping}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		switch {
		case !ok && decl.(*ast.GenDecl).Tok == token.IMPORT:
		case ok && f.Recv == nil && f.Name.Name == "main":
		case ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Stack"):
			r.function(root, f)
		default:
			r.fail(decl, "only functions Stack, Stack2 and so on are read, which return a stack.Node")
		}
	}
	return root, errors.Join(r.errs...)
}

// typeName is the name of a type with the path of its package.
func typeName(t reflect.Type) string { return t.PkgPath() + "." + t.Name() }

func (r *goReader) at(n ast.Node) position { return r.ruler.at(r.fset.Position(n.Pos()).Offset) }

// fail takes note of a fault, and gives a value in the place of the one that there is not.
func (r *goReader) fail(at ast.Node, format string, args ...any) *value {
	r.errs = append(r.errs, faultf(r.at(at), format, args...))
	return &value{}
}

func (r *goReader) syntax(err error) error {
	var list scanner.ErrorList
	if !errors.As(err, &list) {
		return err
	}
	var all []error
	for _, one := range list {
		all = append(all, syntaxFault(r.ruler.at(one.Pos.Offset), one.Msg))
	}
	return errors.Join(all...)
}

func (r *goReader) readImports(file *ast.File) {
	names := map[string]string{}
	for _, c := range r.parts {
		t := reflect.TypeOf(c.part)
		names[t.PkgPath()], _, _ = strings.Cut(t.String(), ".")
	}
	for _, spec := range file.Imports {
		from, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			r.fail(spec, "%s is no path", spec.Path.Value)
			continue
		}
		name := path.Base(from)
		if names[from] != "" {
			name = names[from]
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		r.imports[name] = from
	}
}

// nameDirective is the comment that names the stack of a function.
const nameDirective = "//stack:name "

func (r *goReader) function(root *value, f *ast.FuncDecl) {
	name := Main
	if f.Name.Name != "Stack" {
		name = ""
	}
	for _, c := range commentsOf(f) {
		if quoted, ok := strings.CutPrefix(c.Text, nameDirective); ok {
			var err error
			if name, err = strconv.Unquote(quoted); err != nil {
				r.fail(c, "%s is not a name in quotes", quoted)
				return
			}
		}
	}
	var answer *ast.ReturnStmt
	if f.Body != nil && len(f.Body.List) == 1 {
		answer, _ = f.Body.List[0].(*ast.ReturnStmt)
	}
	switch {
	case name == "":
		r.fail(f, "%s has no name: a comment says it, as %s\"api\"", f.Name.Name, nameDirective)
	case answer == nil || len(answer.Results) != 1:
		r.fail(f, "%s is more than a return of one value", f.Name.Name)
	default:
		root.add(name, r.at(f.Name), r.node(answer.Results[0], 1))
	}
}

func commentsOf(f *ast.FuncDecl) []*ast.Comment {
	if f.Doc == nil {
		return nil
	}
	return f.Doc.List
}

// within counts a value, and tells whether it may be read.
func (r *goReader) within(e ast.Expr, depth int) bool {
	err := r.take(r.at(e), depth)
	if err != nil && r.values <= maxValues+1 {
		r.errs = append(r.errs, err)
	}
	return err == nil
}

// literal is a composite literal with the full name of its type, "" if it has none.
func (r *goReader) literal(e ast.Expr, depth int) (lit *ast.CompositeLit, name string, ok bool) {
	if !r.within(e, depth) {
		return nil, "", false
	}
	lit, ok = ast.Unparen(e).(*ast.CompositeLit)
	if !ok {
		r.fail(e, "a literal is needed: files are read, not run")
		return nil, "", false
	}
	if lit.Type != nil {
		name = r.typeOf(lit.Type)
	}
	return lit, name, true
}

// typeOf is the full name of a type: "path.Name", "[]path.Name", "map[string]string". It is as
// written where the name is of no import.
func (r *goReader) typeOf(e ast.Expr) string {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			if from := r.imports[x.Name]; from != "" {
				return from + "." + e.Sel.Name
			}
			return x.Name + "." + e.Sel.Name
		}
	case *ast.ArrayType:
		if e.Len == nil {
			return "[]" + r.typeOf(e.Elt)
		}
	case *ast.MapType:
		return "map[" + r.typeOf(e.Key) + "]" + r.typeOf(e.Value)
	}
	return "a type that is not read"
}

// fields are those of a literal of a struct.
func (r *goReader) fields(lit *ast.CompositeLit, known ...string) map[string]ast.Expr {
	out := map[string]ast.Expr{}
	for _, e := range lit.Elts {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			r.fail(e, "a field without its name")
			continue
		}
		key, ok := pair.Key.(*ast.Ident)
		switch {
		case !ok:
			r.fail(e, "a field without its name")
		case !slices.Contains(known, key.Name):
			r.fail(key, "unknown field %q%s", key.Name, nearest.Hint(key.Name, known))
		case out[key.Name] != nil:
			r.fail(key, "%q is there a second time", key.Name)
		default:
			out[key.Name] = pair.Value
		}
	}
	return out
}

// node reads a literal of a stack.Node.
func (r *goReader) node(e ast.Expr, depth int) *value {
	lit, name, ok := r.literal(e, depth)
	if !ok {
		return &value{}
	}
	out := &value{at: r.at(e), kind: mapping}
	kind, _ := strings.CutPrefix(name, stackPath+".")
	switch kind {
	case "App":
		r.app(out, lit, depth)
	case "Pipeline":
		fields := r.fields(lit, "Layers", "Node")
		layers := &value{at: out.at, kind: list}
		for _, one := range r.elements(fields["Layers"], "[]"+stackPath+".Layer", depth) {
			if layer, named := r.part(one, depth+2); named != "" {
				item := &value{at: layer.at, kind: mapping}
				item.add(named, layer.at, layer)
				layers.items = append(layers.items, item)
			}
		}
		out.add(keyLayers, out.at, layers)
		r.addNode(out, keyApp, fields["Node"], depth)
	case "Front":
		fields := r.fields(lit, "Proxy", "Node")
		if !isNil(fields["Proxy"]) {
			if proxy, named := r.part(fields["Proxy"], depth+1); named != "" {
				out.add(keyFront, proxy.at, of(named, proxy))
			}
		}
		r.addNode(out, keyApp, fields["Node"], depth)
	case "Hosts":
		fields := r.fields(lit, "Nodes", "Default")
		r.nodes(out, keyHosts, fields["Nodes"], "Host", "Name", depth)
		r.addNode(out, keyDefault, fields["Default"], depth)
	case "Paths":
		r.nodes(out, keyPaths, r.fields(lit, "Nodes")["Nodes"], "Path", "Prefix", depth)
	case "Cascade":
		r.cascade(out, lit, depth)
	default:
		return r.fail(lit, "%s is no node, which is a stack.App, Pipeline, Hosts, Paths, Cascade or Front", r.written(lit))
	}
	return out
}

// written is the type of a literal as the file has it.
func (r *goReader) written(lit *ast.CompositeLit) string {
	if lit.Type == nil {
		return "a literal without a type"
	}
	from, to := r.fset.Position(lit.Type.Pos()).Offset, r.fset.Position(lit.Type.End()).Offset
	return strings.Join(strings.Fields(string(r.data[from:min(to, from+100)])), " ")
}

func isNil(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return e == nil || ok && id.Name == "nil"
}

// addNode puts a node under a key, if there is one.
func (r *goReader) addNode(to *value, key string, e ast.Expr, depth int) {
	if !isNil(e) {
		to.add(key, r.at(e), r.node(e, depth+1))
	}
}

// elements are those of a literal of a slice.
func (r *goReader) elements(e ast.Expr, want string, depth int) []ast.Expr {
	if isNil(e) {
		return nil
	}
	lit, name, ok := r.literal(e, depth+1)
	if ok && name != want {
		r.fail(e, "a %s is needed", path.Base(want))
	}
	if !ok || name != want {
		return nil
	}
	return lit.Elts
}

// nodes reads a literal of stack.Hosts's or stack.Paths's Nodes.
func (r *goReader) nodes(to *value, key string, e ast.Expr, element, nameField string, depth int) {
	nodes := &value{kind: mapping}
	to.add(key, to.at, nodes)
	for _, one := range r.elements(e, "[]"+stackPath+"."+element, depth) {
		lit, name, ok := r.literal(one, depth+2)
		switch {
		case !ok:
			continue
		case name != "" && name != stackPath+"."+element:
			r.fail(one, "a stack.%s is needed", element)
			continue
		}
		fields := r.fields(lit, nameField, "Node")
		named, at := "", r.at(one)
		if fields[nameField] != nil {
			at = r.at(fields[nameField])
			named = r.scalar(fields[nameField], stack.Field{Type: stack.Text}).text
		}
		if isNil(fields["Node"]) {
			r.fail(one, "no app")
			continue
		}
		nodes.add(named, at, r.node(fields["Node"], depth+3))
	}
}

func (r *goReader) cascade(out *value, lit *ast.CompositeLit, depth int) {
	fields := r.fields(lit, "Nodes", "Catch")
	nodes := &value{kind: list}
	for _, one := range r.elements(fields["Nodes"], "[]"+stackPath+".Node", depth) {
		nodes.items = append(nodes.items, r.node(one, depth+2))
	}
	out.add(keyCascade, out.at, nodes)
	if isNil(fields["Catch"]) {
		return
	}
	catch := &value{kind: list}
	for _, one := range r.elements(fields["Catch"], "[]int", depth) {
		catch.items = append(catch.items, r.scalar(one, stack.Field{Type: stack.Number}))
	}
	out.add(keyCatch, r.at(fields["Catch"]), catch)
}

func (r *goReader) app(out *value, lit *ast.CompositeLit, depth int) {
	source := r.fields(lit, "Source")["Source"]
	if isNil(source) {
		return
	}
	if fields, name := r.part(source, depth+1); name != "" {
		out.add(keyApp, fields.at, &value{at: fields.at, kind: scalar, text: name})
		out.add(keyWith, fields.at, fields)
	}
}

// part reads a literal of a part of the catalog: its fields and its name, "" if there is none.
func (r *goReader) part(e ast.Expr, depth int) (fields *value, name string) {
	lit, typed, ok := r.literal(e, depth)
	if !ok {
		return nil, ""
	}
	c, known := r.parts[typed]
	if !known {
		r.fail(lit, "unknown type %s%s", r.written(lit), r.nearestType(typed))
		return nil, ""
	}
	t := reflect.TypeOf(c.part)
	config := map[string]stack.Field{}
	var names []string
	for _, f := range stack.Fields(c.part) {
		for i := range t.NumField() {
			if tag, ok := t.Field(i).Tag.Lookup("stack"); ok && tag == f.Name {
				config[t.Field(i).Name] = f
				names = append(names, t.Field(i).Name)
			}
		}
	}
	fields = &value{at: r.at(e), kind: mapping}
	set := r.fields(lit, names...)
	for _, name := range names {
		if v := set[name]; v != nil && !isNil(v) {
			fields.add(config[name].Name, r.at(v), r.field(config[name], v, depth+1))
		}
	}
	return fields, c.name
}

// nearestType completes an error about an unknown type of a package.
func (r *goReader) nearestType(name string) string {
	i := strings.LastIndexByte(name, '.')
	var names []string
	for known := range r.parts {
		if j := strings.LastIndexByte(known, '.'); i >= 0 && known[:j] == name[:i] {
			names = append(names, known[j+1:])
		}
	}
	if near, ok := nearest.Name(name[i+1:], names); ok {
		return fmt.Sprintf(": did you mean %q?", near)
	}
	return ""
}

func (r *goReader) field(f stack.Field, e ast.Expr, depth int) *value {
	out := &value{at: r.at(e)}
	switch f.Type {
	case stack.List:
		out.kind = list
		for _, one := range r.elements(e, "[]string", depth) {
			out.items = append(out.items, r.scalar(one, stack.Field{Type: stack.Text}))
		}
	case stack.Map:
		out.kind = mapping
		for _, one := range r.elements(e, "map[string]string", depth) {
			pair, ok := one.(*ast.KeyValueExpr)
			if !ok {
				r.fail(one, "a value without its key")
				continue
			}
			key := r.scalar(pair.Key, stack.Field{Type: stack.Text})
			out.add(key.text, key.at, r.scalar(pair.Value, stack.Field{Type: stack.Text}))
		}
	default:
		return r.scalar(e, f)
	}
	return out
}
