package report

import (
	"strings"
	"testing"

	"github.com/benchctl/benchctl/results/judge"
)

// unsorted has two classes, ties in no column, and a row without figures.
func unsorted() *Report {
	figures := func(candidate, class string, rps, cpu float64) judge.Cell {
		c := measured("s", "hello", candidate, rps)
		c.Class = class
		c.Figures[judge.MetricServerCPU] = &judge.Estimate{Value: cpu}
		return c
	}
	none := measured("s", "hello", "none", 1)
	none.Figures, none.Rank, none.RankedBy, none.Verdict = nil, 0, "", judge.Invalid
	return New(&judge.Summary{Cells: []judge.Cell{
		figures("slow", "engine", 10, 1), figures("python", "wsgi", 5, 0.5), none, figures("fast", "engine", 30, 3), figures("middle", "engine", 20, 2),
	}})
}

func order(r *Report) string {
	var names []string
	for _, row := range r.Tables[0].Rows {
		names = append(names, row.Cell.Candidate)
	}
	return strings.Join(names, " ")
}

func TestSort(t *testing.T) {
	for column, want := range map[string]string{
		"throughput": "fast middle slow none python", // more is better
		"Server-CPU": "slow middle fast none python", // less is; any case; classes stay together
		"candidate":  "fast middle none slow python", // by the alphabet
	} {
		r := unsorted()
		if err := r.Sort(column); err != nil {
			t.Fatal(err)
		}
		if got := order(r); got != want {
			t.Errorf("by %s: %s, want %s", column, got, want)
		}
	}
}

func TestSortByNoColumn(t *testing.T) {
	r := unsorted()
	before := order(r)
	err := r.Sort("servr-cpu")
	if err == nil || !strings.Contains(err.Error(), `"servr-cpu"`) || !strings.Contains(err.Error(), `did you mean "server-cpu"`) {
		t.Errorf("error %v, want one that names the nearest column", err)
	}
	if order(r) != before {
		t.Error("the rows were sorted")
	}
	if err := New(&judge.Summary{}).Sort("p99"); err != nil {
		t.Errorf("nothing to sort: %v", err)
	}
}
