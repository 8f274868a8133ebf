package results_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
)

// Each watch is there once it has been appended, also if the next one is torn. A round of
// them is done when all have been watched that are to be and can be.
func TestWatches(t *testing.T) {
	m := sample.Manifest()
	s := sample.Create(t, m)
	first, second := m.Candidates[0].Name, m.Candidates[1].Name
	if err := s.AppendWatch(results.Watch{Candidate: first}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	path := filepath.Join(s.Dir(), "watches.jsonl")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(whole, []byte(`{"candidate":"b"`)...), 0o644); err != nil {
		t.Fatal(err)
	}
	r := sample.Read(t, s.Dir())
	key := results.RoundKey{}
	if len(r.Watches) != 1 || !r.Watched(key, first) || r.Watched(key, second) || r.Done()[key] {
		t.Errorf("%+v, done %v", r.Watches, r.Done())
	}
	r.Launches = []results.Launch{{Candidate: second, BlockFailures: map[int]string{0: "it failed"}}}
	if !r.Done()[key] {
		t.Error("it waits for a candidate that is out")
	}
	again := sample.Reopen(t, s.Dir())
	if text, err := os.ReadFile(path); err != nil || string(text) != string(whole) {
		t.Errorf("reopened: %q, %v", text, err)
	}
	if err := again.AppendWatch(results.Watch{Candidate: second}); err != nil {
		t.Fatal(err)
	}
	if r := sample.Read(t, s.Dir()); len(r.Watches) != 2 || !r.Done()[key] {
		t.Errorf("%+v, done %v", r.Watches, r.Done())
	}
	if err := os.WriteFile(path, append([]byte("{}\n"), whole...), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := results.Read(s.Dir()); err == nil || !strings.HasSuffix(err.Error(), "watches.jsonl:1: not a watch") {
		t.Errorf("a damaged line: %v", err)
	}
}
