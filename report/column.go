package report

import (
	"fmt"
	"strconv"

	"github.com/benchctl/benchctl/results/judge"
)

// Key names a column in code.
type Key string

// Columns a table can have, besides one for each metric, whose key is its name.
const (
	Rank          Key = "rank"
	Candidate     Key = "candidate"
	Throughput    Key = judge.MetricThroughput
	Relative      Key = "relative"
	CPU           Key = judge.MetricServerCPU
	OverBase      Key = "over base"
	OverReference Key = "over reference"
	SLO           Key = judge.MetricSLORate

	LayerTime        Key = "layer time"
	LayerAllocations Key = "layer allocations"
	LayerAllocated   Key = "layer bytes"

	Offered    Key = "offered"
	Ceiling    Key = "ceiling"
	P50        Key = "p50"
	P90        Key = "p90"
	P99        Key = "p99"
	P999       Key = "p999"
	Max        Key = "max"
	ServiceP50 Key = "service p50"
	ServiceP99 Key = "service p99"
	LagP50     Key = "lag p50"
	LagP99     Key = "lag p99"
	FirstP50   Key = "first byte p50"
	FirstP99   Key = "first byte p99"
	IdleKiB    Key = "idle connection"
	Idle       Key = "idle"
	Peak       Key = "peak"
	After      Key = "after"
	Startup    Key = "startup"
	Errors     Key = "errors"
	Headroom   Key = "headroom"
	Requests   Key = "requests"
	Looked     Key = "looked"
	Version    Key = "version"
	ClassName  Key = "class"
	Engine     Key = "engine"
	Verdict    Key = "verdict"
	Lost       Key = judge.MetricLost
	Sent       Key = "sent"
	Exit       Key = "exit"
)

// Column describes one figure of every row.
type Column struct {
	Key     Key
	Head    string // "server CPU"
	Unit    string // "µs/req", "" for names and counts
	Help    string // what the figure is
	Numeric bool   // figures align right
}

// Value is what a row has in a column.
type Value struct {
	Text   string  // "152,300", or Unknown
	Spread string  // "±1.2 %", where an interval is known
	Number float64 // to sort by, of a numeric column; only if Known
	Known  bool
}

// String is the value in one piece: "152,300 ±1.2 %".
func (v Value) String() string { return join(" ", v.Text, v.Spread) }

// column is a Column and how to find its value.
type column struct {
	Column
	value func(*judge.Cell) Value
}

// columns lists all columns a table can have, in order.
func columns(t *Table) []column {
	all := []column{
		name(Rank, "place", "the place in the class; 1–3 where it can't be told which of these; invalid rows have none, nor have rows that were hardly compared", place),
		name(Candidate, "candidate", "name[@version][:profile][+layers][#label]", func(c *judge.Cell) string { return c.Candidate }),
		name(ClassName, "class", "rows are fairly compared within one class", t.class),
	}
	for _, m := range judge.Metrics() {
		m = m.For(t.Objective())
		all = append(all, estimate(m))
		if m.Name == t.Metric {
			all = append(all, t.relative())
		}
	}
	all = append(all, t.overBase(), t.overReference())
	all = append(all, t.layerColumns()...)
	all = append(all, latencies()...)
	all = append(all, openLoop()...)
	all = append(all, memories()...)
	return append(all,
		figure(Startup, "start-up", "ms", "from spawn to the first correct reply, median",
			func(c *judge.Cell) *float64 { return c.StartupMS }),
		number(Errors, "errors", "", "requests that got no right answer", failed),
		figure(Headroom, "headroom", "x", "the loader's ceiling / this throughput; near 1 the loader was the limit",
			func(c *judge.Cell) *float64 { return loader(c).Headroom }),
		number(Requests, "requests", "", "answered rightly within counted windows", answered),
		number(Sent, "sent", "", "requests that were sent to tell what becomes of each", sent),
		name(Exit, "exit", "how the server ended", exit),
		figure(Looked, "unbroken", "s", "the longest load without a break: what takes longer was not seen", whole),
		name(Version, "version", "the version that was measured", func(c *judge.Cell) string { return c.Version }),
		name(Engine, "engine", "the load engine", func(c *judge.Cell) string { return c.Engine }),
		name(Verdict, "verdict", "how far the row can be trusted", func(c *judge.Cell) string { return string(c.Verdict) }),
	)
}

// Objective is the objective that the rates of rows meet, "" without a search.
func (t *Table) Objective() string {
	for _, r := range t.Rows {
		if r.Cell.SLO != nil {
			return r.Cell.SLO.Objective
		}
	}
	return ""
}

// overBase is the column of the cost that frameworks add to their engines, where the
// engines are measured too.
func (t *Table) overBase() column {
	head := Column{OverBase, "over engine", "server CPU", "server CPU per request that a framework adds to that of the bare engine it runs on, paired", true}
	return column{head, func(c *judge.Cell) Value {
		p, ok := t.Pair(judge.MetricServerCPU, c.Base, c.Candidate)
		if c.Base == "" || c.Layers > 0 || !ok || !finite(p.Ratio) {
			return Value{}
		}
		return above(p)
	}}
}

func latencies() []column {
	p := func(key Key, head, help string, get func(judge.Latency) *float64) column {
		return percentile(key, head, help, func(c *judge.Cell) *judge.Latency { return c.Latency }, get)
	}
	return []column{
		p(P50, "p50", "half of all requests took at most this long", p50),
		p(P90, "p90", "90 % of all requests took at most this long", func(l judge.Latency) *float64 { return l.P90 }),
		p(P99, "p99", "99 % of all requests took at most this long", p99),
		p(P999, "p99.9", "99.9 % of all requests took at most this long", func(l judge.Latency) *float64 { return l.P999 }),
		p(Max, "max", "the slowest request", func(l judge.Latency) *float64 { return l.Max }),
	}
}

// openLoop are the columns that only some loads have, most of them open loops.
func openLoop() []column {
	service := func(c *judge.Cell) *judge.Latency { return c.Service }
	lag := func(c *judge.Cell) *judge.Latency { return c.SendLag }
	first := func(c *judge.Cell) *judge.Latency { return c.First }
	return []column{
		percentile(ServiceP50, "service p50", "half of all requests took at most this long from when they were sent, not from when they were to be", service, p50),
		percentile(ServiceP99, "service p99", "99 % of all requests took at most this long from when they were sent, not from when they were to be", service, p99),
		percentile(LagP50, "lag p50", "half of all requests were sent at most this late", lag, p50),
		percentile(LagP99, "lag p99", "99 % of all requests were sent at most this late", lag, p99),
		percentile(FirstP50, "first byte p50", "the body of half of all replies began at most this late", first, p50),
		percentile(FirstP99, "first byte p99", "the body of 99 % of all replies began at most this late", first, p99),
		figure(Offered, "offered", "req/s", "the rate that requests were to be sent at, median", func(c *judge.Cell) *float64 { return c.Offered }),
		figure(Ceiling, "ceiling", "req/s", "throughput in a closed loop before the rounds, median, which the rate was made from", func(c *judge.Cell) *float64 { return c.Ceiling }),
	}
}

func p50(l judge.Latency) *float64 { return l.P50 }
func p99(l judge.Latency) *float64 { return l.P99 }

// percentile is a column of a percentile in ms.
func percentile(key Key, head, help string, of func(*judge.Cell) *judge.Latency, get func(judge.Latency) *float64) column {
	return figure(key, head, "ms", help, func(c *judge.Cell) *float64 {
		l := of(c)
		if l == nil {
			return nil
		}
		return get(*l)
	})
}

func memories() []column {
	resident := func(key Key, head, help string, get func(judge.Memory) *float64) column {
		return figure(key, head, "MiB", help, func(c *judge.Cell) *float64 {
			if c.Memory == nil {
				return nil
			}
			return get(*c.Memory)
		})
	}
	return []column{
		resident(Idle, "mem idle", "resident memory when ready, before any load", func(m judge.Memory) *float64 { return m.Idle }),
		resident(Peak, "mem peak", "the most resident memory seen", func(m judge.Memory) *float64 { return m.Peak }),
		figure(IdleKiB, "idle conn", "KiB", "resident memory for each connection that carries nothing", func(c *judge.Cell) *float64 {
			if c.Idle == nil {
				return nil
			}
			return c.Idle.KiB
		}),
		resident(After, "mem after", "resident memory after the load, connections closed", func(m judge.Memory) *float64 { return m.After }),
	}
}

// name is a column of texts; an empty text is unknown.
func name(key Key, head, help string, get func(*judge.Cell) string) column {
	return column{Column{Key: key, Head: head, Help: help}, func(c *judge.Cell) Value {
		s := get(c)
		return Value{Text: s, Known: s != ""}
	}}
}

// number is a column of counts; get reports whether the count is known.
func number(key Key, head, unit, help string, get func(*judge.Cell) (uint64, bool)) column {
	return column{Column{key, head, unit, help, true}, func(c *judge.Cell) Value {
		n, ok := get(c)
		if !ok {
			return Value{}
		}
		return Value{Text: Whole(n), Number: float64(n), Known: true}
	}}
}

// figure is a column of numbers without a spread.
func figure(key Key, head, unit, help string, get func(*judge.Cell) *float64) column {
	return column{Column{key, head, unit, help, true}, func(c *judge.Cell) Value {
		v := get(c)
		if v == nil || !finite(*v) {
			return Value{}
		}
		return Value{Text: Number(*v, 3), Number: *v, Known: true}
	}}
}

// estimate is the column of a metric, with the spread of its interval.
func estimate(m judge.Metric) column {
	return column{Column{Key(m.Name), m.Head, m.Unit, m.Help, true}, func(c *judge.Cell) Value {
		e := c.Figures[m.Name]
		if e == nil || !finite(e.Value) {
			return Value{}
		}
		return Value{Text: Number(e.Value, 4), Spread: SpreadOf(m, *e), Number: e.Value, Known: true}
	}}
}

// place is "1", or "1–3" where it can't be told which of these places of its class the row has.
func place(c *judge.Cell) string {
	switch first, last := c.Places(); {
	case first == 0:
		return ""
	case first == last:
		return strconv.Itoa(first)
	default:
		return fmt.Sprintf("%d–%d", first, last)
	}
}

func ranked(c *judge.Cell) bool { return c.Rank > 0 && c.Verdict.Usable() }

// class is known only where rows differ in it.
func (t *Table) class(c *judge.Cell) string {
	if !t.Mixed() {
		return ""
	}
	return c.Class
}

// failed is unknown for a cell that sent nothing.
func failed(c *judge.Cell) (uint64, bool) {
	if c.Watched != nil { // what was lost is distinguished
		return 0, false
	}
	return c.Errors.Total, c.Errors.Total > 0 || c.Requests > 0
}

func answered(c *judge.Cell) (uint64, bool) { return c.Requests, c.Requests > 0 }

func sent(c *judge.Cell) (uint64, bool) {
	if c.Watched == nil {
		return 0, false
	}
	return c.Watched.Sent, true
}

func whole(c *judge.Cell) *float64 {
	if c.Whole == nil {
		return nil
	}
	return &c.Whole.Seconds
}

func loader(c *judge.Cell) judge.Loader {
	if c.Loader == nil {
		return judge.Loader{}
	}
	return *c.Loader
}
