// Package agent does the work of a run on its machines: a Host starts candidates and reads
// the meters of the candidates and their machine, a Loader makes load. The harness uses only
// these two. They exchange plain data (names, addresses, numbers, histograms) and no functions,
// so that both may be in another process or on another machine: Serve and Dial connect them
// over a pipe.
package agent

import (
	"context"
	"time"

	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/witness"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers/control"
)

// ID names a candidate that a Host has started; 0 is none.
type ID int

// Start has the parameters of a candidate's start.
type Start struct {
	Candidate string        // by its name
	App       stacked.App   // that it is asked for until it is ready, of whose layers the host knows
	Mounts    []stacked.App // that it serves beside the suite
	Workers   int           // processes of a server that forks; 0: one for each of its processors
	Log       string        // file for its output; "" discards it
	Patience  time.Duration // how long it may take to be ready; 0: as long as its server is known to take
	Init      bool          // its main process is process 1 of a pid namespace of its own
	Noted     bool          // it notes the id of each request of app ident that it gets
	Lint      string        // file for the duties that a Go engine or an app breaks, see servers.Launch; "": none
}

// Started describes a candidate that runs and is ready.
type Started struct {
	ID      ID // of what is to be stopped; not 0 after some errors as well
	Address string
	Startup time.Duration // from its start to its first correct reply
}

// Ended is how a stopped candidate ended.
type Ended struct {
	How     string   // "exit status 0"
	Killed  bool     // because it did not stop on request
	Unasked string   // why it could not be asked; "" if it was
	Outside []string // processes that worked for it and that were not measured
	Guard   string   // why its guard did not end it; "" if it did
	Left    string   // what could not be removed; "" for nothing
}

// Harmed is what a fault was done to.
type Harmed struct {
	PID     int
	Guessed bool // it is not known whether the process gives replies
}

// Host is where candidates run. Figures that its system does not provide are nil or absent.
// It is safe for concurrent use.
type Host interface {
	// Start starts a candidate and waits until it answers correctly. Its error is ctx's, one
	// that Lack recognizes, or the fault of the candidate.
	Start(ctx context.Context, s Start) (Started, error)
	// Stop asks the candidate to stop, kills it if it does not stop within grace, and removes
	// its remains.
	Stop(id ID, grace time.Duration) Ended
	// Ask performs a verb, and waits until its signal was sent or its command has ended. The
	// error is control.ErrNotOffered if the server does not declare the verb.
	Ask(ctx context.Context, id ID, verb control.Verb) (control.Ack, error)
	// Harm does a fault of package scenarios to the candidate, and reports to which process, or
	// a change to what it reads, which is done to no process. A fault of a worker is done to the
	// oldest process, but for the main one, of those that gave replies; if gave is empty, to the
	// oldest.
	Harm(id ID, fault string, gave []int) (Harmed, error)
	// Ended waits for d at most until the candidate has ended, and returns how it ended; nil if
	// it still runs.
	Ended(id ID, d time.Duration) error

	// CPU is the CPU time, in ns, of each candidate and of all its processes, at one moment.
	CPU(ids []ID) []*int64
	// Memory is the candidate's resident memory in MiB.
	Memory(id ID) *float64
	// Counters are the counts of its processes since the last call, by name.
	Counters(id ID) map[string]uint64
	// Holdings are the resources that its processes hold.
	Holdings(id ID) *results.Holdings
	// Requests are the ids that it has recorded, see Start; none if it records nothing.
	Requests(id ID) (witness.IDs, error)
	// Runs reports whether a thread of the candidate runs, or waits for a processor.
	Runs(id ID) bool
	// Deed is an action of the candidate, by its known processes, that invalidates its row; ""
	// for none.
	Deed(id ID) string
	// Faithful checks more: all its processes, and who holds its port. An error is any other
	// fault.
	Faithful(id ID) (deed string, err error)
	// Steal is the time, in ns, that the hypervisor has withheld so far.
	Steal() *int64
	// Beside is the activity of the machine outside the run since the last call.
	Beside() *results.Host
}

// Offer is a load on a server.
type Offer struct {
	Address string
	App     stacked.App // whose requests are sent
	Seed    uint64      // of the requests' variants
	Load    scenarios.Load
	HTTP2   bool
}

// Window is one slice of a load.
type Window struct {
	Lead, Span time.Duration
	Parts      int     // of Span that are distinguished; 0: none
	Rate       float64 // req/s; 0 in a closed loop
	Arrivals   uint64  // seed of random arrivals
}

// Seen is the outcome of a slice, and its cost for the load generator.
type Seen struct {
	load.Result
	CPU      *int64 // ns, of the load generator, without what it polled for nothing
	Wait     *int64 // ns that its threads could have run and did not
	Runs     uint64 // times that one of them got a processor
	IdleKept int    // connections beside the load that are open after the slice
}

// Loader makes load.
type Loader interface {
	// Open prepares a load. Nothing is connected yet.
	Open(o Offer) (Session, error)
	// Watch begins a load that reports the outcome of each request.
	Watch(ctx context.Context, o Offer) (Watching, error)
	// Holds reports whether the system can hold this number of connections for each of n loads.
	Holds(n, connections int) bool
}

// Session is one load on one server. It is not safe for concurrent use. Its errors are
// ctx's, ones that Lack recognizes, or faults of the server.
type Session interface {
	// Connect opens the connections that carry the load, at a rate in req/s or in a closed
	// loop, 0, if they are not open.
	Connect(ctx context.Context, rate float64) error
	// Accompany opens the connections beside the load, if there are any and they are not
	// open.
	Accompany(ctx context.Context) error
	// Slice drives the load for a window. The connections stay open.
	Slice(ctx context.Context, w Window) (Seen, error)
	// Rest closes all connections. They can be opened again.
	Rest()
}
