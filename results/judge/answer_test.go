package judge_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
	"github.com/benchctl/benchctl/results/judge"
)

// stored puts a run of six rounds of a and b into a store.
func stored(t *testing.T, store, id string, change func(*results.Manifest), each func(*results.Trial)) {
	t.Helper()
	m := sample.Manifest()
	m.ID = id
	if change != nil {
		change(&m)
	}
	s, err := results.Create(filepath.Join(store, id), m)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for r := range 6 {
		round := sample.Rounds(6, each)[2*r : 2*r+2]
		for i := range round {
			round[i].Position, round[i].Of = i, len(round)
		}
		if err := s.AppendRound(round, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range sample.Launched() {
		if err := s.AppendLaunch(l); err != nil {
			t.Fatal(err)
		}
	}
}

// A and B are runs if there are such, and candidates of a run otherwise.
func TestAnswer(t *testing.T) {
	store := t.TempDir()
	stored(t, store, "2026-a", nil, nil)
	stored(t, store, "2026-b", func(m *results.Manifest) { m.Env = []string{"GOGC=50"} }, func(tr *results.Trial) { tr.Counted -= 500 })
	stored(t, store, "2027-c", func(m *results.Manifest) { m.Environment.Fingerprint, m.Environment.CPU = "g", "another" }, nil)
	stored(t, store, "2028-d", func(m *results.Manifest) { m.Rounds = 8 }, faster(1.25))
	for _, c := range []struct {
		name              string
		q                 judge.Question
		pairs             []string // A and B of the comparisons
		regressed, paired bool
		remarks           []string
	}{
		{"candidates", judge.Question{A: "a", B: "b", Run: "2028-d"}, []string{"a b"}, false, true,
			[]string{"run 2028-d is partial: it was ended before every planned slice was measured"}},
		{"candidates, the other way round", judge.Question{A: "b", B: "a", Run: "latest"}, []string{"b a"}, true, true,
			[]string{"run 2028-d is partial: it was ended before every planned slice was measured"}},
		{"a difference that is let pass", judge.Question{A: "b", B: "a", Run: "latest", Tolerance: 30}, []string{"b a"}, false, true,
			[]string{"run 2028-d is partial: it was ended before every planned slice was measured"}},
		{"runs", judge.Question{A: "2026-a", B: "2026-b"}, []string{"2026-a a 2026-b a", "2026-a b 2026-b b"}, true, false, []string{
			"the candidates' environment was the usual one in 2026-a, and with GOGC=50 in 2026-b",
			"the runs are two sittings: the machine's drift between them is not in the intervals",
		}},
		{"runs of two machines", judge.Question{A: "2026-a", B: "2027", Force: true}, []string{"2026-a a 2027-c a", "2026-a b 2027-c b"}, false, false, []string{
			"the runs differ in CPU: unknown, and another",
			"the runs are two sittings: the machine's drift between them is not in the intervals",
		}},
	} {
		c.q.Store, c.q.Alpha = store, 0.05
		answer, err := c.q.Answer()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var pairs []string
		for _, one := range answer.Comparisons {
			if pair := one.A + " " + one.B; !slices.Contains(pairs, pair) {
				pairs = append(pairs, pair)
			}
			if one.Paired != c.paired {
				t.Errorf("%s: paired is %v", c.name, one.Paired)
			}
		}
		if !slices.Equal(pairs, c.pairs) || answer.Regressed() != c.regressed || !slices.Equal(answer.Remarks, c.remarks) || len(answer.Missing) > 0 {
			t.Errorf("%s: pairs %q, regressed %v, %+v", c.name, pairs, answer.Regressed(), answer)
		}
	}
}

// What was asked wrongly is distinguished from runs that can't be read.
func TestNoAnswer(t *testing.T) {
	store := t.TempDir()
	stored(t, store, "2026-a", nil, nil)
	stored(t, store, "2026-b", func(m *results.Manifest) { m.Environment.Fingerprint, m.Environment.Kernel = "g", "7" }, nil)
	torn := t.TempDir()
	stored(t, torn, "t", nil, nil)
	sample.Write(t, []byte("{"), torn, "t", "manifest.json")
	for _, c := range []struct {
		q      judge.Question
		misuse bool
		want   string
	}{
		{judge.Question{A: "a", B: "b", Run: "2026-a", Tolerance: -1, Alpha: 0.05}, true, "compare: --tolerance -1: negative"},
		{judge.Question{A: "a", B: "b", Run: "2026-a", Alpha: 2}, true, "compare: --family-alpha 2: not within 0 and 1"},
		{judge.Question{A: "2026", B: "2026-b", Alpha: 0.05}, true, `find run "2026"`},
		{judge.Question{A: "a", B: "b", Run: "2025", Alpha: 0.05}, true, `find run "2025"`},
		{judge.Question{A: "a", B: "c", Run: "2026-a", Alpha: 0.05}, true, `compare: run 2026-a has no candidate "c"`},
		{judge.Question{A: "2026-a", B: "2026-b", Alpha: 0.05}, true, "compare: the runs were measured on different machines, or one set up otherwise: kernel: unknown, and 7"},
		{judge.Question{Store: torn, A: "a", B: "b", Run: "t", Alpha: 0.05}, false, "read run: "},
		{judge.Question{Store: torn, A: "t", B: "t", Alpha: 0.05}, false, "read run: "},
	} {
		if c.q.Store == "" {
			c.q.Store = store
		}
		if _, err := c.q.Answer(); err == nil || misuse.Is(err) != c.misuse || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%+v: misuse %v, %v", c.q, misuse.Is(err), err)
		}
	}
}

// Cells without usable figures can't be said to be no slower.
func TestMissingRegresses(t *testing.T) {
	for _, c := range []struct {
		answer judge.Answer
		want   bool
	}{
		{judge.Answer{}, false},
		{judge.Answer{Missing: []string{"a is invalid"}}, true},
		{judge.Answer{Comparisons: []judge.Comparison{{Worse: true}}}, false},
		{judge.Answer{Comparisons: []judge.Comparison{{Better: true, Decides: true}, {Worse: true, Decides: true}}}, true},
	} {
		if got := c.answer.Regressed(); got != c.want {
			t.Errorf("%+v: %v", c.answer, got)
		}
	}
}
