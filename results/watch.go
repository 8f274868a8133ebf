package results

import (
	"time"

	"github.com/benchctl/benchctl/scenarios"
)

// Watch is the outcome of one load with events, on one candidate that was started for it: a
// line of watches.jsonl. Times are since the load began, in ns.
type Watch struct {
	Launch    int       `json:"launch"`
	Attempt   int       `json:"attempt"`
	Block     int       `json:"block"`
	Round     int       `json:"round"`
	Scenario  string    `json:"scenario"`
	App       string    `json:"app"`
	Candidate string    `json:"candidate"`
	At        time.Time `json:"at"`

	Length time.Duration `json:"length_ns"` // of the load; what was under way then was waited for
	Events []Happened    `json:"events"`

	Sent     uint64            `json:"sent"`
	Outcomes map[string]uint64 `json:"outcomes"` // of all requests, see bench/load/witness
	// Lost counts the lost requests that ended after the first event, by outcome, and by
	// method: GET, POST, or StreamMethod for streams. LostBefore counts those that ended
	// before it. A server that was asked to stop loses nothing by refusing connections.
	Lost         map[string]uint64 `json:"lost"`
	LostByMethod map[string]uint64 `json:"lost_by_method"`
	LostBefore   uint64            `json:"lost_before,omitempty"`
	// Executed is how many of the lost requests the app received, and Unseen how many it did
	// not; nil unless that is known of all.
	Executed *uint64           `json:"executed,omitempty"`
	Unseen   *uint64           `json:"never_seen,omitempty"`
	Examples map[string]string `json:"examples,omitempty"` // the first of each outcome, as the system told it
	Replaced int               `json:"replaced"`           // idle connections that the server ended, and no request was on
	Streams  map[string]uint64 `json:"streams,omitempty"`  // outcomes of streaming replies
	Silent   int               `json:"silent_ended,omitempty"`
	Missed   uint64            `json:"missed,omitempty"` // requests not sent, as the one before on their connection was under way
	Unsent   uint64            `json:"unsent,omitempty"` // that the load generator itself could not send

	// Bin is the length of each element of Good and Bad, which count correct replies and
	// losses by the time of their end.
	Bin  time.Duration `json:"bin_ns"`
	Good []uint32      `json:"good"`
	Bad  []uint32      `json:"bad"`

	// Before and Around are 99th percentiles of the times of correct replies. Before is of
	// those that ended before the first event, without the first of each connection. Around
	// is of later ones that were sent up to a second after the last event. Lost and missed
	// requests are in neither.
	Before *time.Duration `json:"p99_before_ns,omitempty"`
	Around *time.Duration `json:"p99_around_ns,omitempty"`
	// Stall is the longest time without a correct reply from the first event on, StallFrom
	// when it began.
	Stall     *time.Duration `json:"stall_ns,omitempty"`
	StallFrom time.Duration  `json:"stall_from_ns,omitempty"`
	// Recovery is how long after the first event the last lost request was sent; 0: none was
	// lost.
	Recovery *time.Duration `json:"recovery_ns,omitempty"`
	// Overlap is how long old and new processes both gave replies; a negative value is how
	// long neither did. Drain is the time from the first event to the last reply of an old
	// process. They are set for reloads, upgrades and stops.
	Overlap *time.Duration `json:"overlap_ns,omitempty"`
	Drain   *time.Duration `json:"drain_ns,omitempty"`
	// Changed reports whether replies came from a process, or an app loaded, after the first
	// event; nil: replies don't tell.
	Changed *bool `json:"changed,omitempty"`

	// Race tells of requests that were sent about when the server closes idle connections;
	// nil: the load was none such. Lost are those that raced then, and LostBefore others.
	Race *Race `json:"race,omitempty"`

	// Deed is an action of the candidate that invalidates its row; "" for none.
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

// Race is how a server ended idle connections, and how requests fared that were sent about
// then. Times are in ns.
type Race struct {
	Limit  time.Duration   `json:"limit_ns"`  // how long connections were watched for their end
	Closed []time.Duration `json:"closed_ns"` // how long each that the server closed had been idle
	Kept   int             `json:"kept"`      // connections that were open after Limit
	Ending int             `json:"ending"`    // connections that the server ended with their reply
	// Found is how many connections had ended, as the client could see, when their request
	// was to be sent: it was not.
	Found    int                          `json:"found"`
	Outcomes map[string]map[string]uint64 `json:"outcomes"` // of requests that were sent, by method
}

// Of is how many requests of a method were sent, and how many of them were lost.
func (r Race) Of(method string) (sent, lost uint64) {
	for outcome, n := range r.Outcomes[method] {
		sent += n
		if outcome != Completed {
			lost += n
		}
	}
	return sent, lost
}

// Completed is the outcome of a right reply.
const Completed = "completed"

// Happened is one event and its outcome.
type Happened struct {
	Do    string        `json:"do"`
	Due   time.Duration `json:"due_ns"`
	Began time.Duration `json:"began_ns"`
	Done  time.Duration `json:"done_ns"`       // its signal was sent, or its command has ended
	PID   int           `json:"pid,omitempty"` // that it was done to, or of its command
	// Guessed tells that it is not known whether the process gave replies, as one was to.
	Guessed bool `json:"guessed,omitempty"`
	// Error is why it was not done; "" if it was.
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
	Zombies   int     `json:"zombies,omitempty"` // that ended as their children and were not waited for
}

// Key names the round of the watch.
func (w Watch) Key() RoundKey { return RoundKey{w.Launch, w.Block, w.Round} }

// StreamMethod is the key of streaming replies in Watch.LostByMethod.
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
