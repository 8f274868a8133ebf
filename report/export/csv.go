package export

import (
	"encoding/csv"
	"io"
	"strconv"

	"github.com/benchctl/benchctl/results/judge"
)

// table writes a line for each cell, for spreadsheets (RFC 4180): its names, its verdict,
// and each metric with its interval. Unknown values are empty.
func table(w io.Writer, s *judge.Summary) error {
	head := []string{"scenario", "app", "candidate", "version", "class", "verdict", "rank", "requests"}
	for _, m := range judge.Metrics() {
		head = append(head, m.Name, m.Name+"_low", m.Name+"_high")
	}
	out := csv.NewWriter(w)
	_ = out.Write(head) // Flush tells
	for _, c := range s.Cells {
		line := []string{c.Scenario, c.App, c.Candidate, c.Version, c.Class, string(c.Verdict), rank(c), strconv.FormatUint(c.Requests, 10)}
		for _, m := range judge.Metrics() {
			line = append(line, figures(c.Figures[m.Name])...)
		}
		_ = out.Write(line)
	}
	out.Flush()
	return out.Error()
}

func rank(c judge.Cell) string {
	if c.Rank == 0 {
		return ""
	}
	return strconv.Itoa(c.Rank)
}

func figures(e *judge.Estimate) []string {
	if e == nil {
		return make([]string, 3)
	}
	var all []string
	for _, v := range []float64{e.Value, e.Low, e.High} {
		all = append(all, strconv.FormatFloat(v, 'g', 6, 64))
	}
	return all
}
