package wsgi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/layers"
	"github.com/benchctl/benchctl/apps/stack/suiteapps"
)

var update = flag.Bool("update", false, "write benchctl/catalog.json")

const catalogFile = "benchctl/catalog.json"

// declared is what a layer or an app declares, as the twins read it.
type declared struct {
	Requires []string        `json:"requires,omitempty"`
	Provides []string        `json:"provides,omitempty"`
	Fields   []declaredField `json:"fields,omitempty"`
}

type declaredField struct {
	Name     string     `json:"name"`
	Type     stack.Type `json:"type"`
	Default  string     `json:"default,omitempty"`
	Min      string     `json:"min,omitempty"`
	Max      string     `json:"max,omitempty"`
	OneOf    []string   `json:"oneof,omitempty"`
	Required bool       `json:"required,omitempty"`
}

// catalog is what files of stacks can name.
func catalog() stack.Catalog {
	c := layers.Catalog()
	c.Sources = append(c.Sources, suiteapps.All()...)
	return c
}

func declare(about stack.About, part any) declared {
	d := declared{Requires: about.Requires, Provides: about.Provides}
	for _, f := range stack.Fields(part) {
		d.Fields = append(d.Fields, declaredField{f.Name, f.Type, f.Default, f.Min, f.Max, f.OneOf, f.Required})
	}
	return d
}

// TestCatalog holds that the twins have the config that the layers and apps declare.
func TestCatalog(t *testing.T) {
	all := map[string]map[string]declared{"layers": {}, "apps": {}}
	for _, l := range catalog().Layers {
		all["layers"][l.About().Name] = declare(l.About(), l)
	}
	for _, s := range catalog().Sources {
		all["apps"][s.About().Name] = declare(s.About(), s)
	}
	var want bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(all); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(catalogFile, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(catalogFile)
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is not what is declared: go test ./apps/wsgi -run TestCatalog -update (%v)", catalogFile, err)
	}
}
