package main

import (
	"bytes"
	"testing"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/format"
)

// The page about stacks shows one file in all forms, each as convert writes it.
func TestStacksPage(t *testing.T) {
	all := map[string]string{}
	for _, b := range blocks(pages(t)["docs/stacks.md"]) {
		if all[b.language] == "" {
			all[b.language] = b.text
		}
	}
	doc, err := format.Parse("site.yaml", format.YAML, []byte(all["yaml"]), stackCatalog())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range doc.Stacks {
		if _, err := stack.Build(s.Node); err != nil {
			t.Error(s.Locate(err))
		}
	}
	for _, form := range format.Forms() {
		var want bytes.Buffer
		if err := format.Write(&want, form, doc); err != nil {
			t.Fatal(err)
		}
		text := all[string(form)]
		if form == format.YAML {
			text = text[len("# site.yaml\n"):]
		}
		if text != want.String() {
			t.Errorf("the page has in %s\n%s\nwant\n%s", form, text, want.String())
		}
	}
}
