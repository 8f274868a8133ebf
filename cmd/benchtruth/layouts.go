//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// layout is how a run is laid out; what it does not say is left to benchctl.
type layout struct {
	name  string
	lead  time.Duration
	flags []string
}

// layouts that are tried: one thing at a time is other than the default.
func layouts() []layout {
	return []layout{
		{name: "the default"},
		{name: "slices of 50 ms", flags: []string{"--slice=50ms"}},
		{name: "slices of 1 s", flags: []string{"--slice=1s"}},
		{name: "lead-in of 10 ms", lead: 10 * ms},
		{name: "lead-in of 500 ms", lead: 500 * ms},
		{name: "no passes", flags: []string{"--pass=none"}},
		{name: "passes of 1 s", flags: []string{"--pass=1s"}},
	}
}

// showsLayouts are tried, unless others are chosen: those whose slices may show something
// else than a load that is left running.
const showsLayouts = "plain,slow-500,stall-300,pauses-grow,recycle,pool-fills"

// tryLayouts holds runs of all layouts against one load by "benchctl load" for each
// subject. Nothing here is right or wrong: what it costs to be how near is told.
func (b *bench) tryLayouts(ctx context.Context) error {
	if b.only == "" {
		b.only = showsLayouts
	}
	b.head()
	fmt.Println("| server | layout | row is of | req/s over plain's: run | load | CPU over plain's: run | load | slices over passes: req/s | CPU |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
	for _, s := range b.subjects() {
		seen, err := b.long(ctx, s, false)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		for _, l := range layouts() {
			fmt.Fprintf(os.Stderr, "%s: %s\n", s.name, l.name)
			r, _, err := b.run(ctx, s, l)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", s.name, l.name, err)
			}
			fmt.Printf("| %s | %s | %s, %s | %s | %s | %s | %s | %s | %s |\n", s.name, l.name, r.basis, r.verdict,
				r.showRatio(throughput), seen.show(throughput), r.showRatio(serverCPU), seen.show(serverCPU),
				r.slicesOver.show(throughput, "%.3f"), r.slicesOver.show(serverCPU, "%.3f"))
		}
	}
	return nil
}
