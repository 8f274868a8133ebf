package judge

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/benchctl/benchctl/results"
)

// CellTimes are the times of one cell, merged over the trials of its row.
type CellTimes struct {
	Scenario, App, Candidate string
	From, To                 time.Time // the first trial's begin, the last one's end
	results.Times
}

// Times reads and merges the histograms of every cell that has any, in the order of the
// summary. It omits searches, as merged times of several rates mean nothing.
func Times(r *results.Record) ([]CellTimes, error) {
	var all []CellTimes
	for b, block := range r.Manifest.Blocks {
		if block.Load.SLO != nil {
			continue
		}
		var trials []results.Trial
		for _, c := range r.Manifest.Candidates {
			trials = append(trials, newEvidence(r, b, c).timed()...)
		}
		times, err := r.Times(b, trials)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read histograms of run %s: %w", r.Manifest.ID, err)
		}
		for _, c := range r.Manifest.Candidates {
			if times[c.Name].Response == nil {
				continue
			}
			cell := CellTimes{Scenario: block.Scenario, App: block.App, Candidate: c.Name, Times: times[c.Name]}
			cell.From, cell.To = during(trials, c.Name)
			all = append(all, cell)
		}
	}
	return all, nil
}

// during is when the first trial of a candidate began and the last one ended.
func during(trials []results.Trial, candidate string) (from, to time.Time) {
	for _, t := range trials {
		if t.Candidate != candidate {
			continue
		}
		if from.IsZero() || t.At.Before(from) {
			from = t.At
		}
		if end := t.At.Add(t.Wall); end.After(to) {
			to = end
		}
	}
	return from, to
}
