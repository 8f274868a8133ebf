// Package judge infers from a run's record: estimates with their intervals, pairs of candidates,
// ranks, verdicts with their reasons, and comparisons. The same record gives the same summary.
package judge

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/benchctl/benchctl/results"
)

// SummarySchema names the format of Summary. Fields are added, never redefined.
//
// Version 1 had medians over slices in place of totals, with intervals and ratios of another
// meaning. Version 2 had sentences for reasons, and the rate of a search within "slo".
const SummarySchema = "benchctl/summary/v3"

// Summary is a run as reports show it; summary.json is its JSON form. A figure
// that is not known is absent: nil or empty, never 0 or -1. Texts that may have several lines have the
// tag `print:"lines"`, for those that show them.
type Summary struct {
	Schema string `json:"schema"`
	Run    Run    `json:"run"`
	Cells  []Cell `json:"cells"`
	Pairs  []Pair `json:"pairs"`
}

// Status of a run.
const (
	StatusComplete = "complete" // every planned slice was measured, or as many as the precision or the budget took
	StatusPartial  = "partial"  // interrupted, out of budget, or killed; it can be resumed
)

// Run describes one run as a whole.
type Run struct {
	ID       string    `json:"id"`
	Status   string    `json:"status"`
	Seed     uint64    `json:"seed"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished,omitzero"`
	// CountedSeconds is how much of this time was within counted slices.
	CountedSeconds float64             `json:"counted_s"`
	Benchctl       string              `json:"benchctl"` // version of benchctl
	Command        string              `json:"command"`  // the command line that repeats the run
	Environment    results.Environment `json:"environment"`
	Notes          []string            `json:"notes,omitempty" print:"lines"` // warnings that concern the whole run
	Terms          []results.Term      `json:"terms,omitempty"`               // what its names stand for
}

// Verdict states how far a cell can be trusted.
type Verdict string

// Verdicts, best first. Invalid and unreached cells are never ranked.
const (
	Valid    Verdict = "valid"
	Degraded Verdict = "degraded" // the figures hold with the reservation that the reasons state
	Invalid  Verdict = "invalid"
	// Unreached cells were not measured because the run ended before. The verdict says
	// nothing about the server.
	Unreached Verdict = "unreached"
)

// Usable reports whether a cell's figures are to be used.
func (v Verdict) Usable() bool { return v == Valid || v == Degraded }

// Cell is one scenario x app x candidate: a row of a table.
type Cell struct {
	Scenario  string `json:"scenario"`
	App       string `json:"app"`
	Identity  string `json:"identity"` // of what was offered, see scenarios.Load
	Candidate string `json:"candidate"`
	Server    string `json:"server"`
	Version   string `json:"version,omitempty"`
	Profile   string `json:"profile"`
	Class     string `json:"class"`            // engine, wsgi, ...: rows are fairly compared within one
	Base      string `json:"base,omitempty"`   // the engine that a framework runs on, or the candidate without its layers
	Layers    int    `json:"layers,omitempty"` // how many are around all apps of the candidate
	// Reference is the candidate that the scenario compares it with; "": none.
	Reference string `json:"reference,omitempty"`
	Engine    string `json:"engine"`
	Launches  int    `json:"launches"`
	Slices    int    `json:"slices"`
	// Connections of the load, held open.
	Connections int    `json:"connections"`
	Requests    uint64 `json:"requests"` // answered rightly within counted windows

	Verdict Verdict  `json:"verdict"`
	Reasons []Reason `json:"reasons"` // none of a valid one

	// Notes are remarks that do not change the verdict.
	Notes []string `json:"notes,omitempty" print:"lines"`

	// Basis is the source of throughput and CPU time: BasisSlices, or BasisWhole if slices
	// do not show what the same load shows without a break.
	Basis string `json:"basis,omitempty"`
	Whole *Whole `json:"whole,omitempty"`

	// Figures by the names of metrics; in JSON each is a field of the cell.
	Figures Figures `json:"-"`

	// Added is what all layers of the candidate add to figures of the candidate Base, paired: of what may
	// be 0, as allocations.
	Added Figures `json:"added,omitempty"`

	BodyRate  *float64       `json:"body_bytes_per_second,omitempty"` // bytes of replies' bodies, median over slices
	WireRate  *float64       `json:"wire_bytes_per_second,omitempty"` // bytes of replies as received, heads and framing included: a total like the throughput; absent if the engine does not tell
	Offered   *float64       `json:"offered_rps,omitempty"`           // req/s, median over slices; open loop
	Ceiling   *float64       `json:"ceiling_rps,omitempty"`           // req/s in a closed loop, median over launches, where the rate follows it
	SLO       *SLO           `json:"slo,omitempty"`                   // where the highest rate that meets an objective was searched
	Latency   *Latency       `json:"latency_ms,omitempty"`            // response: from the intended send time
	Service   *Latency       `json:"service_ms,omitempty"`            // from the actual send time; open loop
	First     *Latency       `json:"first_byte_ms,omitempty"`         // from the intended send time to the first byte of the body
	Idle      *Idle          `json:"idle_connections,omitempty"`      // that were open beside the load
	SendLag   *Latency       `json:"send_lag_ms,omitempty"`           // from the intended to the actual send time; open loop
	AtRest    *AtRest        `json:"at_rest,omitempty"`
	Watched   *Watched       `json:"watched,omitempty"` // where the cell was watched around events; it has no rank then
	Memory    *Memory        `json:"memory_mib,omitempty"`
	StartupMS *float64       `json:"startup_ms,omitempty"` // median time from spawn to the first correct reply
	Loader    *Loader        `json:"loader,omitempty"`
	Errors    results.Errors `json:"errors"`

	// Rank is the best place in its class that the cell may have, 1 plus the number of cells that are better
	// beyond doubt; absent for invalid cells and those that were not compared. See Places.
	Rank     int      `json:"rank,omitempty"`
	RankedBy string   `json:"ranked_by,omitempty"` // the metric that ranks this cell
	TiedWith []string `json:"tied_with"`           // candidates of the class whose difference cannot be told
}

// Places are the first and the last place in its class that the cell may have, as far as was told: those
// that it can't be told from may be before it or after it. Zero if it has no rank. They are of pairwise
// comparisons at 95 % each (see Mogstad, Romano, Shaikh and Wilhelm 2024, Inference for Ranks, Review of
// Economic Studies 91:476, who call the range that holds for all rows at once a confidence set for ranks).
func (c Cell) Places() (first, last int) {
	if c.Rank <= 0 || !c.Verdict.Usable() {
		return 0, 0
	}
	return c.Rank, c.Rank + len(c.TiedWith)
}

// Figures are estimates by the names of metrics. Unknown ones are absent.
type Figures map[string]*Estimate

// Throughput is in req/s, nil if it is not known.
func (f Figures) Throughput() *Estimate { return f[MetricThroughput] }

// ServerCPU is in µs per request, nil if it is not known.
func (f Figures) ServerCPU() *Estimate { return f[MetricServerCPU] }

// MarshalJSON writes each figure as a field of the cell, by the name of its metric.
func (c Cell) MarshalJSON() ([]byte, error) {
	type plain Cell
	cell, err := json.Marshal(plain(c))
	if err != nil || len(c.Figures) == 0 {
		return cell, err
	}
	figures, err := json.Marshal(c.Figures)
	return slices.Concat(cell[:len(cell)-1], []byte(","), figures[1:]), err
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *Cell) UnmarshalJSON(text []byte) error {
	type plain Cell
	if err := json.Unmarshal(text, (*plain)(c)); err != nil {
		return err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	c.Figures = make(Figures)
	for _, m := range metrics {
		if field, ok := fields[m.Name]; ok {
			var e Estimate
			if err := json.Unmarshal(field, &e); err != nil {
				return fmt.Errorf("%s: %w", m.Name, err)
			}
			c.Figures[m.Name] = &e
		}
	}
	return nil
}

// SLO is the objective of a search. Its rate is the cell's MetricSLORate: half of the slices at
// that rate meet the objective. The rate is unknown if the search has not settled.
type SLO struct {
	Objective string `json:"objective"` // "p99<10ms"
}

// Estimate is a figure with its 95 % confidence interval. A throughput is all counted replies
// over all counted time, a cost per request is the whole cost over all requests. A median would
// leave out the slices in which a server stood still.
type Estimate struct {
	Value float64 `json:"value"`
	Low   float64 `json:"ci_low"`
	High  float64 `json:"ci_high"`
}

// Latency holds percentiles of times in ms from the merged histograms of all slices. A
// percentile with fewer than 100 samples beyond it is absent.
type Latency struct {
	P50  *float64 `json:"p50,omitempty"`
	P90  *float64 `json:"p90,omitempty"`
	P99  *float64 `json:"p99,omitempty"`
	P999 *float64 `json:"p999,omitempty"`
	Max  *float64 `json:"max,omitempty"`
}

// Memory is resident memory of the process tree in MiB, pages that its processes
// share counted once.
type Memory struct {
	Idle  *float64 `json:"idle,omitempty"`  // ready, before any load
	Peak  *float64 `json:"peak,omitempty"`  // the most seen, connections open
	After *float64 `json:"after,omitempty"` // load gone, connections closed
}

// Loader is the cost of the load, and how far the load generator was from its limit.
type Loader struct {
	CPU *float64 `json:"cpu_us_per_request,omitempty"`
	// Headroom is the load generator's ceiling / the cell's throughput. The ceiling is the
	// lower of two: the one measured against the sink, and the cell's throughput / the
	// loader's CPU share in it, as replies may cost more to read than the sink's.
	Headroom *float64 `json:"headroom,omitempty"`
}

// Idle is about the connections that were open beside the load and carried nothing.
type Idle struct {
	Asked int      `json:"asked"`
	Kept  int      `json:"kept"`               // open at the end of the slice in which they were fewest
	KiB   *float64 `json:"kib_each,omitempty"` // resident memory that they took, median
}

// Bases of a cell's figures.
const (
	BasisSlices = "slices"
	BasisWhole  = "whole"
)

// Whole is the result of the load without a break, with which slices are compared. SlicesOver
// are the slices' figures over those of the passes, in the launches that have both: at 1.1,
// slices show 10 % more.
type Whole struct {
	Passes         int      `json:"passes"`
	Seconds        float64  `json:"longest_s"` // of the longest
	Throughput     *float64 `json:"throughput_rps,omitempty"`
	ServerCPU      *float64 `json:"server_cpu_us_per_request,omitempty"`
	SlicesOver     *float64 `json:"slices_over_throughput,omitempty"`
	SlicesOverCPU  *float64 `json:"slices_over_cpu,omitempty"`
	Longest        float64  `json:"longest_response_ms"`
	Scale          float64  `json:"time_scale_ms"` // see Trial.Scale
	InFlight       *float64 `json:"in_flight,omitempty"`
	SlicesInFlight *float64 `json:"slices_in_flight,omitempty"`
}

// AtRest is what a candidate does without load.
type AtRest struct {
	// Share is how much of a processor it used while others were loaded.
	Share *float64 `json:"cpu_share,omitempty"`
	// Deferred is the CPU time that it deferred until after the load, in µs per request. The
	// server CPU includes it.
	Deferred *float64 `json:"deferred_us_per_request,omitempty"`
}

// Pair compares two candidates of one scenario and app by the rounds that both were
// measured in: Ratio is the total of b over that of a, with its 95 % confidence
// interval.
type Pair struct {
	Scenario string  `json:"scenario"`
	App      string  `json:"app"`
	A        string  `json:"a"`
	B        string  `json:"b"`
	Metric   string  `json:"metric"`
	Ratio    float64 `json:"ratio,omitzero"`
	Low      float64 `json:"ci_low,omitzero"`
	High     float64 `json:"ci_high,omitzero"`
	// MDE is the minimal detectable effect: the relative difference that data of
	// this spread would resolve in 80 % of cases, 0.02 for 2 %.
	MDE *float64 `json:"mde,omitempty"`
	// P is the two-sided p-value of the ratio being 1, on its own.
	P *float64 `json:"p,omitempty"`
}

// Separated reports whether the interval excludes 1, that is, whether the
// difference was resolved.
func (p Pair) Separated() bool { return p.Low > 1 || p.High < 1 }

// ReadSummary reads a run's summary.json.
func ReadSummary(dir string) (*Summary, error) {
	path := filepath.Join(dir, results.FileSummary)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read summary: %w", err)
	}
	var s Summary
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("read summary: %s: %w", path, err)
	}
	if s.Schema != SummarySchema {
		return nil, fmt.Errorf("read summary: %s: schema is %q, not %q", path, s.Schema, SummarySchema)
	}
	return &s, nil
}

// SummaryOf is the summary of a run: its summary.json if that is of this schema and no older than the records, else what
// SummarizeDir makes of the records, which takes far longer. A summary.json that an earlier benchctl wrote has that one's
// verdicts.
func SummaryOf(dir string) (*Summary, error) {
	current, err := results.Current(dir, results.FileSummary)
	if err != nil {
		return nil, fmt.Errorf("read summary: %w", err)
	}
	if current {
		if s, err := ReadSummary(dir); err == nil {
			return s, nil
		}
	}
	return SummarizeDir(dir)
}
