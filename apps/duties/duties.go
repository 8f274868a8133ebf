// Package duties has which duties of the app contract candidates broke, and their apps: the rows of
// "benchctl verify --lint". Package lint finds the breaches.
package duties

import (
	"fmt"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/stack/lint"
)

// MatrixSchema names the format of Matrix. Fields are added, never redefined.
const MatrixSchema = "benchctl/verify-lint/v1"

// Matrix is the duties that candidates broke, as "benchctl verify --lint --json" prints them.
type Matrix struct {
	Schema     string `json:"schema"`
	Candidates []Row  `json:"candidates"`
}

// Row is a candidate as a Matrix shows it.
type Row struct {
	Candidate string        `json:"candidate"`
	Version   string        `json:"version,omitempty"`
	Class     string        `json:"class"`
	State     conform.State `json:"state"`
	Reason    string        `json:"reason,omitempty"` // of a state other than conform.Verified
	Kept      bool          `json:"keeps_duties"`     // but for declared deviations
	Findings  []Finding     `json:"findings"`
}

// NotInGo is the state of a server that does not carry apps by the contract.
const NotInGo conform.State = "not in Go"

// Finding is the breaches of one duty by one side, at one path.
type Finding struct {
	Rule     string    `json:"rule"` // "S3"
	By       lint.Side `json:"by"`
	Path     string    `json:"path"` // of the requests
	Times    int       `json:"times"`
	Method   string    `json:"method"`             // of the first request
	Text     string    `json:"text"`               // what happened at it
	Declared string    `json:"declared,omitempty"` // why it is known to happen; "" if it is not
}

// Deviation is a duty that a side is known to break.
type Deviation struct {
	apps.Deviation
	By   lint.Side
	Path string // where; "" is at any
}

func (d Deviation) covers(f Finding) bool {
	return d.Rule == f.Rule && d.By == f.By && (d.Path == "" || d.Path == f.Path)
}

// Failed tells whether any candidate, or its apps, broke a duty without a declaration, or could not be
// checked.
func (m Matrix) Failed() bool {
	return slices.ContainsFunc(m.Candidates, func(r Row) bool { return !r.Kept && r.State != conform.Absent && r.State != NotInGo })
}

// NewRow makes the row of a candidate from the breaches that were found. Err is why it could not be checked.
func NewRow(candidate, version, class string, breaches []lint.Breach, known []Deviation, err error) Row {
	r := Row{Candidate: candidate, Version: version, Class: class, State: conform.Verified, Findings: findings(breaches, known)}
	if err != nil {
		r.State, r.Reason = conform.Broken, err.Error()
	}
	r.Kept = err == nil && r.broken(false) == nil
	return r
}

// UncheckedRow is the row of a candidate that is not checked, as it is not installed or not in Go.
func UncheckedRow(candidate, class string, state conform.State, why string) Row {
	return Row{Candidate: candidate, Class: class, State: state, Reason: why, Findings: []Finding{}}
}

// findings counts breaches: by their rules in the order of their numbers, those of the app first.
func findings(breaches []lint.Breach, known []Deviation) []Finding {
	all := []Finding{}
	for _, b := range breaches {
		at := slices.IndexFunc(all, func(f Finding) bool { return f.Rule == b.Rule && f.By == b.By && f.Path == b.Path })
		if at < 0 {
			at = len(all)
			f := Finding{Rule: b.Rule, By: b.By, Path: b.Path, Method: b.Method, Text: b.Text}
			if d := slices.IndexFunc(known, func(d Deviation) bool { return d.covers(f) }); d >= 0 {
				f.Declared = known[d].Reason
			}
			all = append(all, f)
		}
		all[at].Times++
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		if len(a.Rule) != len(b.Rule) && a.Rule[0] == b.Rule[0] { // A10 after A9
			return len(a.Rule) - len(b.Rule)
		}
		return strings.Compare(a.Rule+a.Path, b.Rule+b.Path)
	})
	return all
}

// broken are the rules that were broken, declared or not, each with who broke it, once.
func (r Row) broken(declared bool) (rules []string) {
	for _, f := range r.Findings {
		rule := fmt.Sprintf("%s by the %s", f.Rule, f.By)
		if (f.Declared != "") == declared && !slices.Contains(rules, rule) {
			rules = append(rules, rule)
		}
	}
	return rules
}

// String is the row in a line, without the candidate.
func (r Row) String() string {
	if r.State != conform.Verified {
		return string(r.State) + ": " + r.Reason
	}
	var said []string
	if rules := r.broken(false); rules != nil {
		said = append(said, "broken: "+strings.Join(rules, ", "))
	}
	if rules := r.broken(true); rules != nil {
		said = append(said, "as declared: "+strings.Join(rules, ", "))
	}
	if said == nil {
		return "no duty is broken"
	}
	return strings.Join(said, "; ")
}
