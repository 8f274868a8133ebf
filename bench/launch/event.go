package launch

import "time"

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

// Tell tells an event, with how far the run is.
func (r *Run) Tell(e Event) {
	if r.Observe == nil {
		return
	}
	e.Done, e.Ends = len(r.Done), r.Deadline
	if !r.Plan.Fills() {
		e.Total = r.Plan.Launches * r.Plan.Rounds * len(r.Plan.Blocks)
	}
	r.Observe(e)
}
