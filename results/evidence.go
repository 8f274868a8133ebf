package results

import (
	"slices"
	"time"
)

// evidence is what there is of a cell: what its figures and its verdict are made from.
type evidence struct {
	block     Block
	index     int // of the block
	candidate Candidate
	env       Environment
	asked     bool     // for uninterrupted passes
	launches  []Launch // of the candidate
	trials    []Trial  // slices that other candidates did not disturb
	passes    []Trial  // uninterrupted, and not disturbed by anybody
	disturbed []Trial  // slices and passes that other candidates disturbed
	hampered  []Trial  // passes that something else did
	rest      []Trial  // slices of the other candidates
	look      look

	p99  time.Duration // of response times; 0 if unknown
	late time.Duration // the 99th percentile of what the load generator was late by itself; 0 if unknown
}

// newEvidence gathers what a run has of a candidate in a block.
func newEvidence(r *Record, block int, c Candidate) evidence {
	e := evidence{block: r.Manifest.Blocks[block], index: block, candidate: c, env: r.Manifest.Environment}
	e.asked = r.Manifest.Passes > 0 && e.block.Load.SLO == nil
	for _, l := range r.Launches {
		if l.Candidate == c.Name {
			e.launches = append(e.launches, l)
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

// own are the candidate's trials in the block, but for those that others disturbed.
func (e *evidence) own(all []Trial) []Trial {
	var mine []Trial
	for _, t := range all {
		switch {
		case t.Block != e.index || t.Candidate != e.candidate.Name:
		case t.Disturbed() != "":
			e.disturbed = append(e.disturbed, t)
		default:
			mine = append(mine, t)
		}
	}
	return mine
}

// hampers lists what kept either side from its processors in a pass. Slices spread such
// a thing over many rounds and all candidates; a pass has all of it.
func (e *evidence) hampers(pass Trial) []string {
	alone := evidence{block: e.block, env: e.env, trials: []Trial{pass}}
	why := alone.disturbances()
	if alone.steal() > maxSteal {
		why = append(why, "stolen time")
	}
	return why
}

// all are all trials, whatever they are good for: a wrong reply is one anywhere.
func (e evidence) all() []Trial { return slices.Concat(e.trials, e.passes, e.disturbed, e.hampered) }

// basis are the trials that the cell's figures are of.
func (e evidence) basis() []Trial {
	if e.look.differs() {
		return e.passes
	}
	return e.trials
}

// timed are the trials whose response times are the cell's. A pass has those that
// slices are too short for, and counts in any case.
func (e evidence) timed() []Trial {
	if e.look.mistimed() {
		return e.passes
	}
	return slices.Concat(e.trials, e.passes)
}
