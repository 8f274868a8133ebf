package judge

import (
	"cmp"

	"github.com/benchctl/benchctl/results"
)

// Reloads are what came of reloads, each in how many repetitions: of those that were to read
// something broken, and of those once it was mended.
type Reloads struct {
	Broken map[Became]int `json:"broken"`
	Mended map[Became]int `json:"mended"`
	// Refusal is why a reload of something broken failed, where one did while the server ran:
	// the first that was told.
	Refusal string `json:"refusal,omitempty" print:"lines"`
}

// Became is what a server did after a reload, in words that follow its name.
type Became string

// What becomes of servers.
const (
	KeptOld   Became = "kept serving the old"
	ServedNew Became = "served by new processes"
	// ServedOn is of a server whose replies do not tell who made them, and whose reload did
	// not fail.
	ServedOn Became = "took the reload and served"
	Erred    Became = "served errors"
	Silent   Became = "ran and gave no replies"
	Halted   Became = "halted"
	WasOver  Became = "had halted before"
)

// reloads are what came of the repetitions' reloads, nil where nothing was broken.
func (e evidence) reloads() *Reloads {
	if !e.block.Load.Breaks() {
		return nil
	}
	all := &Reloads{Broken: map[Became]int{}, Mended: map[Became]int{}}
	for _, w := range e.watches {
		for i, h := range w.Events {
			if h.Then == nil {
				continue
			}
			became, of := cameOf(w, i), all.Mended
			if h.Then.Broken {
				of = all.Broken
				if became != Halted && became != WasOver {
					all.Refusal = cmp.Or(all.Refusal, h.Error)
				}
			}
			of[became]++
		}
	}
	return all
}

// cameOf is what the server did from an event on, a reload, until the next one that was
// asked of it.
func cameOf(w results.Watch, event int) Became {
	h := w.Events[event]
	if w.Ended != nil && *w.Ended <= h.Began {
		return WasOver
	}
	if w.Ended != nil && !endedAfterNext(w, event) {
		return Halted
	}
	switch t := h.Then; {
	case t.Wrong > 0:
		return Erred
	case t.Right == 0:
		return Silent
	case t.New != nil && *t.New:
		return ServedNew
	case t.New == nil && h.Error == "":
		return ServedOn
	}
	return KeptOld
}

// endedAfterNext tells whether the server still ran when it was asked for something after an
// event. What was done to its files it can't have ended by.
func endedAfterNext(w results.Watch, event int) bool {
	for _, next := range w.Events[event+1:] {
		if !next.Event().IsChange() {
			return *w.Ended > next.Began
		}
	}
	return false
}
