package scenarios

import (
	"time"

	"github.com/benchctl/benchctl/scenarios/offered"
	"github.com/benchctl/benchctl/scenarios/slo"
)

// Engines that drive a load; see package bench/load/engine.
const (
	Raw     = "raw"
	Vegeta  = "vegeta"
	Witness = "witness" // sends no request twice, and tells of each what became of it
)

// Load is what is offered to a server: the same value from a scenario's file through the
// plan and the manifest to the load engine. Its keys define the meaning of each field, its
// values and what it excludes.
type Load struct {
	Engine       string
	Connections  int
	offered.Pace // zero: a closed loop
	// SLO is the objective of a search for the highest rate; nil: the pace sets the rate.
	SLO      *slo.Objective
	Pipeline int // 0: one request at a time
	Requests int // of a connection; 0: any number
	Close    bool
	Company
	FirstByte bool
	// Events are done to the server while it is loaded; nil: it is compared in slices.
	Events []Event
	// Race is how long an idle connection is watched for its end by the server; requests are
	// sent within RaceWindow of that moment then. 0: at a rate.
	Race time.Duration
	Post bool // on half of the connections
	// Streams and Silent are connections beside the load.
	Streams, Silent int
	Timeout         time.Duration // 0: DefaultTimeout
	// Slice and Lead are the counted window and what precedes it; 0: by the candidate's
	// speed.
	Slice, Lead time.Duration
}

// DefaultTimeout is the default timeout of a reply.
const DefaultTimeout = 10 * time.Second

// RaceWindow is by how much a request that races with the end of its connection is early
// or late at most.
const RaceWindow = 2 * time.Millisecond

// Company is the clients beside the load, which are not counted.
type Company struct {
	Idle, SlowReaders, SlowHeaders int
}

// AtOnce is how many connections are open at once.
func (l Load) AtOnce() int { return l.Connections + l.Idle + l.SlowReaders + l.SlowHeaders }

// InFlight is how many requests a closed loop keeps in flight.
func (l Load) InFlight() int { return l.Connections * max(1, l.Pipeline) }

// Open reports whether requests are sent at a rate, not as they are answered.
func (l Load) Open() bool { return l.Pace.Open() || l.SLO != nil }

// Plain reports whether requests are sent as they are answered, one at a time on
// connections that last.
func (l Load) Plain() bool {
	return !l.Open() && !l.Watched() && l.Pipeline <= 1 && l.Requests == 0 && !l.Close
}

// FollowsCeiling reports whether the rate depends on each candidate's ceiling, its throughput
// in a closed loop.
func (l Load) FollowsCeiling() bool { return l.Relative() || l.SLO != nil }

// Search is the load as a search of the highest rate that meets an objective. It has no
// rate, and its slices are as long as the objective takes.
func (l Load) Search(o slo.Objective) Load {
	l.Pace, l.Slice, l.SLO = offered.Pace{Arrivals: l.Arrivals}, 0, &o
	return l
}

// Held is the app that Streams ask for: a reply that takes 100 s.
const Held = "stream?chunks=1000&ms=100"
