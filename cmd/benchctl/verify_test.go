package main

import (
	"testing"

	"github.com/benchctl/benchctl/apps/conform"
)

func TestVoided(t *testing.T) {
	failed := func(app string, level conform.Level, concerns ...string) findingRow {
		return findingRow{Check: "c", App: app, Outcome: outcomeFailed, level: level, concerns: concerns}
	}
	for want, findings := range map[string][]findingRow{
		"no cell of a run depends on those":                                                      {failed("", conform.Gate), failed("hello", conform.Report)},
		"in a run its cells of hello, upload, echo are invalid":                                  {failed("hello", conform.Gate), failed("", conform.Gate, "upload", "echo"), failed("", conform.Gate, "echo")},
		"in a run its cells of json are invalid":                                                 {failed("json", conform.Gate), {Check: "d", App: "hello", Outcome: outcomePassed, level: conform.Gate}},
		"in a run its cells of any app over connections that carry one request each are invalid": {failed("", conform.Gate, conform.UsesClose)},
	} {
		if got := (candidateRow{Findings: findings}).voided(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
