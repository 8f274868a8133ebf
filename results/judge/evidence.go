package judge

import (
	"slices"
	"time"

	"github.com/benchctl/benchctl/results"
)

// evidence is the data of a cell, from which its figures and its verdict follow.
type evidence struct {
	block     results.Block
	index     int // of the block
	candidate results.Candidate
	env       results.Environment
	asked     bool             // for uninterrupted passes
	launches  []results.Launch // of the candidate
	trials    []results.Trial  // slices that other candidates did not disturb
	passes    []results.Trial  // uninterrupted, and not disturbed by anybody
	disturbed []results.Trial  // slices and passes that other candidates disturbed
	hampered  []results.Trial  // passes that something else did
	rest      []results.Trial  // slices of the other candidates
	watches   []results.Watch  // of a candidate that was watched around events
	look      look

	p99  time.Duration // of response times; 0 if unknown
	late time.Duration // the 99th percentile of what the load generator was late by itself; 0 if unknown
}

// newEvidence collects the data of a candidate in a block.
func newEvidence(r *results.Record, block int, c results.Candidate) evidence {
	e := evidence{block: r.Manifest.Blocks[block], index: block, candidate: c, env: r.Manifest.Environment}
	e.asked = r.Manifest.Passes > 0 && e.block.Load.SLO == nil
	for _, l := range r.Launches {
		if l.Candidate == c.Name {
			e.launches = append(e.launches, l)
		}
	}
	for _, w := range r.Watches {
		if w.Block == block && w.Candidate == c.Name {
			e.watches = append(e.watches, w)
		}
	}
	e.trials = e.own(r.Trials)
	for _, t := range r.Trials {
		if t.Block == block && t.Candidate != c.Name {
			e.rest = append(e.rest, t)
		}
	}
	for _, pass := range e.own(r.Passes) {
		if e.hampers(pass) != nil {
			e.hampered = append(e.hampered, pass)
		} else {
			e.passes = append(e.passes, pass)
		}
	}
	e.look = newLook(e)
	return e
}

// evidenceNamed is newEvidence of a candidate by its name, which is one of the run's.
func evidenceNamed(r *results.Record, block int, candidate string) evidence {
	at := slices.IndexFunc(r.Manifest.Candidates, func(c results.Candidate) bool { return c.Name == candidate })
	return newEvidence(r, block, r.Manifest.Candidates[at])
}

// own are the candidate's trials in the block, but for those that others disturbed.
func (e *evidence) own(all []results.Trial) []results.Trial {
	var mine []results.Trial
	for _, t := range all {
		switch {
		case t.Block != e.index || t.Candidate != e.candidate.Name:
		case disturber(t) != "":
			e.disturbed = append(e.disturbed, t)
		default:
			mine = append(mine, t)
		}
	}
	return mine
}

// hampers lists what kept either side from its processors in a pass. Slices spread a
// disturbance over many rounds and all candidates; a pass has all of it.
func (e *evidence) hampers(pass results.Trial) []Reason {
	alone := evidence{block: e.block, env: e.env, trials: []results.Trial{pass}}
	why := alone.disturbances()
	if steal := alone.steal(); steal > maxSteal {
		why = append(why, stolenTime.because(100*steal))
	}
	return why
}

// all are all trials, usable or not: a wrong reply counts in any of them.
func (e evidence) all() []results.Trial {
	return slices.Concat(e.trials, e.passes, e.disturbed, e.hampered)
}

// basis are the trials from which the cell's figures follow.
func (e evidence) basis() []results.Trial {
	if e.look.differs() {
		return e.passes
	}
	return e.trials
}

// timed are the trials whose response times are the cell's. A pass has times that slices
// are too short for, and always counts.
func (e evidence) timed() []results.Trial {
	if e.look.mistimed() {
		return e.passes
	}
	return slices.Concat(e.trials, e.passes)
}

// Other candidates may use this share of a processor in a slice, or this time if it is
// more: it is the distance of the ticks at which the kernel accounts for CPU time.
const (
	maxOthersShare = 0.05
	maxOthersTime  = 4 * time.Millisecond
)

// disturber names the candidate that used the most CPU time in the trial of another,
// if all together used so much that its figures are not used; "" if not.
func disturber(t results.Trial) string {
	var sum, most int64
	by := ""
	for name, ns := range t.Others {
		sum += ns
		if ns > most || ns == most && name < by {
			most, by = ns, name
		}
	}
	if float64(sum) <= max(maxOthersShare*float64(t.Wall), float64(maxOthersTime)) {
		return ""
	}
	return by
}
