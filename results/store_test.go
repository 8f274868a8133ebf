package results_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
	"github.com/benchctl/benchctl/results/judge"
)

func TestStoreKeepsWhatItIsGiven(t *testing.T) {
	m := sample.Manifest()
	s := sample.Create(t, m)
	sample.Record(t, s, 0)
	want := sample.Launched()[0]
	if err := s.AppendLaunch(want); err != nil {
		t.Fatal(err)
	}
	r := sample.Read(t, s.Dir())
	m.Schema = results.ManifestSchema
	if !reflect.DeepEqual(r.Manifest, m) {
		t.Errorf("manifest is %+v, not %+v", r.Manifest, m)
	}
	if len(r.Launches) != 1 || !reflect.DeepEqual(r.Launches[0], want) {
		t.Errorf("launches are %+v", r.Launches)
	}
	for i, name := range []string{"a", "b"} {
		want := sample.Slice(name, 0, 0)
		want.Position, want.Of = i, 2
		if !reflect.DeepEqual(r.Trials[i], want) {
			t.Errorf("trial %d is %+v, not %+v", i, r.Trials[i], want)
		}
	}
	if r.Attempts() != 1 || !r.Done()[results.RoundKey{}] || len(r.Done()) != 1 {
		t.Errorf("%d attempts, done %v", r.Attempts(), r.Done())
	}
}

func TestCreateRefusesAnExistingRun(t *testing.T) {
	s := sample.Create(t, sample.Manifest())
	s.Close()
	if _, err := results.Create(s.Dir(), sample.Manifest()); err == nil || !strings.Contains(err.Error(), "there is a run already") {
		t.Errorf("create: %v", err)
	}
}

func TestOneProcessHasTheRun(t *testing.T) {
	s := sample.Create(t, sample.Manifest())
	if _, err := results.Reopen(s.Dir()); err == nil || !strings.Contains(err.Error(), "another benchctl is measuring it") {
		t.Errorf("reopen of an open run: %v", err)
	}
	s.Close()
	sample.Reopen(t, s.Dir())
}

// Whatever a killed process has left of its last round, exactly the rounds
// before it are kept, and the next one can be added.
func TestTornTrials(t *testing.T) {
	t.Parallel()
	s := sample.Create(t, sample.Manifest())
	sample.Record(t, s, 0)
	first := len(sample.Content(t, s.Dir(), "trials.jsonl"))
	sample.Record(t, s, 1)
	s.Close()
	whole := sample.Content(t, s.Dir(), "trials.jsonl")
	for cut := first; cut <= len(whole); cut++ {
		sample.Write(t, whole[:cut], s.Dir(), "trials.jsonl")
		want := " 0:2"
		if cut == len(whole) {
			want = " 0:2 1:2"
		}
		if got := sample.Keys(sample.Read(t, s.Dir())); got != want {
			t.Fatalf("cut at byte %d of %d: read%s, want%s", cut, len(whole), got, want)
		}
		again := sample.Reopen(t, s.Dir())
		sample.Record(t, again, 2)
		again.Close()
		if got := sample.Keys(sample.Read(t, s.Dir())); got != want+" 2:2" {
			t.Fatalf("cut at byte %d of %d, and resumed: read%s, want%s 2:2", cut, len(whole), got, want)
		}
	}
}

// After a loss of power, blocks of the last round may be zero.
func TestZeroedTrials(t *testing.T) {
	s := sample.Create(t, sample.Manifest())
	sample.Record(t, s, 0)
	first := len(sample.Content(t, s.Dir(), "trials.jsonl"))
	sample.Record(t, s, 1)
	s.Close()
	whole := sample.Content(t, s.Dir(), "trials.jsonl")
	end := first + bytes.IndexByte(whole[first:], '\n')
	for _, zero := range [][2]int{{first, len(whole)}, {first, first + 9}, {end - 9, end + 9}, {len(whole) - 9, len(whole)}} {
		text := bytes.Clone(whole)
		clear(text[zero[0]:zero[1]])
		sample.Write(t, text, s.Dir(), "trials.jsonl")
		again := sample.Reopen(t, s.Dir())
		sample.Record(t, again, 2)
		again.Close()
		if got := sample.Keys(sample.Read(t, s.Dir())); got != " 0:2 2:2" {
			t.Errorf("bytes %v zero: read%s", zero, got)
		}
	}
}

func TestTornLaunches(t *testing.T) {
	s := sample.Create(t, sample.Manifest())
	for _, l := range sample.Launched() {
		if err := s.AppendLaunch(l); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	whole := sample.Content(t, s.Dir(), "launches.jsonl")
	for cut := range whole {
		sample.Write(t, whole[:cut], s.Dir(), "launches.jsonl")
		want := bytes.Count(whole[:cut], []byte("\n"))
		if got := len(sample.Read(t, s.Dir()).Launches); got != want {
			t.Fatalf("cut at byte %d: read %d launches, want %d", cut, got, want)
		}
		again := sample.Reopen(t, s.Dir())
		if err := again.AppendLaunch(sample.Launched()[1]); err != nil {
			t.Fatal(err)
		}
		again.Close()
		if got := len(sample.Read(t, s.Dir()).Launches); got != want+1 {
			t.Fatalf("cut at byte %d, and resumed: read %d launches, want %d", cut, got, want+1)
		}
	}
}

// Damage before the last round comes from no crash. Nothing is cut off then.
func TestDamage(t *testing.T) {
	s := sample.Create(t, sample.Manifest())
	for r := range 3 {
		sample.Record(t, s, r)
	}
	for _, l := range sample.Launched() {
		if err := s.AppendLaunch(l); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	trials := strings.SplitAfter(string(sample.Content(t, s.Dir(), "trials.jsonl")), "\n")
	launches := strings.SplitAfter(string(sample.Content(t, s.Dir(), "launches.jsonl")), "\n")
	replace := func(lines []string, at int, by string) string {
		lines = append([]string{}, lines...)
		lines[at] = by
		return strings.Join(lines, "")
	}
	for _, c := range []struct{ name, file, text, want string }{
		{"first line", "trials.jsonl", replace(trials, 0, "garbage\n"), "trials.jsonl:1: "},
		{"a round's first line", "trials.jsonl", replace(trials, 2, "garbage\n"), "trials.jsonl:3: "},
		{"a round's last line", "trials.jsonl", replace(trials, 3, "{}\n"), "trials.jsonl:4: "},
		{"a line is missing", "trials.jsonl", replace(trials, 1, ""), "trials.jsonl:2: "},
		{"a line is there twice", "trials.jsonl", replace(trials, 2, trials[2]+trials[2]), "trials.jsonl:4: "},
		{"no trial", "trials.jsonl", replace(trials, 1, "null\n"), "trials.jsonl:2: "},
		{"no launch", "launches.jsonl", replace(launches, 0, "{}\n"), "launches.jsonl:1: "},
	} {
		sample.Write(t, []byte(strings.Join(trials, "")), s.Dir(), "trials.jsonl")
		sample.Write(t, []byte(strings.Join(launches, "")), s.Dir(), "launches.jsonl")
		sample.Write(t, []byte(c.text), s.Dir(), c.file)
		if _, err := results.Read(s.Dir()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: read: %v, want %s", c.name, err, c.want)
		}
		if _, err := results.Reopen(s.Dir()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: reopen: %v, want %s", c.name, err, c.want)
		}
		if got := string(sample.Content(t, s.Dir(), c.file)); got != c.text {
			t.Errorf("%s: the file was changed", c.name)
		}
	}
}

func TestManifestIsChecked(t *testing.T) {
	s := sample.Create(t, sample.Manifest())
	s.Close()
	for text, want := range map[string]string{
		"":                                  "manifest.json: ",
		"[]":                                "manifest.json: ",
		`{"schema":"benchctl/manifest/v9"}`: `schema is "benchctl/manifest/v9", not "benchctl/manifest/v2"`,
	} {
		sample.Write(t, []byte(text), s.Dir(), "manifest.json")
		if _, err := results.Read(s.Dir()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: read: %v, want %s", text, err, want)
		}
		if _, err := results.Reopen(s.Dir()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: reopen: %v, want %s", text, err, want)
		}
	}
}

func TestSummaryIsReplaced(t *testing.T) {
	s := sample.Create(t, sample.Manifest())
	if _, err := judge.ReadSummary(s.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("read a summary that is not there: %v", err)
	}
	for _, status := range []string{judge.StatusPartial, judge.StatusComplete} {
		want := &judge.Summary{Schema: judge.SummarySchema, Run: judge.Run{Status: status}}
		if err := s.WriteSummary(want); err != nil {
			t.Fatal(err)
		}
		if got, err := judge.ReadSummary(s.Dir()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read %+v, %v", got, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(s.Dir(), ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFind(t *testing.T) {
	store := t.TempDir()
	ids := []string{"20260301-120000-aaaa", "20260301-120000-bbbb", "20260302-080000-cccc"}
	for _, id := range ids {
		m := sample.Manifest()
		m.ID = id
		s, err := results.Create(filepath.Join(store, id), m)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	if err := os.Mkdir(filepath.Join(store, "99990101-no-run"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := results.List(store); err != nil || !reflect.DeepEqual(got, ids) {
		t.Errorf("List = %v, %v", got, err)
	}
	for name, want := range map[string]string{
		"latest": ids[2], ids[0]: ids[0], "20260302": ids[2], "20260301-120000-b": ids[1], filepath.Join(store, ids[1]): ids[1],
	} {
		if got, err := results.Find(store, name); err != nil || got != filepath.Join(store, want) {
			t.Errorf("Find(%q) = %q, %v; want %s", name, got, err, want)
		}
	}
	if _, err := results.Find(store, "202603"); err == nil || !strings.Contains(err.Error(), "any of "+strings.Join(ids, ", ")) {
		t.Errorf("an ambiguous name: %v", err)
	}
	for _, name := range []string{"", "99990101-no-run", "1999", "../" + filepath.Base(store)} {
		if _, err := results.Find(store, name); !errors.Is(err, results.ErrNoRun) {
			t.Errorf("Find(%q): %v", name, err)
		}
	}
	for _, name := range []string{"latest", "2026"} {
		if _, err := results.Find(filepath.Join(store, "nowhere"), name); !errors.Is(err, results.ErrNoRun) {
			t.Errorf("Find(%q) in no store: %v", name, err)
		}
	}
}

func TestSafeName(t *testing.T) {
	for name, want := range map[string]string{
		"fasthttp@v1.60.0": "fasthttp@v1.60.0", "waitress:tuned#b": "waitress_3atuned#b", "../../etc/passwd": ".._2f.._2fetc_2fpasswd",
		"size?bytes=1": "size_3fbytes=1", "a\x00\n\x1b<b>é": "a_00_0a_1b_3cb_3e_c3_a9",
	} {
		if got := results.SafeName(name); got != want {
			t.Errorf("SafeName(%q) = %q, want %q", name, got, want)
		}
	}
}
