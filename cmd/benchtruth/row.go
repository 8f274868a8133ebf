//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// estimate is a figure of a row with its interval, which is empty where it has
// none. All that depends on how summary.json spells it is in this file.
type estimate struct{ value, low, high float64 }

// UnmarshalJSON takes an estimate, whose figure is called value or median, and a
// bare number.
func (e *estimate) UnmarshalJSON(text []byte) error {
	var bare float64
	if json.Unmarshal(text, &bare) == nil {
		*e = estimate{bare, bare, bare}
		return nil
	}
	var r struct {
		Value  *float64 `json:"value"`
		Median *float64 `json:"median"`
		Low    float64  `json:"ci_low"`
		High   float64  `json:"ci_high"`
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return err
	}
	if r.Value == nil {
		r.Value = r.Median
	}
	if r.Value == nil {
		return fmt.Errorf("neither value nor median in %s", text)
	}
	*e = estimate{*r.Value, r.Low, r.High}
	return nil
}

// row is one of a run's summary.
type row struct {
	candidate   string
	verdict     judge.Verdict
	reasons     []judge.Reason
	connections float64
	figures     map[metric]estimate // those that are known
	ratios      map[metric]estimate // of throughput and CPU, over plain's; those that are known
	basis       string              // what throughput and CPU are of
	slicesOver  figures             // throughput and CPU of the slices over those of the passes

	// Response times in ns, as they are and as wrk prints them; nil if the row has
	// none.
	times, corrected *hdrhistogram.Histogram
}

// summary is what a run came to.
type summary struct {
	id    string
	rows  []row
	pairs []pair
}

// pair is the ratio b/a of two candidates.
type pair struct {
	A      string  `json:"a"`
	B      string  `json:"b"`
	Metric string  `json:"metric"`
	Ratio  float64 `json:"ratio"`
	Low    float64 `json:"ci_low"`
	High   float64 `json:"ci_high"`
}

func parseSummary(output []byte) (summary, error) {
	var s struct {
		Run struct {
			ID string `json:"id"`
		} `json:"run"`
		Cells []struct {
			Candidate   string         `json:"candidate"`
			Verdict     judge.Verdict  `json:"verdict"`
			Reasons     []judge.Reason `json:"reasons"`
			Connections float64        `json:"connections"`
			Basis       string         `json:"basis"`
			Whole       struct {
				Throughput *float64 `json:"slices_over_throughput"`
				CPU        *float64 `json:"slices_over_cpu"`
			} `json:"whole"`
			Throughput *estimate            `json:"throughput_rps"`
			ServerCPU  *estimate            `json:"server_cpu_us_per_request"`
			Latency    map[string]*estimate `json:"latency_ms"`
			Errors     struct {
				Total *estimate `json:"total"`
			} `json:"errors"`
		} `json:"cells"`
		Pairs []pair `json:"pairs"`
	}
	if err := json.Unmarshal(output, &s); err != nil {
		return summary{}, fmt.Errorf("read summary: %w", err)
	}
	parsed := summary{id: s.Run.ID, pairs: s.Pairs}
	for _, c := range s.Cells {
		r := row{candidate: c.Candidate, verdict: c.Verdict, reasons: c.Reasons, connections: c.Connections, basis: c.Basis, figures: map[metric]estimate{}, slicesOver: figures{}}
		for m, over := range map[metric]*float64{throughput: c.Whole.Throughput, serverCPU: c.Whole.CPU} {
			if over != nil {
				r.slicesOver[m] = *over
			}
		}
		set := func(m metric, e *estimate) {
			if e != nil {
				r.figures[m] = *e
			}
		}
		set(throughput, c.Throughput)
		set(serverCPU, c.ServerCPU)
		set(failures, c.Errors.Total)
		for _, m := range times() {
			set(m, c.Latency[m.key()])
		}
		parsed.rows = append(parsed.rows, r)
	}
	return parsed, nil
}

// over are the ratios of a candidate to another one.
func (s summary) over(candidate, base string) map[metric]estimate {
	ratios := map[metric]estimate{}
	for _, p := range s.pairs {
		m, ok := map[string]metric{judge.MetricThroughput: throughput, judge.MetricServerCPU: serverCPU}[p.Metric]
		switch {
		case !ok:
		case p.A == base && p.B == candidate:
			ratios[m] = estimate{p.Ratio, p.Low, p.High}
		case p.B == base && p.A == candidate && p.Low > 0:
			ratios[m] = estimate{1 / p.Ratio, 1 / p.High, 1 / p.Low}
		}
	}
	return ratios
}

// addTimes reads the response times of the row from the directory of its run.
func (r *row) addTimes(dir string) error {
	if _, told := r.figures[p50]; !told {
		return nil
	}
	record, err := results.Read(dir)
	if err != nil {
		return err
	}
	cells, err := judge.Times(record)
	if err != nil {
		return err
	}
	for _, c := range cells {
		if c.Candidate == r.candidate {
			r.times = c.Response
			r.corrected = corrected(c.Response, r.interval())
			return nil
		}
	}
	return fmt.Errorf("no times of %s in %s", r.candidate, dir)
}

// interval is how often a connection sends a request, in ns, as wrk has it; 0 if it
// is not known.
func (r *row) interval() int64 {
	rate := r.figures[throughput].value
	if rate <= 0 {
		return 0
	}
	return int64(r.connections / rate * float64(time.Second))
}
