package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/external"
)

type verifyFlags struct {
	servers, serverDirs, env []string

	jobs            int
	json, exchanges bool
}

func verifyCommand(e env) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use: "verify", Short: "Check that servers behave as HTTP asks and carry the test apps as they are",
		Long: `Starts each candidate alone and makes the checks of the conformance gate over the
wire. A failed check of level gate makes the cells of the apps that it concerns
invalid in a run; the others are shown here. Those over HTTP/2 (h2-...) are made with
candidates whose load speaks that.`,
		Example: `  benchctl verify --servers fasthttp
  benchctl verify --servers wsgi --exchanges
  benchctl verify --servers all --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.verify(cmd.Context(), f) },
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringSliceVar(&f.servers, "servers", []string{"all"}, "candidates, see benchctl list servers")
	fs.StringArrayVar(&f.serverDirs, "server-dir", nil, "directories with manifests of further servers; may be repeated")
	fs.StringArrayVar(&f.env, "env", nil, envUsage)
	fs.IntVar(&f.jobs, "jobs", runtime.NumCPU(), "candidates that are checked at a time")
	fs.BoolVar(&f.exchanges, "exchanges", false, "show what went over the wire in failed checks")
	fs.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

// States of a candidate that was to be verified.
const (
	verified = "verified"
	skipped  = "skipped" // not installed
	broken   = "broken"  // it could not be checked, or died of it
)

// verification is what "verify --json" prints.
type verification struct {
	Schema     string         `json:"schema"`
	Checks     []checkRow     `json:"checks"`
	Candidates []candidateRow `json:"candidates"`
}

// checkRow is a check as "verify --json" shows it.
type checkRow struct {
	Number   int           `json:"number"`
	ID       string        `json:"id"`
	Level    conform.Level `json:"level"`
	Rule     string        `json:"rule"`
	Source   string        `json:"source"`
	Concerns []string      `json:"concerns"` // apps whose cells a failure makes invalid
}

// candidateRow is a candidate as "verify --json" shows it.
type candidateRow struct {
	Candidate string       `json:"candidate"`
	Version   string       `json:"version,omitempty"`
	Class     string       `json:"class"`
	State     string       `json:"state"`
	Reason    string       `json:"reason,omitempty"`
	Gate      bool         `json:"passes_gate"`
	Passed    int          `json:"passed"`
	Failed    int          `json:"failed"`
	Skipped   int          `json:"skipped"`
	Findings  []findingRow `json:"findings"`
}

// findingRow is how a check went. Exchange is there if it failed.
type findingRow struct {
	Check    string        `json:"check"`
	App      string        `json:"app,omitempty"`
	Outcome  string        `json:"outcome"` // passed, failed or skipped
	Reason   string        `json:"reason,omitempty"`
	Exchange []messageRow  `json:"exchange,omitempty"`
	level    conform.Level // of the check
	concerns []string      // apps whose cells depend on it, beside App
}

// messageRow is bytes that went over a connection: each character is a byte
// (ISO 8859-1).
type messageRow struct {
	Connection int    `json:"connection"`
	Sent       string `json:"sent,omitempty"`
	Received   string `json:"received,omitempty"`
	Cut        int    `json:"bytes_left_out,omitempty"`
}

// Outcomes of a check.
const (
	outcomePassed  = "passed"
	outcomeFailed  = "failed"
	outcomeSkipped = "skipped"
)

func (e env) verify(ctx context.Context, f verifyFlags) error {
	if f.jobs < 1 {
		return usage(fmt.Errorf("verify: --jobs %d: less than 1", f.jobs))
	}
	if err := control.CheckEnv(f.env); err != nil {
		return usage(fmt.Errorf("verify: --env: %w", err))
	}
	dirs, err := absolute(f.serverDirs)
	if err != nil {
		return usage(err)
	}
	all, err := servers.All(dirs...)
	if err != nil {
		return usage(err)
	}
	choice, err := servers.Choose(all, f.servers)
	if err != nil {
		return usage(err)
	}
	e.warnOf(measure.Leftovers())
	v := verification{Schema: "benchctl/verify/v1", Checks: checkRows(choice.Candidates), Candidates: make([]candidateRow, len(choice.Candidates))}
	if err := e.verifyAll(ctx, f, choice, v.Candidates); err != nil {
		return err
	}
	if f.json {
		err = e.printJSON(v)
	} else {
		err = unable(v.write(e.stdout, f.exchanges))
	}
	if err != nil {
		return err
	}
	return v.verdict(ctx)
}

// verifyAll fills a row for each candidate. One that was named itself and isn't
// installed is an error.
func (e env) verifyAll(ctx context.Context, f verifyFlags, choice servers.Choice, rows []candidateRow) error {
	var wait sync.WaitGroup
	var said sync.Mutex
	slots := make(chan struct{}, f.jobs)
	defer wait.Wait()
	for i, c := range choice.Candidates {
		err := c.Server.Check(ctx)
		var missing *external.NotInstalledError
		switch {
		case ctx.Err() != nil:
			rows[i] = candidateRow{Candidate: c.Name, Class: c.Server.Class, State: broken, Reason: context.Cause(ctx).Error(), Findings: []findingRow{}}
			continue
		case errors.As(err, &missing) && !choice.Named[i]:
			rows[i] = candidateRow{Candidate: c.Name, Class: c.Server.Class, State: skipped, Reason: oneLine(missing), Findings: []findingRow{}}
			continue
		case err != nil:
			return unable(err)
		}
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			rows[i] = e.verifyOne(ctx, c, f.env)
			said.Lock()
			defer said.Unlock()
			e.say("%s: %s", c.Name, rows[i].summary())
		})
	}
	return nil
}

func (e env) verifyOne(ctx context.Context, c servers.Candidate, variables []string) candidateRow {
	row := candidateRow{Candidate: c.Name, Class: c.Server.Class, State: verified, Gate: true, Findings: []findingRow{}}
	row.Version, _ = c.Server.Version(ctx) // the gate does not depend on it
	v := harness.Verification{Benchctl: e.executable, Guard: []string{e.executable, guardCommand}, Env: variables}
	findings, err := v.Verify(ctx, c)
	if ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), besides(err))
	}
	if err != nil {
		row.State, row.Reason, row.Gate = broken, err.Error(), false
	}
	for _, finding := range findings {
		r := rowOf(finding)
		row.Findings = append(row.Findings, r)
		row.Gate = row.Gate && (r.Outcome != outcomeFailed || r.level != conform.Gate)
	}
	for _, check := range conform.Checks() {
		if check.HTTP2 && c.Server.Protocol != servers.H2C {
			continue
		}
		switch outcome := row.outcome(check.ID); outcome {
		case outcomePassed:
			row.Passed++
		case outcomeFailed:
			row.Failed++
		default:
			row.Skipped++
		}
	}
	return row
}

func rowOf(f conform.Finding) findingRow {
	r := findingRow{Check: f.ID, App: f.App, Outcome: outcomePassed, level: f.Level, concerns: slices.Clip(f.Concerns)}
	switch {
	case f.Skipped != "":
		r.Outcome, r.Reason = outcomeSkipped, f.Skipped
	case f.Err != nil:
		r.Outcome, r.Reason = outcomeFailed, f.Err.Error()
		for _, m := range f.Transcript {
			row := messageRow{Connection: m.Connection, Cut: m.Cut}
			if text := latin1(m.Bytes); m.Sent {
				row.Sent = text
			} else {
				row.Received = text
			}
			r.Exchange = append(r.Exchange, row)
		}
	}
	return r
}

// latin1 has a character for each byte.
func latin1(b []byte) string {
	out := make([]rune, len(b))
	for i, c := range b {
		out[i] = rune(c)
	}
	return string(out)
}

// outcome is that of a check over all apps: the worst.
func (r candidateRow) outcome(check string) string {
	worst := outcomeSkipped
	for _, f := range r.Findings {
		switch {
		case f.Check != check:
		case f.Outcome == outcomeFailed:
			return outcomeFailed
		case f.Outcome == outcomePassed:
			worst = outcomePassed
		}
	}
	return worst
}

// summary is the row in a line.
func (r candidateRow) summary() string {
	switch {
	case r.State != verified:
		return r.State + ": " + r.Reason
	case r.Gate:
		return fmt.Sprintf("passes the gate, %d of %d checks", r.Passed, r.Passed+r.Failed)
	}
	var failed []string
	for _, f := range r.Findings {
		if f.Outcome == outcomeFailed && f.level == conform.Gate && !slices.Contains(failed, f.Check) {
			failed = append(failed, f.Check)
		}
	}
	return fmt.Sprintf("fails the gate at %s; %d of %d checks; %s", strings.Join(failed, ", "), r.Passed, r.Passed+r.Failed, r.voided())
}

// voided tells what the failed checks of the gate cost in a run.
func (r candidateRow) voided() string {
	var cells []string
	for _, f := range r.Findings {
		if f.Outcome != outcomeFailed || f.level != conform.Gate {
			continue
		}
		for _, one := range append(f.concerns, f.App) {
			if one == conform.UsesClose {
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

// checkRows are the checks that are made with any of the candidates: those over HTTP/2
// where the load of one speaks that.
func checkRows(candidates []servers.Candidate) []checkRow {
	over2 := slices.ContainsFunc(candidates, func(c servers.Candidate) bool { return c.Server.Protocol == servers.H2C })
	var rows []checkRow
	for _, c := range conform.Checks() {
		if c.HTTP2 && !over2 {
			continue
		}
		row := checkRow{Number: len(rows) + 1, ID: c.ID, Level: c.Level, Rule: c.Rule, Source: c.Source, Concerns: c.Concerns}
		if c.Each {
			row.Concerns = []string{"all"}
		}
		if row.Concerns == nil {
			row.Concerns = []string{}
		}
		rows = append(rows, row)
	}
	return rows
}

// verdict turns what was found into an exit code.
func (v verification) verdict(ctx context.Context) error {
	if ctx.Err() != nil {
		return interrupted("verify", nil)
	}
	for _, c := range v.Candidates {
		if c.State != skipped && !c.Gate {
			return &failure{code: exitFound}
		}
	}
	return nil
}
