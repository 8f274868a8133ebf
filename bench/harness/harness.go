// Package harness measures: it starts the candidates of a launch, proves that
// they are right, and lets them take slices of load in turn, all alive and all
// but one idle, so that whatever the machine does meanwhile it does to all of
// them. What it sees goes to the store, round by round.
package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/bench/plan"
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
	Sink    []string         // command line of the sink of Calibration; nil: the run does not calibrate
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

// Event is something to tell whoever waits for a run.
type Event struct {
	Kind      EventKind
	Launch    int    // from 0
	Candidate string // of Ready and Failed, and of a Warning of what one left
	Scenario  string // of Measuring and Round
	App       string
	Text      string        // of Failed and Warning
	Took      time.Duration // of Ready: the time it took to start; of Passing: that it takes
	Done      int           // rounds measured so far, of all launches and blocks
	Total     int           // rounds of the whole run; 0: as many as fit until Ends
	Ends      time.Time     // when the budget ends; zero: there is none
}

// EventKind tells what an Event is about.
type EventKind int

// Kinds of events.
const (
	Starting  EventKind = iota // a launch begins
	Ready                      // a candidate is ready
	Failed                     // a candidate, or one with one app, is out
	Measuring                  // warm-up of a scenario and app begins
	Passing                    // the candidates are loaded without a break, one after the other
	Round                      // a round has been recorded
	Warning                    // something about the machine disturbs
)

// ErrBudget is returned by Run when the time was up before the plan was.
var ErrBudget = errors.New("the budget ended before the plan")

// Run measures what the store's plan has left. It returns ctx's error if that
// ended it, ErrBudget, what benchctl itself lacks (agent.Lack), or the error of a store that
// could not be written; a candidate's failure is recorded and is no error. However it ends,
// no candidate is left running and what was measured is in the store.
func Run(ctx context.Context, c Config) error {
	record, err := results.Read(c.Store.Dir())
	if err != nil {
		return err
	}
	if c, err = c.complete(); err != nil {
		return err
	}
	r := newRun(c, record)
	if err := r.warn(measure.Leftovers()); err != nil {
		return err
	}
	for launch := range r.plan.Launches {
		if r.filled(launch) || r.spare(launch) {
			continue
		}
		left := plan.Left(r.plan, launch, r.done)
		for b := range left {
			if r.precise(b) {
				left[b] = nil
			}
		}
		if r.nothing(left) {
			continue
		}
		if err := r.inBudget(r.overhead); err != nil {
			return err
		}
		if err := r.calibrate(ctx); err != nil {
			return err
		}
		if err := r.launch(ctx, launch, left); err != nil {
			return err
		}
	}
	return nil
}

// run is the state of a running Run.
type run struct {
	Config
	plan     results.Manifest
	record   *results.Record // grows with each round
	done     map[results.RoundKey]bool
	attempt  int
	deadline time.Time       // zero: none
	ends     time.Time       // when the launch should end,
	share    time.Time       // and in it the block; zero: with its rounds
	overhead time.Duration   // what a launch took to start and to stop, the most so far
	out      map[cell]string // why it is not measured, or not any longer
	// calibrated tells that this attempt looked at the machine.
	calibrated bool
}

func newRun(c Config, record *results.Record) *run {
	r := &run{Config: c, plan: record.Manifest, record: record, done: record.Done(), attempt: record.Attempts(), out: make(map[cell]string)}
	if r.plan.Budget > 0 {
		r.deadline = r.Now().Add(r.plan.Budget * time.Duration(r.plan.Launches-r.begun()) / time.Duration(r.plan.Launches))
	}
	for i, b := range r.plan.Blocks {
		for _, name := range b.Without {
			r.drop(name, i, "the server does not carry the app")
		}
	}
	for _, l := range record.Launches {
		if l.Failure != "" {
			r.drop(l.Candidate, everyBlock, l.Failure)
		}
		for block, why := range l.BlockFailures {
			r.drop(l.Candidate, block, why)
		}
	}
	for _, t := range slices.Concat(record.Trials, record.Passes) {
		if t.Deed != "" { // whose launch has no record if benchctl was killed
			r.drop(t.Candidate, t.Block, t.Deed)
		}
	}
	return r
}

// cell is a candidate in a block, by the number of that, or in every one.
type cell struct {
	candidate string
	block     int
}

const everyBlock = -1

func (r *run) drop(candidate string, block int, why string) { r.out[cell{candidate, block}] = why }

// isOut tells whether a candidate is not measured in a block, or in any.
func (r *run) isOut(candidate string, block int) bool {
	return r.out[cell{candidate, everyBlock}] != "" || r.out[cell{candidate, block}] != ""
}

// precise tells whether a block has the precision that was asked for.
func (r *run) precise(block int) bool {
	return judge.Precise(r.record, block, func(candidate string) bool { return !r.isOut(candidate, block) })
}

// nothing tells whether a launch has nothing left to measure, or nobody.
func (r *run) nothing(left [][]results.RoundKey) bool {
	for b, rounds := range left {
		if len(rounds) == 0 {
			continue
		}
		for _, c := range r.Candidates {
			if !r.isOut(c.Name, b) {
				return false
			}
		}
	}
	return true
}

func (r *run) observe(e Event) {
	if r.Observe == nil {
		return
	}
	e.Done, e.Ends = len(r.done), r.deadline
	if !r.plan.Fills() {
		e.Total = r.plan.Launches * r.plan.Rounds * len(r.plan.Blocks)
	}
	r.Observe(e)
}

// until is how long it is until a time, and since how long it is since one, by the clock of
// the budget.
func (r *run) until(t time.Time) time.Duration { return t.Sub(r.Now()) }
func (r *run) since(t time.Time) time.Duration { return r.Now().Sub(t) }

// warn tells warnings, and notes them in the manifest.
func (r *run) warn(warnings []measure.Warning) error {
	if len(warnings) == 0 {
		return nil
	}
	m := r.Store.Manifest()
	for _, w := range warnings {
		r.observe(Event{Kind: Warning, Text: w.String()})
		m.Notes = append(m.Notes, w.String())
	}
	return r.Store.Amend(m)
}

// begun is how many launches are over, as far as the record of an earlier attempt
// tells: all before the last one that was measured.
func (r *run) begun() int {
	last := 0
	for _, t := range r.record.Trials {
		last = max(last, t.Launch)
	}
	return last
}

// filled tells whether a launch has had its share of the budget in an earlier
// attempt.
func (r *run) filled(launch int) bool {
	return r.plan.Fill && (launch < r.begun() || judge.Status(r.record) == judge.StatusComplete)
}

// closing is what is kept of a launch's share of the budget for its last checks
// and its stop.
const closing = 300 * time.Millisecond

// launch starts the candidates afresh, measures what is left in this launch, and
// stops them.
func (r *run) launch(ctx context.Context, n int, left [][]results.RoundKey) (err error) {
	r.observe(Event{Kind: Starting, Launch: n})
	r.ends = r.Now().Add((r.until(r.deadline)-r.reserve(n))/time.Duration(r.plan.Launches-n) - closing)
	began := r.Now()
	field, err := r.start(ctx, n)
	starting := r.since(began)
	defer func() {
		began := r.Now()
		defer func() { r.overhead = max(r.overhead, starting+r.since(began)) }()
		if failed := r.stop(field); err == nil { // one full disk is one error
			err = failed
		}
	}()
	if err != nil {
		return err
	}
	for b, rounds := range left {
		if len(rounds) == 0 {
			continue
		}
		if r.plan.Fill {
			r.share = r.Now().Add(r.until(r.ends) / time.Duration(len(left)-b))
		}
		if err := r.block(ctx, b, rounds, field); err != nil {
			return fmt.Errorf("%s, %s: %w", r.plan.Blocks[b].Scenario, r.plan.Blocks[b].App, err)
		}
	}
	return nil
}
