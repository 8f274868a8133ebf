package audit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/servers/control"
)

// MatrixSchema names the format of Matrix. Fields are added, never redefined.
const MatrixSchema = "benchctl/verify-process-control/v1"

// Matrix is how servers kept the rules, as "benchctl verify --process-control --json" prints it.
type Matrix struct {
	Schema     string `json:"schema"`
	Rules      []Rule `json:"rules"`
	Candidates []Row  `json:"candidates"`
}

// Row is a candidate as a Matrix shows it.
type Row struct {
	Candidate string        `json:"candidate"`
	Version   string        `json:"version,omitempty"`
	Class     string        `json:"class"`
	State     conform.State `json:"state"`
	Reason    string        `json:"reason,omitempty"` // of a state other than conform.Verified
	Gate      bool          `json:"passes_gate"`
	Offers    []Offered     `json:"offers"`
	Findings  []Finding     `json:"findings"` // one of each rule, in their order
}

// Offered is a facility that a candidate offers.
type Offered struct {
	Facility control.Facility `json:"facility"`
	Promise  string           `json:"promise"`
	Source   string           `json:"source"`
}

// Finding is what came of a rule.
type Finding struct {
	Rule    string  `json:"rule"`
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason,omitempty"` // of any outcome but Passed, or what was seen
}

// Outcome is how a check went.
type Outcome string

// Outcomes. What a server does not offer is no failure.
const (
	Passed     Outcome = "passed"
	Failed     Outcome = "failed"
	NotOffered Outcome = "not offered"
	NeedsRoot  Outcome = "needs root" // the check, and this process is not
	NotMade    Outcome = "not made"   // as another one failed, of which the reason tells
)

// ParseMatrix reads the JSON form of a Matrix, of rules that are known here.
func ParseMatrix(text []byte) (Matrix, error) {
	var m Matrix
	if err := json.Unmarshal(text, &m); err != nil {
		return Matrix{}, err
	}
	if m.Schema != MatrixSchema {
		return Matrix{}, fmt.Errorf("schema %q is not %s", m.Schema, MatrixSchema)
	}
	rules := Rules()
	for _, r := range m.Candidates {
		for _, f := range r.Findings {
			if !slices.ContainsFunc(rules, func(known Rule) bool { return known.ID == f.Rule }) {
				return Matrix{}, fmt.Errorf("%s: rule %q is not known here", r.Candidate, f.Rule)
			}
		}
	}
	return m, nil
}

// Failed tells whether any candidate does not pass the gate.
func (m Matrix) Failed() bool {
	return slices.ContainsFunc(m.Candidates, func(r Row) bool { return r.State != conform.Absent && !r.Gate })
}

// Outcome is that of a rule.
func (r Row) Outcome(id string) Outcome {
	for _, f := range r.Findings {
		if f.Rule == id {
			return f.Outcome
		}
	}
	return NotMade
}

// Count is how many rules had an outcome.
func (r Row) Count(o Outcome) (n int) {
	for _, f := range r.Findings {
		if f.Outcome == o {
			n++
		}
	}
	return n
}

// String is the row in a line, without the candidate.
func (r Row) String() string {
	if r.State != conform.Verified {
		return string(r.State) + ": " + r.Reason
	}
	passed, failed := r.Count(Passed), r.Count(Failed)
	if passed+failed == 0 {
		return "offers nothing that is checked"
	}
	var gate, reported []string
	for _, f := range r.Findings {
		switch {
		case f.Outcome != Failed:
		case rule(f.Rule).Level == conform.Gate:
			gate = append(gate, f.Rule)
		default:
			reported = append(reported, f.Rule)
		}
	}
	s := fmt.Sprintf("keeps %d of %d rules", passed, passed+failed)
	if gate != nil {
		s += "; fails the gate at " + strings.Join(gate, ", ")
	}
	if reported != nil {
		s += "; reported: " + strings.Join(reported, ", ")
	}
	return s
}

// sheet collects what comes of the rules for one candidate.
type sheet struct {
	offers   map[control.Facility]control.Offer
	findings map[string]Finding
}

// judge notes what came of a rule: it is kept if err is nil.
func (s *sheet) judge(id string, err error) {
	f := Finding{Rule: id, Outcome: Passed}
	if err != nil {
		f.Outcome, f.Reason = Failed, err.Error()
	}
	s.findings[id] = f
}

// leave notes of rules why they were not tried.
func (s *sheet) leave(o Outcome, why string, ids ...string) {
	for _, id := range ids {
		s.findings[id] = Finding{Rule: id, Outcome: o, Reason: why}
	}
}

// all has a finding of each rule.
func (s *sheet) all() (all []Finding) {
	for _, r := range Rules() {
		f, known := s.findings[r.ID]
		_, offered := s.offers[r.Of]
		switch {
		case known:
		case r.Of != "" && !offered:
			f = Finding{Rule: r.ID, Outcome: NotOffered}
		default:
			f = Finding{Rule: r.ID, Outcome: NotMade}
		}
		all = append(all, f)
	}
	return all
}
