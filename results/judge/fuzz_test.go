package judge_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
	"github.com/benchctl/benchctl/results/judge"
)

// Whatever lies in a run's files, reading them ends in an error or in complete
// rounds, of which a summary can be made; and Reopen keeps what Read has read.
func FuzzRead(f *testing.F) {
	line := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		return string(text) + "\n"
	}
	m := sample.Manifest()
	m.Schema = results.ManifestSchema
	a, b := sample.Slice("a", 0, 0), sample.Slice("b", 0, 0)
	a.Of, b.Of, b.Position = 2, 2, 1
	round, launch := line(a)+line(b), line(sample.Launched()[0])
	for _, text := range []string{"", round, round + round, round + line(a), round + line(a)[:40], line(b) + round, "{}\n" + round, "\n", "null\n", round[:len(round)-1]} {
		f.Add(line(m), text, launch)
		f.Add(line(m), text, launch[:20]+"\n"+launch)
	}
	f.Add(`{"schema":"benchctl/manifest/v2","blocks":[{}],"candidates":[{}]}`, round, launch)
	rated := a
	rated.Of, rated.Rate, rated.Ceiling, rated.Due, rated.SLO = 1, 1000, 2000, 100, &results.Search{Percentile: 5, Met: true, Reversals: 4}
	for _, load := range []string{`"slo":"p99<10ms"`, `"slo":"p98"`, `"rate":"50% of ceiling"`, `"ramp":"1/s to 2/s","arrivals":"poisson"`, `"steps":["-1",0]`, `"rate":-1`} {
		f.Add(`{"schema":"benchctl/manifest/v2","launches":1,"rounds":1,"blocks":[{"load":{"connections":1,`+load+`}}],"candidates":[{"name":"a"}]}`, line(rated), launch)
	}
	f.Add(`{"schema":"benchctl/manifest/v2","rounds":-1,"launches":3,"blocks":[{"scenario":"../..","app":"\u0000"}]}`, round, launch)
	f.Fuzz(func(t *testing.T, manifest, trials, launches string) {
		dir := t.TempDir()
		for name, text := range map[string]string{"manifest.json": manifest, "trials.jsonl": trials, "launches.jsonl": launches} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		r, err := results.Read(dir)
		s, errReopen := results.Reopen(dir)
		if (err == nil) != (errReopen == nil) {
			t.Fatalf("read: %v, but reopen: %v", err, errReopen)
		}
		if err != nil {
			return
		}
		defer s.Close()
		of, at := 0, 0
		for _, trial := range r.Trials {
			if at == of {
				of, at = trial.Of, 0
			}
			if trial.Of != of || trial.Position != at {
				t.Fatalf("trial %d of %d where %d of %d is due", trial.Position, trial.Of, at, of)
			}
			at++
		}
		if at != of {
			t.Fatalf("the last round has %d of %d trials", at, of)
		}
		again, err := results.Read(dir)
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("after reopen: %v", err)
		}
		if len(r.Manifest.Blocks)*len(r.Manifest.Candidates) > 100 {
			return
		}
		sum, err := judge.Summarize(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := json.Marshal(sum); err != nil {
			t.Fatal(err)
		}
	})
}
