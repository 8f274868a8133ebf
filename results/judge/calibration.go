package judge

import (
	"fmt"
	"math"
	"time"

	"github.com/benchctl/benchctl/results"
)

// Calibration is what a machine can measure: the limit of the load generator, and how far a
// server seems to differ from itself.
type Calibration struct {
	Environment results.Environment `json:"environment"`
	Loader      LoaderLimit         `json:"loader"`
	Floor       NoiseFloor          `json:"noise_floor"`
}

// LoaderLimit is the load generator's limit against a sink. Bottleneck is the side at its limit:
// BottleneckLoader, BottleneckSink or BottleneckNone; "" if unknown.
type LoaderLimit struct {
	results.LoaderCeiling
	Bottleneck string `json:"bottleneck,omitempty"`
}

// What may limit a load on the sink.
const (
	BottleneckLoader = "loader"
	BottleneckSink   = "sink"
	BottleneckNone   = "neither"
)

// busyShare is the part of its processors' time from which on a side is at its limit.
const busyShare = 0.8

// NewLoaderLimit determines the side at its limit; if both are, the busier one.
func NewLoaderLimit(c results.LoaderCeiling) LoaderLimit {
	l := LoaderLimit{LoaderCeiling: c}
	switch {
	case c.SinkShare == nil:
	case max(c.LoaderShare, *c.SinkShare) < busyShare:
		l.Bottleneck = BottleneckNone
	case c.LoaderShare >= *c.SinkShare:
		l.Bottleneck = BottleneckLoader
	default:
		l.Bottleneck = BottleneckSink
	}
	return l
}

// NoiseFloor is the result of a server measured against itself.
type NoiseFloor struct {
	A        string  `json:"a"`
	B        string  `json:"b"`
	Scenario string  `json:"scenario"`
	App      string  `json:"app"`
	Launches int     `json:"launches"`
	Rounds   int     `json:"rounds"`
	Seconds  float64 `json:"seconds"` // with starts and warm-up
	Metrics  []Noise `json:"metrics"`
}

// Noise is one metric's part of the floor.
type Noise struct {
	Metric    string  `json:"metric"`
	Ratio     float64 `json:"ratio"`
	Low       float64 `json:"ci_low"`
	High      float64 `json:"ci_high"`
	HalfWidth float64 `json:"half_width_percent"`
	// Resolved is the smallest difference in percent that a run of two candidates resolves in
	// 80 % of cases, by the names of Spans, the length of the run. It is the minimal effect of
	// this measurement (Pair.MDE), whose logarithm scales with 1/sqrt(time).
	Resolved map[string]float64 `json:"resolved_percent"`
}

// Span is a length of a run that a floor is scaled to.
type Span struct {
	Name   string // "30s"
	Length time.Duration
}

// Spans are those lengths, the shortest first.
func Spans() []Span {
	return []Span{{"30s", 30 * time.Second}, {"2m", 2 * time.Minute}, {"10m", 10 * time.Minute}}
}

// Floor computes the noise floor from a run of a server against itself, with one block. took is
// the time of the run. It fails if a row has no usable figures.
func Floor(r *results.Record, took time.Duration) (NoiseFloor, error) {
	m := r.Manifest
	f := NoiseFloor{
		A: m.Candidates[0].Name, B: m.Candidates[1].Name, Scenario: m.Blocks[0].Scenario, App: m.Blocks[0].App,
		Launches: m.Launches, Rounds: m.Rounds, Seconds: took.Seconds(), Metrics: []Noise{},
	}
	s, err := Summarize(r)
	if err != nil {
		return f, err
	}
	for _, cell := range s.Cells {
		if !cell.Verdict.Usable() {
			return f, fmt.Errorf("%s: %s", cell.Candidate, Sentences(cell.Reasons))
		}
	}
	for _, p := range s.Pairs {
		f.Metrics = append(f.Metrics, newNoise(p, took))
	}
	return f, nil
}

func newNoise(p Pair, took time.Duration) Noise {
	n := Noise{Metric: p.Metric, Ratio: p.Ratio, Low: p.Low, High: p.High, HalfWidth: 100 * (p.High - p.Low) / 2, Resolved: make(map[string]float64)}
	if p.MDE == nil {
		return n
	}
	for _, span := range Spans() {
		n.Resolved[span.Name] = 100 * math.Expm1(math.Log1p(*p.MDE)*math.Sqrt(took.Seconds()/span.Length.Seconds()))
	}
	return n
}
