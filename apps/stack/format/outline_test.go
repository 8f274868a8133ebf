package format_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps/stack/format"
	"github.com/benchctl/benchctl/apps/stack/format/formattest"
)

func TestOutline(t *testing.T) {
	path := filepath.Join("testdata", "rich.yaml")
	doc, err := format.Read(path, formattest.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, l := range doc.Stacks[0].Outline() {
		origin, ok := doc.Stacks[0].Origins[l.Place]
		if ok == l.Default {
			t.Errorf("%+v: origin %v", l, origin)
		}
		text := l.Text
		if l.Value != "" {
			text += " = " + l.Value
		}
		fmt.Fprintf(&got, "%s%s @%d", strings.Repeat("  ", l.Depth), text, origin.Line)
		if l.About != nil {
			got.WriteString(" " + l.About.Doc)
		}
		got.WriteString("\n")
	}
	want := `main @1
  layer plain @3 
  layer all @4 all fields
    text = "a \"b\" # c: %d\n\té" @5
    number = -5 @6
    long = 1099511627776 @7
    fraction = 1.25 @8
    bool = true @9
    duration = 1.5s @10
    size = 64KiB @11
    secret = env:KEY @12
    list = ["x" "y z" ""] @13
    map = ["X-A":"1: 2" "b c":""] @17
  layer gives @20 
  hosts @21
    a.example @22
      paths @23
        / @24
          app hello @24 greets
        /api @25
          layer takes @27 
            kind = "b" @28
          app says @29 says its text
            text = "api" @31
            status = 200 @0
        /old @32
          app hello @32 greets
    *.example @33
      cascade @34
        catch = 404 405 @48
        1 @35
          app says @35 says its text
            text = "no" @37
            status = 404 @38
        2 @39
          app hello @39 greets
        3 @40
          layer all @41 all fields
            number = 6 @0
            duration = 1h0m0s @42
          app says @45 says its text
            text = "inner" @47
            status = 200 @0
    b.example @51
      app hello @51 greets
    default @52
      app says @52 says its text
        text = "other" @55
        status = 200 @0
`
	if got.String() != want {
		t.Errorf("%s\nwant\n%s", got.String(), want)
	}
}

// What stands before a stack comes first.
func TestOutlineOfFront(t *testing.T) {
	doc, err := format.Parse("f", format.YAML, []byte("main: {front: {before: {number: 2}}, layers: [plain], app: hello}"), formattest.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, l := range doc.Stacks[0].Outline() {
		fmt.Fprintf(&got, "%d %s %s at %s, %v %s\n", l.Depth, l.Text, l.Value, l.Place, doc.Stacks[0].Origins[l.Place], l.Kind)
	}
	want := `0 main  at , f:1:1 
1 front before  at front, f:1:8 front
2 kind a at front.kind, :0:0 
2 number 2 at front.number, f:1:33 
1 layer plain  at app.layers[0], f:1:47 layer
1 app hello  at app.app, f:1:60 app
`
	if got.String() != want {
		t.Errorf("%s\nwant\n%s", got.String(), want)
	}
}
