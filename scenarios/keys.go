package scenarios

import (
	"fmt"
	"strings"
	"time"

	"github.com/benchctl/benchctl/internal/strict"
	"github.com/benchctl/benchctl/scenarios/offered"
	"github.com/benchctl/benchctl/scenarios/slo"
)

// Key is a property of a Load: its name, its values, and its place in the Load.
type Key struct {
	Name  string
	Takes string // what it may be, as documentation tells it
	Doc   string // what it means, in a line

	usual any                            // what is not told, as it is so without: the default
	only  string                         // the engine that alone offers it; "": any does
	read  func(*Load, strict.Node) error // takes the value
	value func(*Load) any                // the value as read takes it; nil: it is not set
	right func(*Load) bool               // the value is within bounds, or not set; nil: any is right
	plain func(*Load) any                // the value, in bounds or not
	from  any                            // these bounds
	to    any
}

// Bounds of a load. More connections need more ports and files than systems give by
// default.
const (
	maxConnections = 10000
	maxPipeline    = 1000
	maxRequests    = 1e9 // per connection
	minTime        = time.Millisecond
	maxTime        = time.Hour
	maxSlow        = 1000 // clients of a kind beside the load
)

// keys are those of a Load, in the order of documentation and of their canonical form.
var keys = []Key{
	word("engine", "what drives the load", func(l *Load) *string { return &l.Engine }, Raw, Vegeta, Witness),
	{Name: "events", Takes: "a list of \"reload at 2s\" or \"reload at 2s, 10 times every 500ms\"", Doc: "what is done to the server since the load began: a verb, a fault (" + strings.Join(Faults(), ", ") + "), or a change of what it reads (" + strings.Join(Changes(), ", ") + ")", only: Witness,
		read: readEvents, value: func(l *Load) any { return unless(len(l.Events) == 0, l.EventTexts()) }},
	duration("race", "how long an idle connection is watched for its end by the server; requests are then sent within "+RaceWindow.String()+" of it", minTime, func(l *Load) *time.Duration { return &l.Race }).by(Witness),
	boolean("post", "half of the connections send POST with a body, the others GET", func(l *Load) *bool { return &l.Post }).by(Witness),
	integer("streams", "connections beside the load that hold a reply of app stream open", maxSlow, func(l *Load) *int { return &l.Streams }).by(Witness),
	integer("silent", "connections beside the load that never send anything", maxConnections, func(l *Load) *int { return &l.Silent }).by(Witness),
	integer("connections", "connections held open, each with one request at a time", maxConnections, func(l *Load) *int { return &l.Connections }),
	text("rate", "1000/s, 70% of ceiling or 50% of slowest", "requests per second, whatever comes back: so many, or a share of each server's throughput in a closed loop or of the slowest one's",
		(*offered.Pace).SetRate, offered.Pace.RateText).within(func(l *Load) any { return l.Rate }, func(l *Load) bool {
		return l.Rate == 0 || l.Rate >= offered.MinRate && l.Rate <= offered.MaxRate
	}, offered.MinRate, int(offered.MaxRate)),
	text("ramp", "100/s to 5000/s", "a rate that changes evenly over each slice", (*offered.Pace).SetRamp, offered.Pace.RampText),
	{Name: "steps", Takes: "a list of rates", Doc: "rates that each hold for an equal part of a slice", read: readSteps, value: func(l *Load) any { return unless(len(l.Steps) == 0, l.StepTexts()) }},
	word("arrivals", "evenly spaced, or independent of each other", func(l *Load) *string { return &l.Arrivals }, offered.Constant, offered.Poisson).unlessSaid(offered.Constant),
	{Name: "slo", Takes: "p99<10ms", Doc: "searches the highest rate at which a percentile of the response time stays below a limit", read: readSLO, value: func(l *Load) any {
		return unless(l.SLO == nil, l.SLO)
	}},
	integer("pipeline", "requests in flight on each connection", maxPipeline, func(l *Load) *int { return &l.Pipeline }).by(Raw).unlessSaid(1),
	integer("requests", "replies that a connection carries before the client replaces it", maxRequests, func(l *Load) *int { return &l.Requests }).by(Raw),
	boolean("close", "every request says \"Connection: close\" and has a connection of its own", func(l *Load) *bool { return &l.Close }),
	integer("idle", "connections beside the load that carried one request and carry no more", maxConnections, func(l *Load) *int { return &l.Idle }),
	integer("slow-readers", "clients beside the load that ask for 10 MB and read it at 20 KiB/s", maxSlow, func(l *Load) *int { return &l.SlowReaders }),
	integer("slow-headers", "clients beside the load that send a header at 10 B/s", maxSlow, func(l *Load) *int { return &l.SlowHeaders }),
	boolean("first-byte", "the time to the first byte of bodies is told", func(l *Load) *bool { return &l.FirstByte }).by(Raw),
	duration("timeout", "how long a reply is waited for (10s)", minTime, func(l *Load) *time.Duration { return &l.Timeout }).unlessSaid(DefaultTimeout.String()),
	duration("slice", "how long each slice is counted", minTime, func(l *Load) *time.Duration { return &l.Slice }),
	duration("lead", "how long the load is on before a slice is counted", 0, func(l *Load) *time.Duration { return &l.Lead }),
}

// excluded are groups of keys of which at most one may be given.
var excluded = [][]string{
	{"rate", "ramp", "steps", "slo"}, {"requests", "close"},
	{"events", "ramp"}, {"events", "steps"}, {"events", "slo"}, {"events", "arrivals"}, {"events", "close"},
	{"events", "idle"}, {"events", "slow-readers"}, {"events", "slow-headers"}, {"events", "lead"},
	{"race", "events"}, {"race", "rate"}, {"race", "ramp"}, {"race", "steps"}, {"race", "slo"}, {"race", "arrivals"}, {"race", "close"},
	{"race", "streams"}, {"race", "silent"}, {"race", "idle"}, {"race", "slow-readers"}, {"race", "slow-headers"}, {"race", "lead"},
}

// by is k where one engine alone offers it.
func (k Key) by(engine string) Key {
	k.only = engine
	return k
}

// unlessSaid returns k with a default.
func (k Key) unlessSaid(usual any) Key {
	k.usual = usual
	return k
}

// within is k with bounds.
func (k Key) within(plain func(*Load) any, right func(*Load) bool, from, to any) Key {
	k.plain, k.right, k.from, k.to = plain, right, from, to
	return k
}

func integer(name, doc string, most int, at func(*Load) *int) Key {
	return Key{
		Name: name, Takes: fmt.Sprintf("1 to %d", most), Doc: doc,
		read:  func(l *Load, n strict.Node) error { return strict.Int(at(l), 1, most)(n) },
		value: func(l *Load) any { return unless(*at(l) == 0, *at(l)) },
	}.within(func(l *Load) any { return *at(l) }, func(l *Load) bool { return *at(l) >= 0 && *at(l) <= most }, 1, most)
}

func duration(name, doc string, least time.Duration, at func(*Load) *time.Duration) Key {
	return Key{
		Name: name, Takes: "a time, up to " + maxTime.String(), Doc: doc,
		read:  func(l *Load, n strict.Node) error { return strict.Duration(at(l), least, maxTime)(n) },
		value: func(l *Load) any { return unless(*at(l) == 0, at(l).String()) },
	}.within(func(l *Load) any { return *at(l) }, func(l *Load) bool { return *at(l) == 0 || *at(l) >= least && *at(l) <= maxTime }, least, maxTime)
}

func boolean(name, doc string, at func(*Load) *bool) Key {
	return Key{
		Name: name, Takes: "true or false", Doc: doc,
		read: func(l *Load, n strict.Node) (err error) {
			*at(l), err = n.Bool()
			return err
		},
		value: func(l *Load) any { return unless(!*at(l), true) },
	}
}

func word(name, doc string, at func(*Load) *string, known ...string) Key {
	return Key{
		Name: name, Takes: strings.Join(known, " or "), Doc: doc,
		read:  func(l *Load, n strict.Node) error { return strict.OneOf(at(l), known...)(n) },
		value: func(l *Load) any { return unless(*at(l) == "", *at(l)) },
	}
}

// text is a key of the pace that is given as a text.
func text(name, takes, doc string, set func(*offered.Pace, string) error, get func(offered.Pace) string) Key {
	return Key{
		Name: name, Takes: takes, Doc: doc,
		read: func(l *Load, n strict.Node) error {
			return placed(n, func(text string) error { return set(&l.Pace, text) })
		},
		value: func(l *Load) any { return unless(get(l.Pace) == "", get(l.Pace)) },
	}
}

func readSteps(l *Load, n strict.Node) error {
	err := n.Items(func(item strict.Node) error { return placed(item, l.AddStep) })
	if err == nil && len(l.Steps) == 0 {
		err = n.Errorf("at least one rate is needed")
	}
	return err
}

func readSLO(l *Load, n strict.Node) error {
	return placed(n, func(text string) error {
		o, err := slo.Parse(text)
		l.SLO = &o
		return err
	})
}

// placed takes a text by set and puts its error in its place.
func placed(n strict.Node, set func(text string) error) error {
	text, err := n.Text()
	if err != nil {
		return err
	}
	if err := set(text); err != nil {
		return n.Errorf("%w", err)
	}
	return nil
}

// unless is v, or nil if the value is not set.
func unless(unset bool, v any) any {
	if unset {
		return nil
	}
	return v
}
