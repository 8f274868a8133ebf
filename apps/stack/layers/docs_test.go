package layers_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

var update = flag.Bool("update", false, "write docs/layers.md")

const docsFile = "../../../docs/layers.md"

// docsHead is what the reference says before its tables.
const docsHead = `# Layers

Reference: the layers (middleware) and apps that a stack can name, generated from their declarations. ` + "`go test ./apps/stack/layers -update`" + ` writes it.

- *Requires* is what a layer outside of it has to provide. *Provides* is what it gives to the layers and the app inside of it.
- *Buffers* tells whether it holds a whole body before it passes it on. No layer that does not buffer holds back a stream.
- *Allocations* is what it adds to a request in its usual course, which a test measures in memory. Layers that ask for the context of a request have some engines make one, which takes two more.
- Fields without a default are off, or have no limit.

WSGI servers have all layers [in Python](stacks.md#one-file-in-both-worlds), from files of Paste Deploy.

Order, from the outside in: ` + "`cors`, `headers`, `cookies`, `session`, `compress`, `range`, `etag`" + `, the app. Parts and tags are of the body before it is encoded, so
` + "`compress`" + ` stands outside of ` + "`range`" + ` and ` + "`etag`" + `. Conditions go before ranges (RFC 9110 section 13.2.2), so ` + "`etag`" + ` stands inside of ` + "`range`" + `.
`

// TestDocs holds docs/layers.md against the declarations.
func TestDocs(t *testing.T) {
	var b strings.Builder
	b.WriteString(docsHead)
	c := layers.Catalog()
	fmt.Fprint(&b, "\n## Layers\n\n| name | what it does | requires | provides | buffers | allocations |\n|---|---|---|---|---|---|\n")
	for _, l := range c.Layers {
		a := l.About()
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s | %s | %s | %d |\n", a.Name, a.Name, a.Doc, codes(a.Requires), codes(a.Provides), map[bool]string{true: "yes", false: "no"}[a.Buffers], a.Allocs)
	}
	fmt.Fprint(&b, "\n## Apps\n\n| name | what it does | allocations |\n|---|---|---|\n")
	for _, s := range c.Sources {
		a := s.About()
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %d |\n", a.Name, a.Name, a.Doc, a.Allocs)
	}
	fmt.Fprint(&b, "\n## Fields\n")
	for _, l := range c.Layers {
		writeFields(&b, l.About(), l)
	}
	for _, s := range c.Sources {
		writeFields(&b, s.About(), s)
	}
	if *update {
		if err := os.WriteFile(docsFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(docsFile)
	if err != nil || string(got) != b.String() {
		t.Errorf("docs/layers.md is not what the layers declare: go test ./apps/stack/layers -update (%v)", err)
	}
}

func writeFields(b *strings.Builder, a stack.About, part any) {
	fmt.Fprintf(b, "\n### %s\n\n", a.Name)
	fields := stack.Fields(part)
	if len(fields) == 0 {
		fmt.Fprint(b, "No fields.\n")
		return
	}
	fmt.Fprint(b, "| field | type | default | bounds | meaning |\n|---|---|---|---|---|\n")
	for _, f := range fields {
		def := "-"
		switch {
		case f.Required:
			def = "required"
		case f.Default != "":
			def = "`" + f.Default + "`"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", f.Name, f.Type, def, bounds(f), f.Doc)
	}
}

func bounds(f stack.Field) string {
	switch {
	case len(f.OneOf) > 0:
		return codes(f.OneOf)
	case f.Min == "" && f.Max == "":
		return "-"
	}
	return strings.TrimSpace(f.Min + " to " + cmp.Or(f.Max, "any"))
}

func codes(names []string) string {
	var all []string
	for _, n := range names {
		all = append(all, "`"+n+"`")
	}
	return cmp.Or(strings.Join(all, ", "), "-")
}

// TestDeclarations holds what every layer and source declares against the rules for it.
func TestDeclarations(t *testing.T) {
	c := layers.Catalog()
	var names []string
	check := func(a stack.About, part any) {
		names = append(names, a.Name)
		if a.Name == "" || a.Doc == "" || strings.Contains(a.Doc, "\n") {
			t.Errorf("%T: %+v", part, a)
		}
		for _, f := range stack.Fields(part) {
			if f.Doc == "" || strings.Contains(f.Doc, "|") {
				t.Errorf("%s.%s: doc %s", a.Name, f.Name, strconv.Quote(f.Doc))
			}
			for _, text := range []string{f.Default, f.Min, f.Max} {
				if _, err := f.Parse(text); text != "" && err != nil {
					t.Errorf("%s.%s: %v", a.Name, f.Name, err)
				}
			}
		}
	}
	for _, l := range c.Layers {
		check(l.About(), l)
	}
	if !slices.IsSorted(names) {
		t.Errorf("%v are not in order", names)
	}
	for _, s := range c.Sources {
		check(s.About(), s)
	}
	if slices.Sort(names); len(slices.Compact(names)) != len(c.Layers)+len(c.Sources) {
		t.Errorf("a name is used twice: %v", names)
	}
}
