package report

import "strings"

// Check is what a candidate was found to do when it was verified, outside of any run.
type Check struct {
	Of        string // what was checked: CheckConformance or CheckProcessControl
	Candidate string
	Version   string
	Class     string // of the server, in words; "" if it was not told
	Gate      bool   // the cells of a run do not become invalid by what was found
	Said      string // what was found, in a line
	Details   []CheckDetail
}

// What is checked.
const (
	CheckConformance    = "conformance"
	CheckProcessControl = "process control"
)

// CheckDetail is a finding that is not as it should be, or what a server offers.
type CheckDetail struct {
	Name string // of the rule: "length-and-chunked"
	Text string // lines
}

// Server is the name of the candidate's server: what precedes its version, profile and layers.
func (c Check) Server() string {
	if end := strings.IndexAny(c.Candidate, "@:#+"); end > 0 {
		return c.Candidate[:end]
	}
	return c.Candidate
}
