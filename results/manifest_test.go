package results_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/results"
)

// A block asks for what it was made of, also when it was read from an indented manifest, and its identity
// is not that of a file's name, nor of a candidate.
func TestBlockOfAStack(t *testing.T) {
	app := stacked.App{Name: "site.yaml", Stack: `{"main":{"paths":{"/a":"hello"}}}`, At: "/a"}
	b := results.NewBlock("concurrency-1", app)
	b.Load.Connections = 1 // which a load has
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	var again results.Block
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if got := again.Ask(""); !reflect.DeepEqual(got, app) || !again.Stacked() || again.Stack.SHA256 != app.SHA256() {
		t.Errorf("%+v, want %+v", got, app)
	}
	if got := again.Ask("etag"); got.Layers != "etag" || got.Identity() == app.Identity() {
		t.Errorf("%+v", got)
	}
	same, other := again, again
	same.App = "renamed.yaml"
	other.Fields = [][2]string{{"Origin", "https://www.example.org"}}
	if same.Identity() != again.Identity() || other.Identity() == again.Identity() {
		t.Errorf("%s renamed is %s, with a field %s", again.Identity(), same.Identity(), other.Identity())
	}
}
