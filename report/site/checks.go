package site

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/servers/audit"
)

// ReadChecks reads what "benchctl verify --json" printed, with or without --process-control.
func ReadChecks(path string) ([]report.Check, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	all, err := parseChecks(text)
	if err != nil {
		return nil, fmt.Errorf("checks %s: %w", path, err)
	}
	return all, nil
}

func parseChecks(text []byte) ([]report.Check, error) {
	var of struct{ Schema string }
	if err := json.Unmarshal(text, &of); err != nil {
		return nil, err
	}
	switch of.Schema {
	case conform.MatrixSchema:
		m, err := conform.ParseMatrix(text)
		return conformanceChecks(m), err
	case audit.MatrixSchema:
		m, err := audit.ParseMatrix(text)
		return processChecks(m), err
	}
	return nil, fmt.Errorf("schema %q is neither %s nor %s", of.Schema, conform.MatrixSchema, audit.MatrixSchema)
}

// newCheck has printable texts: reasons quote what servers said.
func newCheck(of, candidate, version, said string, gate bool) report.Check {
	return report.Check{Of: of, Candidate: report.Printable(candidate), Version: report.Printable(version), Said: report.Printable(said), Gate: gate}
}

func detail(name, text string) report.CheckDetail {
	return report.CheckDetail{Name: report.Printable(name), Text: report.Prose(text)}
}

func conformanceChecks(m conform.Matrix) (all []report.Check) {
	rules := make(map[string]string)
	for _, c := range m.Checks {
		rules[c.ID] = fmt.Sprintf("%s (%s)", c.Rule, c.Source)
	}
	for _, r := range m.Candidates {
		if r.State == conform.Absent {
			continue
		}
		c := newCheck(report.CheckConformance, r.Candidate, r.Version, r.String(), r.Gate)
		c.Class = report.ClassOf(r.Class).Many
		for _, f := range r.Findings {
			if f.Outcome != conform.Failed {
				continue
			}
			name := f.Check
			if f.App != "" {
				name += " with " + f.App
			}
			c.Details = append(c.Details, detail(name, rules[f.Check]+": "+f.Reason))
		}
		all = append(all, c)
	}
	return all
}

func processChecks(m audit.Matrix) (all []report.Check) {
	rules := make(map[string]string)
	for _, r := range m.Rules {
		rules[r.ID] = r.Rule
	}
	for _, r := range m.Candidates {
		if r.State == conform.Absent {
			continue
		}
		c := newCheck(report.CheckProcessControl, r.Candidate, r.Version, r.String(), r.Gate)
		for _, o := range r.Offers {
			c.Details = append(c.Details, detail("offers "+string(o.Facility), fmt.Sprintf("%s (%s)", o.Promise, o.Source)))
		}
		for _, f := range r.Findings {
			if f.Outcome == audit.Failed {
				c.Details = append(c.Details, detail(f.Rule, rules[f.Rule]+": "+f.Reason))
			}
		}
		all = append(all, c)
	}
	return all
}
