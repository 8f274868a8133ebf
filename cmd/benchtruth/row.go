//go:build linux

package main

import (
	"encoding/json"
	"fmt"

	"github.com/benchctl/benchctl/results"
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
	candidate string
	verdict   results.Verdict
	reasons   []string
	figures   map[metric]estimate // those that are known
}

func parseSummary(output []byte) ([]row, error) {
	var s struct {
		Cells []struct {
			Candidate  string               `json:"candidate"`
			Verdict    results.Verdict      `json:"verdict"`
			Reasons    []string             `json:"reasons"`
			Throughput *estimate            `json:"throughput_rps"`
			ServerCPU  *estimate            `json:"server_cpu_us_per_request"`
			Latency    map[string]*estimate `json:"latency_ms"`
			Errors     struct {
				Total *estimate `json:"total"`
			} `json:"errors"`
		} `json:"cells"`
	}
	if err := json.Unmarshal(output, &s); err != nil {
		return nil, fmt.Errorf("read summary: %w", err)
	}
	var rows []row
	for _, c := range s.Cells {
		r := row{c.Candidate, c.Verdict, c.Reasons, map[metric]estimate{}}
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
		rows = append(rows, r)
	}
	return rows, nil
}
