package judge

import (
	"fmt"
	"slices"
	"strings"
)

// Least activity of a candidate without load that is reported.
const (
	minToldAtRest = 0.02 // of a processor
	minToldPutOff = 0.05 // of the CPU time per request
)

// company lists what others did in the candidate's slices, and what the candidate does
// without load.
func (e evidence) company() []Reason {
	var why []Reason
	if n := len(e.disturbed); n > 0 {
		why = append(why, disturbed.because(n, len(e.all()), e.disturbers()))
	}
	busy := 0.0
	for _, t := range e.all() {
		busy = max(busy, t.Restless)
	}
	if busy > 0 {
		why = append(why, busyWhileIdle.because(100*busy))
	}
	for _, l := range e.launches {
		if len(l.Outside) > 0 {
			return append(why, worksElsewhere.because(strings.Join(l.Outside, "; ")))
		}
	}
	return why
}

func (e evidence) disturbers() string {
	var names []string
	for _, t := range e.disturbed {
		if by := disturber(t); !slices.Contains(names, by) {
			names = append(names, by)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// atRest is what the candidate did without load; nil if it is not known.
func (e evidence) atRest() *AtRest {
	var idle, deferred, wall, answered float64
	known := false
	for _, t := range e.all() {
		if t.Idle != nil && t.IdleWall > 0 {
			idle, wall, known = idle+float64(*t.Idle), wall+float64(t.IdleWall), true
		}
		if t.Deferred != nil {
			deferred += float64(*t.Deferred)
		}
		answered += float64(t.Answered)
	}
	if !known && deferred == 0 {
		return nil
	}
	r := &AtRest{}
	if known {
		r.Share = new(float64)
		*r.Share = idle / wall
	}
	if deferred > 0 && answered > 0 {
		r.Deferred = new(float64)
		*r.Deferred = deferred / 1e3 / answered
	}
	return r
}

// notes are remarks that do not change the verdict: the source of the response times, and
// what the candidate does without load.
func (e evidence) notes() []string {
	var notes []string
	killed := 0
	for _, l := range e.launches {
		if l.Killed {
			killed++
		}
	}
	if killed > 0 {
		notes = append(notes, fmt.Sprintf("had to be killed: it did not stop when asked, after %d of %d launches", killed, len(e.launches)))
	}
	notes = append(notes, e.ends()...)
	if l := e.look; l.mistimed() && !l.differs() {
		notes = append(notes, fmt.Sprintf("response times are those of the load without a break: by those of the slices %.3g requests were in flight, where %.0f are kept",
			l.inSlices*e.kept(), e.kept()))
	}
	rest := e.atRest()
	if rest == nil {
		return notes
	}
	if rest.Share != nil && *rest.Share > minToldAtRest {
		notes = append(notes, fmt.Sprintf("works while idle: %.0f %% of a processor while others were loaded", 100**rest.Share))
	}
	if cpu, ok := sumOf(e.basis(), serverCPU); ok && rest.Deferred != nil && *rest.Deferred > minToldPutOff*cpu.Amount/cpu.Over {
		notes = append(notes, fmt.Sprintf("puts work off: %.3g µs of the server CPU per request were spent after the load", *rest.Deferred))
	}
	return notes
}

// ends describes launches that did not end properly, without a fault of the candidate.
func (e evidence) ends() []string {
	var notes []string
	for _, l := range e.launches {
		for _, note := range []string{l.Guard, l.Left} {
			if note != "" {
				notes = append(notes, fmt.Sprintf("when launch %d ended: %s", l.Launch+1, note))
			}
		}
	}
	return notes
}
