package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/report/text"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

type verifyFlags struct {
	servers, serverDirs, env []string

	runAs           string
	jobs            int
	json, exchanges bool
}

func verifyCommand(e env) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use: "verify", Short: "Check that servers conform to HTTP and serve the test apps unchanged",
		Long: `Starts each candidate alone and makes the checks of the conformance gate over the
wire. A failed check of level gate makes the cells of the apps that it concerns
invalid in a run. Other failures are only reported. Checks over HTTP/2 (h2-...) apply
to candidates whose load speaks HTTP/2.

The exit code is 1 if a check of level gate fails.`,
		Example: `  benchctl verify --servers fasthttp
  benchctl verify --servers wsgi --exchanges
  benchctl verify --servers all --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.verify(cmd.Context(), f) },
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringSliceVar(&f.servers, "servers", []string{"all"}, "candidates, see benchctl list servers")
	fs.StringArrayVar(&f.serverDirs, "server-dir", nil, "directory with manifests of further servers; may be repeated")
	fs.StringArrayVar(&f.env, "env", nil, envUsage)
	fs.StringVar(&f.runAs, "run-as", "", runAsUsage)
	fs.IntVar(&f.jobs, "jobs", runtime.NumCPU(), "how many candidates are checked at a time")
	fs.BoolVar(&f.exchanges, "exchanges", false, "print the bytes of failed checks")
	fs.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

func (e env) verify(ctx context.Context, f verifyFlags) error {
	if f.jobs < 1 {
		return usage(fmt.Errorf("verify: --jobs %d: less than 1", f.jobs))
	}
	if err := control.CheckEnv(f.env); err != nil {
		return usage(fmt.Errorf("verify: --env: %w", err))
	}
	user, err := e.runAs("verify", f.runAs)
	if err != nil {
		return err
	}
	choice, err := servers.Find(f.serverDirs, f.servers)
	if err != nil {
		return failed(err)
	}
	for _, c := range choice.Candidates {
		e.tellRoot(c, user)
	}
	e.warnOf(measure.Leftovers())
	v := harness.Verification{Benchctl: e.executable, Guard: []string{e.executable, guardCommand}, Env: f.env, User: user}
	m, err := v.All(ctx, choice, f.jobs, func(row conform.Row) { e.say("%s: %s", row.Candidate, row) })
	switch {
	case err != nil:
		return unable(err)
	case f.json:
		err = e.printJSON(m)
	default:
		err = unable(text.Matrix(e.stdout, m, f.exchanges))
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return interrupted("verify", nil)
	case m.Failed():
		return &failure{code: exitFound}
	}
	return nil
}
