package judge

import (
	"github.com/benchctl/benchctl/scenarios"
)

// LoadSummary is the result of a single load on one URL, as "benchctl load --json" prints it.
type LoadSummary struct {
	URL        string            `json:"url"`
	Load       scenarios.Load    `json:"load"`
	Poll       float64           `json:"poll_us,omitempty"` // how long the load generator polled before it slept
	Seconds    float64           `json:"seconds"`
	Requests   uint64            `json:"requests"` // answered rightly
	Throughput float64           `json:"throughput_rps"`
	BytesIn    uint64            `json:"bytes_in"`
	WireIn     uint64            `json:"wire_bytes_in,omitempty"` // heads and framing included
	Latency    *Latency          `json:"latency_ms"`
	SendLag    *Latency          `json:"send_lag_ms,omitempty"`
	LoaderCPU  float64           `json:"loader_cpu_us_per_request,omitempty"`
	Reconnects uint64            `json:"reconnects"`
	Reopened   uint64            `json:"reopened,omitempty"`
	Repeated   uint64            `json:"repeated,omitempty"`
	Missed     uint64            `json:"missed,omitempty"` // intended and not sent
	Errors     map[string]uint64 `json:"errors"`           // by kind
	Causes     map[string]uint64 `json:"causes,omitempty"`
	Examples   map[string]string `json:"examples,omitempty"`
	Verdict    Verdict           `json:"verdict"` // by the rules of a run's rows
	Reasons    []Reason          `json:"reasons"`
}

// Failed reports whether any request got no correct answer, was not sent, or all that came back
// is invalid.
func (s LoadSummary) Failed() bool {
	return s.Verdict == Invalid || len(s.Errors) > 0 || s.Missed > 0
}
