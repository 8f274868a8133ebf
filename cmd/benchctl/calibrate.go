package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/report/text"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/servers/control"
)

// calibrateFlags are the flags of "benchctl calibrate".
type calibrateFlags struct {
	duration time.Duration
	json     bool
}

func calibrateCommand(e env) *cobra.Command {
	var f calibrateFlags
	cmd := &cobra.Command{
		Use:   "calibrate",
		Short: "Report what this machine can measure: the load generator's limit, the noise floor, what disturbs",
		Long: `Report what this machine can measure: how many requests the load generator
reaches against a sink, which only replies; how far a server seems to differ from
itself; and what disturbs the machine.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.calibrate(cmd.Context(), f) },
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.DurationVar(&f.duration, "duration", 30*time.Second, "about how long, 1s to 1h; the noise floor requires 10s or more")
	fs.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

// calibration is what "calibrate --json" prints. What is not known is absent.
type calibration struct {
	Benchctl string `json:"benchctl"`
	judge.Calibration
	Warnings []measure.Warning `json:"warnings"`
}

func (e env) calibrate(ctx context.Context, f calibrateFlags) error {
	if f.duration < time.Second || f.duration > time.Hour {
		return usage(fmt.Errorf("calibrate: --duration %v: not within 1s and 1h", f.duration))
	}
	c := harness.Calibration{
		Benchctl: e.executable, Sink: e.sink(), Guard: []string{e.executable, guardCommand},
		Warn: func(text string) { e.say("benchctl: warning: %s", text) },
	}
	var err error
	if c.User, err = e.runAs("calibrate", ""); err != nil {
		return err
	}
	c.ServerCPUs, c.LoaderCPUs = control.Split()
	told, warnings, err := c.Machine(ctx, f.duration)
	switch {
	case ctx.Err() != nil:
		return interrupted("calibrate", err)
	case err != nil:
		return unable(fmt.Errorf("calibrate: %w", err))
	case f.json:
		return e.printJSON(calibration{version(), told, append([]measure.Warning{}, warnings...)})
	}
	if err := text.Calibration(e.stdout, told, e.width); err != nil {
		return unable(err)
	}
	for _, w := range warnings {
		if _, err := fmt.Fprintf(e.stdout, "warning: %s\n", w); err != nil {
			return unable(err)
		}
	}
	return nil
}
