package format

import (
	"fmt"
	"go/format"
	"go/token"
	"maps"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/benchctl/benchctl/apps/stack"
)

// goWriter writes nodes as Go literals. Its lines are indented and ordered by gofmt.
type goWriter struct {
	imports map[string]string // names by paths
	err     error
}

func writeGo(doc *Document) ([]byte, error) {
	w := &goWriter{imports: map[string]string{}}
	w.imported("log")
	w.imported(stackPath)
	var b strings.Builder
	var all []string
	for i, s := range doc.Stacks {
		name := "Stack"
		if i > 0 {
			name += strconv.Itoa(i + 1)
		}
		all = append(all, name+"()")
		fmt.Fprintf(&b, "\n// %s makes the stack %q.\n", name, s.Name)
		if name != "Stack" || s.Name != Main {
			fmt.Fprintf(&b, "//\n%s%q\n", nameDirective, s.Name)
		}
		fmt.Fprintf(&b, "func %s() stack.Node {\nreturn %s\n}\n", name, w.node(s.Node))
	}
	head := "// The stacks of this file are read by benchctl, and built by \"go run\".\npackage main\n\nimport (\n" + w.importLines() + ")\n\n"
	head += "func main() {\nfor _, n := range []stack.Node{" + strings.Join(all, ", ") + "} {\nif _, err := stack.Build(n); err != nil {\nlog.Fatal(err)\n}\n}\n}\n"
	if w.err != nil {
		return nil, w.err
	}
	return format.Source([]byte(head + b.String()))
}

// imported is the name of a package in the file.
func (w *goWriter) imported(from string) string { return w.importedAs(from, path.Base(from)) }

func (w *goWriter) importedAs(from, name string) string {
	if known := w.imports[from]; known != "" {
		return known
	}
	free := name
	for n := 2; slices.Contains(slices.Collect(maps.Values(w.imports)), free); n++ {
		free = name + strconv.Itoa(n)
	}
	w.imports[from] = free
	return free
}

// importLines are the imports: those of the language before the others.
func (w *goWriter) importLines() string {
	var std, others []string
	for _, from := range slices.Sorted(maps.Keys(w.imports)) {
		line := strconv.Quote(from) + "\n"
		if name := w.imports[from]; name != path.Base(from) {
			line = name + " " + line
		}
		if first, _, _ := strings.Cut(from, "/"); strings.Contains(first, ".") {
			others = append(others, line)
		} else {
			std = append(std, line)
		}
	}
	return strings.Join(std, "") + "\n" + strings.Join(others, "")
}

func (w *goWriter) node(n stack.Node) string {
	switch n := n.(type) {
	case stack.App:
		return "stack.App{Source: " + w.part(n.Source) + "}"
	case stack.Pipeline:
		out := "stack.Pipeline{\n"
		if n.Layers != nil {
			out += "Layers: []stack.Layer{" + lines(n.Layers, func(l stack.Layer) string { return w.part(l) }) + "},\n"
		}
		return out + "Node: " + w.node(n.Node) + ",\n}"
	case stack.Front:
		return "stack.Front{\nProxy: " + w.part(n.Proxy) + ",\nNode: " + w.node(n.Node) + ",\n}"
	case stack.Hosts:
		out := "stack.Hosts{\nNodes: []stack.Host{" + lines(n.Nodes, func(h stack.Host) string {
			return fmt.Sprintf("{Name: %s, Node: %s}", goText(h.Name), w.node(h.Node))
		}) + "},\n"
		if n.Default != nil {
			out += "Default: " + w.node(n.Default) + ",\n"
		}
		return out + "}"
	case stack.Paths:
		return "stack.Paths{Nodes: []stack.Path{" + lines(n.Nodes, func(p stack.Path) string {
			return fmt.Sprintf("{Prefix: %s, Node: %s}", goText(p.Prefix), w.node(p.Node))
		}) + "}}"
	case stack.Cascade:
		out := "stack.Cascade{\nNodes: []stack.Node{" + lines(n.Nodes, w.node) + "},\n"
		if n.Catch != nil {
			out += fmt.Sprintf("Catch: %#v,\n", n.Catch)
		}
		return out + "}"
	}
	return "nil" // the encoder has refused it
}

// lines are the elements of a literal, each on lines of its own.
func lines[T any](all []T, text func(T) string) string {
	if len(all) == 0 {
		return ""
	}
	out := "\n"
	for _, one := range all {
		out += text(one) + ",\n"
	}
	return out
}

func (w *goWriter) part(part any) string {
	t := reflect.TypeOf(part)
	named, _, _ := strings.Cut(t.String(), ".")
	if !token.IsExported(t.Name()) || strings.Contains(t.Name(), "[") || named == "main" || strings.HasSuffix(named, "_test") {
		if w.err == nil {
			w.err = fmt.Errorf("%v is a type that no other package can name, so that Go source of it can't be read", t)
		}
		return "nil"
	}
	var fields []string
	for _, f := range stack.Fields(part) {
		if v := f.Value(part); !reflect.ValueOf(v).IsZero() {
			fields = append(fields, goField(t, f.Name)+": "+w.value(v))
		}
	}
	return w.importedAs(t.PkgPath(), named) + "." + t.Name() + "{" + strings.Join(fields, ", ") + "}"
}

// goField is the name in Go of a field of config.
func goField(t reflect.Type, name string) string {
	for i := range t.NumField() {
		if tag, ok := t.Field(i).Tag.Lookup("stack"); ok && tag == name {
			return t.Field(i).Name
		}
	}
	return ""
}

func (w *goWriter) value(v any) string {
	switch v := v.(type) {
	case string:
		return goText(v)
	case stack.Secret:
		return goText(string(v))
	case time.Duration:
		return w.duration(v)
	case stack.Size:
		for shift := 30; shift > 0; shift -= 10 {
			if v%(1<<shift) == 0 {
				return fmt.Sprintf("%d << %d", v>>shift, shift)
			}
		}
		return strconv.FormatInt(int64(v), 10)
	}
	return fmt.Sprintf("%#v", v) // numbers, lists, and maps, whose keys it sorts
}

func goText(s string) string { return strconv.Quote(s) }

// goUnits are the units of durations, the largest first.
var goUnits = []string{"Hour", "Minute", "Second", "Millisecond", "Microsecond", "Nanosecond"}

func (w *goWriter) duration(d time.Duration) string {
	for _, name := range goUnits {
		unit := units[name]
		if d == unit {
			return w.imported("time") + "." + name
		}
		if d%unit == 0 {
			return fmt.Sprintf("%d * %s.%s", d/unit, w.imported("time"), name)
		}
	}
	return "" // every duration is whole nanoseconds
}
