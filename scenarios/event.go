package scenarios

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/benchctl/benchctl/internal/nearest"
	"github.com/benchctl/benchctl/internal/strict"
)

// Event is something that is done to a server while it is loaded.
type Event struct {
	Do    string        // a verb that its manifest may declare, a fault or a change
	At    time.Duration // since the load began
	Times int           // 1 at least
	Every time.Duration // from one time to the next
}

// Faults that may be done to any server.
const (
	KillMain    = "kill-main"    // SIGKILL to its main process
	KillWorker  = "kill-worker"  // SIGKILL to one of its other processes
	WedgeWorker = "wedge-worker" // SIGSTOP to one of its other processes
	// The server is process 1, and a foreign process that it adopted ends: by status 0, by
	// another, by SIGKILL.
	Orphan       = "orphan"
	OrphanFails  = "orphan-fails"
	OrphanKilled = "orphan-killed"
)

// Changes of what a server reads at its next reload. Its description says how: a server that
// says nothing of it has no such file.
const (
	Break = "break" // makes it wrong
	Mend  = "mend"  // puts it back
)

// verbs are those of package control.
var verbs = []string{"stop-graceful", "stop-now", "reload", "upgrade", "scale-up", "scale-down"}

// Faults are what may be done to any server.
func Faults() []string {
	return []string{KillMain, KillWorker, WedgeWorker, Orphan, OrphanFails, OrphanKilled}
}

// Changes are what may be done to what a server reads.
func Changes() []string { return []string{Break, Mend} }

// IsChange tells whether the event is done to what the server reads, and not to the server.
func (e Event) IsChange() bool { return slices.Contains(Changes(), e.Do) }

// IsFault tells whether the event is done to the server, and not asked of it.
func (e Event) IsFault() bool { return slices.Contains(Faults(), e.Do) }

// Stops tells whether the server is not to serve any longer afterwards.
func (e Event) Stops() bool { return e.Do == "stop-graceful" || e.Do == "stop-now" }

// Orphans tells whether the server is made to adopt a process.
func (e Event) Orphans() bool { return e.Do == Orphan || e.Do == OrphanFails || e.Do == OrphanKilled }

// AsInit tells whether the server is to be process 1 of a pid namespace of its own.
func (l Load) AsInit() bool { return slices.ContainsFunc(l.Events, Event.Orphans) }

// Renews tells whether replies are to come from other processes, or from an app that was
// loaded anew, afterwards.
func (e Event) Renews() bool { return e.Do == "reload" || e.Do == "upgrade" }

// Moments are when the event takes place.
func (e Event) Moments() []time.Duration {
	var all []time.Duration
	for n := range max(1, e.Times) {
		all = append(all, e.At+time.Duration(n)*e.Every)
	}
	return all
}

// String is the event as a scenario's file has it.
func (e Event) String() string {
	text := fmt.Sprintf("%s at %v", e.Do, e.At)
	if e.Times > 1 {
		text += fmt.Sprintf(", %d times every %v", e.Times, e.Every)
	}
	return text
}

var eventForm = regexp.MustCompile(`^(\S+) at ([^\s,]+)(?:, (\d{1,6}) times every (\S+))?$`)

// ParseEvent reads what String gives.
func ParseEvent(text string) (Event, error) {
	part := eventForm.FindStringSubmatch(text)
	if part == nil {
		return Event{}, fmt.Errorf("event %q is not of the form \"reload at 2s\" or \"reload at 2s, 10 times every 500ms\"", text)
	}
	e := Event{Do: part[1], Times: 1}
	if known := slices.Concat(verbs, Faults(), Changes()); !slices.Contains(known, e.Do) {
		return e, fmt.Errorf("event %q: %q is no verb, fault or change%s", text, e.Do, nearest.Hint(e.Do, known))
	}
	var err error
	if e.At, err = within(part[2]); err != nil {
		return e, fmt.Errorf("event %q: %w", text, err)
	}
	if part[3] == "" {
		return e, nil
	}
	if e.Every, err = within(part[4]); err != nil {
		return e, fmt.Errorf("event %q: %w", text, err)
	}
	e.Times, err = strconv.Atoi(part[3])
	if err != nil || e.Times < 2 || e.Times > maxEvents {
		return e, fmt.Errorf("event %q: %s times is not within 2 and %d", text, part[3], maxEvents)
	}
	return e, nil
}

// maxEvents is how often one thing may be done.
const maxEvents = 1000

// within reads a time of an event.
func within(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < minTime || d > maxTime {
		return 0, fmt.Errorf("%q is not a time within %v and %v", text, minTime, maxTime)
	}
	return d, nil
}

func readEvents(l *Load, n strict.Node) error {
	l.Events = nil
	err := n.Items(func(item strict.Node) error {
		return placed(item, func(text string) error {
			e, err := ParseEvent(text)
			l.Events = append(l.Events, e)
			return err
		})
	})
	if err == nil && len(l.Events) == 0 {
		err = n.Errorf("at least one event is needed")
	}
	if err == nil && !l.changesInTurn() {
		err = n.Errorf("%s and %s take turns, and %s is the first", Break, Mend, Break)
	}
	return err
}

// Moment is when one thing is done.
type Moment struct {
	Do string
	At time.Duration
}

// Moments are when each event takes place, in the order of time.
func (l Load) Moments() (all []Moment) {
	for _, e := range l.Events {
		for _, at := range e.Moments() {
			all = append(all, Moment{e.Do, at})
		}
	}
	slices.SortStableFunc(all, func(a, b Moment) int { return cmp.Compare(a.At, b.At) })
	return all
}

// changesInTurn tells whether only what is whole is broken, and only what is broken mended.
func (l Load) changesInTurn() bool {
	broken := false
	for _, m := range l.Moments() {
		if m.Do == Break && broken || m.Do == Mend && !broken {
			return false
		}
		broken = m.Do == Break || broken && m.Do != Mend
	}
	return true
}

// Breaks tells whether an event makes wrong what the server reads.
func (l Load) Breaks() bool {
	return slices.ContainsFunc(l.Events, func(e Event) bool { return e.Do == Break })
}

// EventTexts are the events as a scenario's file has them.
func (l Load) EventTexts() []string {
	var all []string
	for _, e := range l.Events {
		all = append(all, e.String())
	}
	return all
}

// Watched tells whether what becomes of each request of the load is told, around events or
// at the end of idle connections, and it is not measured in slices.
func (l Load) Watched() bool { return len(l.Events) > 0 || l.Race > 0 }

// Deeds are what is done to the server, as texts.
func (l Load) Deeds() []string {
	if l.Race > 0 {
		return []string{fmt.Sprintf("requests within %v of the end of idle connections", RaceWindow)}
	}
	return l.EventTexts()
}

// Stops tells whether an event is to end the server.
func (l Load) Stops() bool { return slices.ContainsFunc(l.Events, Event.Stops) }

// last is when the last event takes place.
func (l Load) last() (last time.Duration) {
	for _, e := range l.Events {
		last = max(last, slices.Max(e.Moments()))
	}
	return last
}
