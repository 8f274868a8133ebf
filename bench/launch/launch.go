// Package launch is shared by all experiments: it starts and stops the candidates of a launch,
// and keeps which of them are out and why, the time left, and the record. The experiments
// (bench/paired, bench/timeline) measure.
package launch

import (
	"errors"
	"slices"
	"time"

	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// Config is what a run needs. The store's manifest says what is measured.
type Config struct {
	Store       *results.Store
	agent.Setup // of this machine's agents; its candidates are in the order of the manifest
	// Host and Loader are where the run takes place; nil: here, by Setup.
	Host    agent.Host
	Loader  agent.Loader
	Sink    []string         // command line of the sink of a calibration; nil: the run does not calibrate
	Now     func() time.Time // by which a budget is kept; nil: time.Now
	Observe func(Event)      // called from one goroutine; nil: nobody watches
}

// complete is c with the agents of this machine where it names no others.
func (c Config) complete() (Config, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Host == nil {
		c.Host = agent.NewHost(c.Setup)
	}
	if c.Loader == nil {
		loader, err := agent.NewLoader(c.Setup)
		if err != nil {
			return c, err
		}
		c.Loader = loader
	}
	return c, nil
}

// ErrBudget means that the budget ended before the plan was complete.
var ErrBudget = errors.New("the budget ended before the plan")

// Run is the state of a run that is being measured.
type Run struct {
	Config
	Plan     results.Manifest
	Record   *results.Record // grows with each round
	Done     map[results.RoundKey]bool
	Attempt  int
	Deadline time.Time     // of the budget; zero: none
	Ends     time.Time     // when the launch should end,
	Share    time.Time     // and in it the block; zero: with its rounds
	Overhead time.Duration // what a launch takes beside its loads, as far as it was seen
	Loads    time.Duration // how long the slices and passes of this launch took so far, with what is between them
	Loaded   time.Time     // when the last of them was over

	out map[cell]string // why it is not measured, or not any longer
}

// New is the run of a record, as far as it got in earlier attempts.
func New(c Config, record *results.Record) (*Run, error) {
	c, err := c.complete()
	if err != nil {
		return nil, err
	}
	r := &Run{Config: c, Plan: record.Manifest, Record: record, Done: record.Done(), Attempt: record.Attempts(), out: make(map[cell]string)}
	if r.Plan.Budget > 0 {
		r.Deadline = r.Now().Add(r.Plan.Budget * time.Duration(r.Plan.Launches-r.Begun()) / time.Duration(r.Plan.Launches))
	}
	for i, b := range r.Plan.Blocks {
		for _, name := range b.Without {
			r.Drop(name, i, "the server does not carry the app, or does not offer what is asked of it")
		}
	}
	for _, l := range record.Launches {
		if l.Failure != "" {
			r.Drop(l.Candidate, EveryBlock, l.Failure)
		}
		for block, why := range l.BlockFailures {
			r.Drop(l.Candidate, block, why)
		}
	}
	for _, t := range slices.Concat(record.Trials, record.Passes) {
		if t.Deed != "" { // whose launch has no record if benchctl was killed
			r.Drop(t.Candidate, t.Block, t.Deed)
		}
	}
	return r, nil
}

// cell is a candidate in a block, by the number of that, or in every one.
type cell struct {
	candidate string
	block     int
}

// EveryBlock stands for all blocks, for a candidate that could not be started.
const EveryBlock = -1

// Drop takes a candidate out of a block, or of EveryBlock.
func (r *Run) Drop(candidate string, block int, why string) { r.out[cell{candidate, block}] = why }

// IsOut reports whether a candidate is not measured in a block, or in any.
func (r *Run) IsOut(candidate string, block int) bool {
	return r.out[cell{candidate, EveryBlock}] != "" || r.out[cell{candidate, block}] != ""
}

// Lives reports whether a candidate is still measured in a block, for the judge.
func (r *Run) Lives(block int) func(candidate string) bool {
	return func(candidate string) bool { return !r.IsOut(candidate, block) }
}

// Precise reports whether a block has the precision that was asked for.
func (r *Run) Precise(block int) bool { return judge.Precise(r.Record, block, r.Lives(block)) }

// Begun is how many launches are over, as far as the record of an earlier attempt
// tells: all before the last one that was measured.
func (r *Run) Begun() int {
	last := 0
	for _, t := range r.Record.Trials {
		last = max(last, t.Launch)
	}
	for _, w := range r.Record.Watches {
		last = max(last, w.Launch)
	}
	return last
}

// Until is how long it is until a time, and Since how long it is since one, by the clock of
// the budget.
func (r *Run) Until(t time.Time) time.Duration { return t.Sub(r.Now()) }

// Since is how long it is since a time, by the clock of the budget.
func (r *Run) Since(t time.Time) time.Duration { return r.Now().Sub(t) }

// Load notes that slices or passes are over that began then.
func (r *Run) Load(began time.Time) {
	r.Loaded = r.Now()
	r.Loads += r.Loaded.Sub(began)
}

// InBudget fails with ErrBudget if what takes so long ends after the deadline.
func (r *Run) InBudget(takes time.Duration) error {
	if !r.Deadline.IsZero() && takes > r.Until(r.Deadline) {
		return ErrBudget
	}
	return nil
}

// Warn tells warnings, and notes them in the manifest.
func (r *Run) Warn(warnings []measure.Warning) error {
	if len(warnings) == 0 {
		return nil
	}
	m := r.Store.Manifest()
	for _, w := range warnings {
		r.Tell(Event{Kind: Warning, Text: w.String()})
		m.Notes = append(m.Notes, w.String())
	}
	return r.Store.Amend(m)
}
