package text_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/report/text"
	"github.com/benchctl/benchctl/servers/audit"
)

func rules() audit.Matrix {
	all := audit.Rules()
	find := func(outcomes ...audit.Outcome) (found []audit.Finding) {
		for i, o := range outcomes {
			f := audit.Finding{Rule: all[i].ID, Outcome: o}
			if o != audit.Passed && o != audit.NotOffered {
				f.Reason = "it\nis so"
			}
			found = append(found, f)
		}
		return found
	}
	return audit.Matrix{Rules: all[:5], Candidates: []audit.Row{
		{Candidate: "good", State: conform.Verified, Gate: true, Findings: find(audit.Passed, audit.Passed, audit.NeedsRoot, audit.NotOffered, audit.NotOffered)},
		{Candidate: "other", State: conform.Verified, Findings: find(audit.Passed, audit.Failed, audit.Failed, audit.NotMade, audit.NotOffered)},
		{Candidate: "dead", State: conform.Broken, Reason: "left running: PID 7", Findings: find(audit.NotMade)},
		{Candidate: "ghost", State: conform.Absent, Reason: "not installed"},
	}}
}

func TestProcessControl(t *testing.T) {
	const head = `candidate  D1 D2 D3 D4 D5  kept   gate
good       .  .  #  -  -   2/2   passed
other      .  r  F  ?  -   1/3   FAILED
dead       ?  ?  ?  ?  ?   0/0   FAILED
ghost      skipped

. kept   F failed, of the gate   r failed, reported   - not offered   # needs root   ? not made

D1  gate   the launcher exits with 0, and the server goes on (https://`
	const tail = `
other: keeps 1 of 3 rules; fails the gate at D3; reported: D2
  report D2: it; is so
  gate D3: it; is so
  not made D4: it; is so

dead: broken: left running: PID 7
  not made D1: it; is so

ghost: skipped: not installed
`
	var out strings.Builder
	if err := text.ProcessControl(&out, rules()); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasPrefix(got, head) || !strings.HasSuffix(got, tail) {
		t.Errorf("got\n%s\nwant it to begin\n%s\nand to end\n%s", got, head, tail)
	}
	if err := text.ProcessControl(full{}, rules()); !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
}
