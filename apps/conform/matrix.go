package conform

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// MatrixSchema names the format of Matrix. Fields are added, never redefined.
const MatrixSchema = "benchctl/verify/v1"

// Matrix is the results of the checks of servers, as "benchctl verify --json" prints them.
type Matrix struct {
	Schema     string   `json:"schema"`
	Checks     []Column `json:"checks"`
	Candidates []Row    `json:"candidates"`
}

// Column is a check as a Matrix shows it.
type Column struct {
	Number   int      `json:"number"` // from 1
	ID       string   `json:"id"`
	Level    Level    `json:"level"`
	Rule     string   `json:"rule"`
	Source   string   `json:"source"`
	Concerns []string `json:"concerns"` // apps whose cells a failure makes invalid
}

// Row is a candidate as a Matrix shows it.
type Row struct {
	Candidate string  `json:"candidate"`
	Version   string  `json:"version,omitempty"`
	Class     string  `json:"class"`
	State     State   `json:"state"`
	Reason    string  `json:"reason,omitempty"` // of a state other than Verified
	Gate      bool    `json:"passes_gate"`
	Passed    int     `json:"passed"` // checks, over all apps
	Failed    int     `json:"failed"`
	Skipped   int     `json:"skipped"`
	Findings  []Entry `json:"findings"`
}

// State is whether a candidate was verified.
type State string

// States.
const (
	Verified State = "verified"
	Absent   State = "skipped" // not installed
	Broken   State = "broken"  // it could not be checked, or died of it
)

// Entry is a Finding as a Matrix shows it. The exchange is there if the check failed.
type Entry struct {
	Check    string      `json:"check"`
	App      string      `json:"app,omitempty"`
	Outcome  Outcome     `json:"outcome"`
	Reason   string      `json:"reason,omitempty"`
	Exchange []Exchanged `json:"exchange,omitempty"`
	Level    Level       `json:"-"` // of the check
	Concerns []string    `json:"-"` // apps whose cells depend on it, beside App
}

// Outcome is the result of a check.
type Outcome string

// Outcomes.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	NotMade Outcome = "skipped"
)

// Exchanged is bytes that went over a connection: each character is a byte (ISO 8859-1).
type Exchanged struct {
	Connection int    `json:"connection"`
	Sent       string `json:"sent,omitempty"`
	Received   string `json:"received,omitempty"`
	Cut        int    `json:"bytes_left_out,omitempty"`
}

// NewMatrix makes a matrix without candidates, with a column for each check that is made with any of
// them. It has the checks over HTTP/2 if the load of one speaks it.
func NewMatrix(http2 bool) Matrix {
	m := Matrix{Schema: MatrixSchema}
	for _, c := range Checks() {
		if c.HTTP2 && !http2 {
			continue
		}
		column := Column{Number: len(m.Checks) + 1, ID: c.ID, Level: c.Level, Rule: c.Rule, Source: c.Source, Concerns: c.Concerns}
		if c.Each {
			column.Concerns = []string{"all"}
		}
		if column.Concerns == nil {
			column.Concerns = []string{}
		}
		m.Checks = append(m.Checks, column)
	}
	return m
}

// ParseMatrix reads the JSON form of a Matrix.
func ParseMatrix(text []byte) (Matrix, error) {
	var m Matrix
	if err := json.Unmarshal(text, &m); err != nil {
		return Matrix{}, err
	}
	if m.Schema != MatrixSchema {
		return Matrix{}, fmt.Errorf("schema %q is not %s", m.Schema, MatrixSchema)
	}
	of := make(map[string]Column)
	for _, c := range m.Checks {
		of[c.ID] = c
	}
	for _, r := range m.Candidates {
		for i := range r.Findings {
			e := &r.Findings[i]
			c, known := of[e.Check]
			if !known {
				return Matrix{}, fmt.Errorf("%s: check %q is none of those listed", r.Candidate, e.Check)
			}
			e.Level = c.Level
			if !slices.Contains(c.Concerns, "all") {
				e.Concerns = c.Concerns
			}
		}
	}
	return m, nil
}

// Failed reports whether any candidate does not pass the gate.
func (m Matrix) Failed() bool {
	return slices.ContainsFunc(m.Candidates, func(r Row) bool { return r.State != Absent && !r.Gate })
}

// NewRow makes the row of a candidate from its findings. http2 means that its load speaks HTTP/2.
// err is why a candidate could not be checked: it then fails the gate, whatever the findings.
func NewRow(candidate, version, class string, http2 bool, findings []Finding, err error) Row {
	r := Row{Candidate: candidate, Version: version, Class: class, State: Verified, Gate: err == nil && Gated(findings) == nil, Findings: []Entry{}}
	if err != nil {
		r.State, r.Reason = Broken, err.Error()
	}
	for _, f := range findings {
		r.Findings = append(r.Findings, newEntry(f))
	}
	for _, check := range Checks() {
		if check.HTTP2 && !http2 {
			continue
		}
		switch r.Outcome(check.ID) {
		case Passed:
			r.Passed++
		case Failed:
			r.Failed++
		default:
			r.Skipped++
		}
	}
	return r
}

// AbsentRow is the row of a candidate that is skipped, as it is not installed.
func AbsentRow(candidate, class, why string) Row {
	return Row{Candidate: candidate, Class: class, State: Absent, Reason: why, Findings: []Entry{}}
}

func newEntry(f Finding) Entry {
	e := Entry{Check: f.ID, App: f.App, Outcome: Passed, Level: f.Level, Concerns: f.Concerns}
	switch {
	case f.Skipped != "":
		e.Outcome, e.Reason = NotMade, f.Skipped
	case f.Err != nil:
		e.Outcome, e.Reason = Failed, f.Err.Error()
		for _, m := range f.Transcript {
			x := Exchanged{Connection: m.Connection, Cut: m.Cut}
			if text := latin1(m.Bytes); m.Sent {
				x.Sent = text
			} else {
				x.Received = text
			}
			e.Exchange = append(e.Exchange, x)
		}
	}
	return e
}

// latin1 has a character for each byte.
func latin1(b []byte) string {
	out := make([]rune, len(b))
	for i, c := range b {
		out[i] = rune(c)
	}
	return string(out)
}

// Outcome is that of a check over all apps: the worst.
func (r Row) Outcome(check string) Outcome {
	worst := NotMade
	for _, e := range r.Findings {
		switch {
		case e.Check != check:
		case e.Outcome == Failed:
			return Failed
		case e.Outcome == Passed:
			worst = Passed
		}
	}
	return worst
}

// String is the row in a line, without the candidate: whether it passes the gate and, if
// not, what that costs in a run.
func (r Row) String() string {
	switch {
	case r.State != Verified:
		return string(r.State) + ": " + r.Reason
	case r.Gate:
		return fmt.Sprintf("passes the gate, %d of %d checks", r.Passed, r.Passed+r.Failed)
	}
	var failed []string
	for _, e := range r.ungated() {
		if !slices.Contains(failed, e.Check) {
			failed = append(failed, e.Check)
		}
	}
	return fmt.Sprintf("fails the gate at %s; %d of %d checks; %s", strings.Join(failed, ", "), r.Passed, r.Passed+r.Failed, r.voided())
}

// ungated are the failed checks of level Gate.
func (r Row) ungated() (failed []Entry) {
	for _, e := range r.Findings {
		if e.Outcome == Failed && e.Level == Gate {
			failed = append(failed, e)
		}
	}
	return failed
}

// voided tells what the failed checks of the gate cost in a run.
func (r Row) voided() string {
	var cells []string
	for _, e := range r.ungated() {
		for _, one := range append(slices.Clone(e.Concerns), e.App) {
			if one == UsesClose {
				one = "any app over connections that carry one request each"
			}
			if one != "" && !slices.Contains(cells, one) {
				cells = append(cells, one)
			}
		}
	}
	if len(cells) == 0 {
		return "no cell of a run depends on those"
	}
	return "in a run its cells of " + strings.Join(cells, ", ") + " are invalid"
}
