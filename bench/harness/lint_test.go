package harness_test

import (
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/duties"
)

// What does not carry apps by the contract is not begun, and what can't be started is broken.
func TestDutiesOfOthers(t *testing.T) {
	ownTemp(t)
	choice := choose(t, external(t, "deaf"), "deaf", "stripped", "nethttp", "nethttp:native")
	v := verification()
	v.Benchctl = "/bin/false"
	m, err := v.AllDuties(t.Context(), choice, 2, func(duties.Row) { /* told in any order */ })
	if err != nil || m.Schema != duties.MatrixSchema || !m.Failed() {
		t.Fatalf("%+v, %v", m, err)
	}
	for _, c := range []struct {
		name, reason string
		state        conform.State
	}{
		{"deaf", "it does not carry apps", duties.NotInGo},
		{"nethttp:native", "it does not carry apps", duties.NotInGo},
		{"ghost", "server ghost: not installed: ", conform.Absent},
		{"nethttp", "ended before it was ready: exit status 1", conform.Broken},
	} {
		found := false
		for _, r := range m.Candidates {
			if r.Candidate == c.name {
				found = r.State == c.state && strings.Contains(r.Reason, c.reason) && r.Findings != nil && !r.Kept
			}
		}
		if !found {
			t.Errorf("%s: %+v", c.name, m.Candidates)
		}
	}
}
