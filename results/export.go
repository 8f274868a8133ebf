package results

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// CellTimes are the times of one cell, those of the trials that its row's are of
// merged.
type CellTimes struct {
	Scenario, App, Candidate string
	From, To                 time.Time // the first trial's begin, the last one's end
	Times
}

// CellTimes reads and merges the histograms of every cell that has any, in the
// order of the summary, but for searches: the times of many rates are those of none.
func (r *Record) CellTimes() ([]CellTimes, error) {
	var all []CellTimes
	for b, block := range r.Manifest.Blocks {
		if block.Load.SLO != nil {
			continue
		}
		var trials []Trial
		for _, c := range r.Manifest.Candidates {
			trials = append(trials, newEvidence(r, b, c).timed()...)
		}
		times, err := mergeHistograms(histPath(r.Dir, r.Manifest, b), trials)
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
func during(trials []Trial, candidate string) (from, to time.Time) {
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

// ticksPerHalf is how many percentiles are written each time that the distance to
// 100 % halves; HdrHistogram's own tools write as many.
const ticksPerHalf = 5

// WritePercentiles writes a histogram in ns as HdrHistogram's percentile
// distribution, in ms, which its plotters read.
func WritePercentiles(w io.Writer, h *hdrhistogram.Histogram) error {
	if _, err := h.PercentilesPrint(w, ticksPerHalf, float64(time.Millisecond)); err != nil {
		return fmt.Errorf("write percentiles: %w", err)
	}
	return nil
}

// WriteLog writes a histogram in ns as an HdrHistogram log of one interval, without
// a tag, as HistogramLogProcessor passes over tags that it was not told.
func WriteLog(w io.Writer, h *hdrhistogram.Histogram, from, to time.Time) error {
	h.SetTag("")
	h.SetStartTimeMs(from.UnixMilli())
	h.SetEndTimeMs(to.UnixMilli())
	log := hdrhistogram.NewHistogramLogWriter(w)
	for _, write := range []func() error{
		log.OutputLogFormatVersion,
		func() error { return log.OutputComment("[Times in ns; interval maximum in ms]") },
		func() error { return log.OutputStartTime(from.UnixMilli()) },
		log.OutputLegend,
		func() error { return log.OutputIntervalHistogram(h) },
	} {
		if err := write(); err != nil {
			return fmt.Errorf("write histogram log: %w", err)
		}
	}
	return nil
}
