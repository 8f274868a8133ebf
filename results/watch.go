package results

import (
	"time"

	"github.com/benchctl/benchctl/scenarios"
)

// Watch is the outcome of the requests of one load around events, done to one candidate
// that was started for it: a line of watches.jsonl. Times are since the load began, in ns.
type Watch struct {
	Launch    int       `json:"launch"`
	Attempt   int       `json:"attempt"`
	Block     int       `json:"block"`
	Round     int       `json:"round"`
	Position  int       `json:"position"` // in the round's order, from 0
	Of        int       `json:"of"`       // watches in this round; fewer lines mean that it was cut off
	Scenario  string    `json:"scenario"`
	App       string    `json:"app"`
	Candidate string    `json:"candidate"`
	At        time.Time `json:"at"`

	Length time.Duration `json:"length_ns"` // of the load; what was under way then was waited for
	Events []Happened    `json:"events"`

	Sent     uint64            `json:"sent"`
	Outcomes map[string]uint64 `json:"outcomes"` // of all requests, see bench/load/witness
	// Lost are the requests that ended after the first event and that the server owed a
	// reply, by outcome, and by method: GET, POST, or StreamMethod for those that were held
	// open. LostBefore ended before it. One that was asked to stop owes nothing to whom it
	// does not let in.
	Lost         map[string]uint64 `json:"lost"`
	LostByMethod map[string]uint64 `json:"lost_by_method"`
	LostBefore   uint64            `json:"lost_before,omitempty"`
	// Executed and Unseen are, of the lost, those that the app had got, whose answers were
	// lost, and those that it had not; nil where that is not known of all.
	Executed *uint64           `json:"executed,omitempty"`
	Unseen   *uint64           `json:"never_seen,omitempty"`
	Examples map[string]string `json:"examples,omitempty"` // the first of each outcome, as the system told it
	Replaced int               `json:"replaced"`           // idle connections that the server ended, and no request was on
	Streams  map[string]uint64 `json:"streams,omitempty"`  // outcomes of streaming replies
	Silent   int               `json:"silent_ended,omitempty"`
	Missed   uint64            `json:"missed,omitempty"` // requests not sent, as the one before on their connection was under way
	Unsent   uint64            `json:"unsent,omitempty"` // that the load generator itself could not send

	// Bin is how long each of Good and Bad is, which count correct replies and losses when they
	// ended.
	Bin  time.Duration `json:"bin_ns"`
	Good []uint32      `json:"good"`
	Bad  []uint32      `json:"bad"`

	// Before and Around are the 99th percentiles of the times of correct replies: of those that
	// ended before the first event, but for the first of each connection, and of those after
	// it that were sent up to a second after the last. What was lost or missed is in neither.
	Before *time.Duration `json:"p99_before_ns,omitempty"`
	Around *time.Duration `json:"p99_around_ns,omitempty"`
	// Stall is the longest time without a correct reply from the first event on, StallFrom
	// when it began.
	Stall     *time.Duration `json:"stall_ns,omitempty"`
	StallFrom time.Duration  `json:"stall_from_ns,omitempty"`
	// Recovery is how long after the first event the last lost request was sent; 0: none was
	// lost.
	Recovery *time.Duration `json:"recovery_ns,omitempty"`
	// Overlap is how long old and new processes both gave replies, below 0 how long neither
	// did. Drain is how long after the first event an old one gave its last. They are told of
	// reloads, upgrades and stops.
	Overlap *time.Duration `json:"overlap_ns,omitempty"`
	Drain   *time.Duration `json:"drain_ns,omitempty"`
	// Changed reports whether replies came from a process, or an app loaded, after the first
	// event; nil: replies don't tell.
	Changed *bool `json:"changed,omitempty"`

	// Deed is what the candidate did that invalidates its row; "" for nothing.
	Deed string `json:"deed,omitempty"`
	// Ended is when the candidate ended, nil if it did not; Exit how.
	Ended *time.Duration `json:"ended_ns,omitempty"`
	Exit  string         `json:"exit,omitempty"`
	// Before the first event, and at the end of the load.
	HadBefore *Holdings `json:"had_before,omitempty"`
	HadAfter  *Holdings `json:"had_after,omitempty"`

	Steal      *int64        `json:"steal_ns,omitempty"`
	LoaderWait *int64        `json:"loader_wait_ns,omitempty"`
	LoaderRuns uint64        `json:"loader_runs,omitempty"`
	Host       *Host         `json:"host,omitempty"`
	Wall       time.Duration `json:"wall_ns"`
}

// Happened is one event as it went.
type Happened struct {
	Do    string        `json:"do"`
	Due   time.Duration `json:"due_ns"`
	Began time.Duration `json:"began_ns"`
	Done  time.Duration `json:"done_ns"`       // its signal was sent, or its command has ended
	PID   int           `json:"pid,omitempty"` // that it was done to, or of its command
	// Error says why it was not done; "" if it was.
	Error string `json:"error,omitempty"`
	Then  *Then  `json:"then,omitempty"` // of reloads and upgrades where something was broken
}

// Event is what was done, as a scenario has it.
func (h Happened) Event() scenarios.Event { return scenarios.Event{Do: h.Do} }

// Then is what replies tell of a server from when it was asked to reload to the next event,
// or to the end of the load.
type Then struct {
	Broken bool `json:"broken"` // what it was to read was broken
	// Right and Wrong are the replies that came in the end: in the second half of the time,
	// of a second at most.
	Right uint64 `json:"right"`
	Wrong uint64 `json:"wrong"`
	// New tells whether a process replied, or an app loaded, that had not before; nil:
	// replies don't tell.
	New *bool `json:"new,omitempty"`
}

// Holdings are what a candidate's processes hold.
type Holdings struct {
	Processes int     `json:"processes"`
	Threads   int     `json:"threads"`
	Files     int     `json:"files"` // open file descriptors
	MemoryMiB float64 `json:"memory_mib"`
}

// Key names the round of the watch.
func (w Watch) Key() RoundKey { return RoundKey{w.Launch, w.Block, w.Round} }

// StreamMethod is what Watch.LostByMethod has streaming replies under.
const StreamMethod = "stream"

// Done are the events that were done to the server. Where something was broken, a reload
// that failed is one of them, for that is a server's answer.
func (w Watch) Done() (all []Happened) {
	for _, h := range w.Events {
		if !h.Event().IsChange() && (h.Error == "" || h.Then != nil) {
			all = append(all, h)
		}
	}
	return all
}

// LostAll is how many requests were lost.
func (w Watch) LostAll() (n uint64) {
	for _, lost := range w.Lost {
		n += lost
	}
	return n
}
