package agent

import (
	"cmp"
	"os"
	"slices"
	"time"

	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// Meters read the activity of the machine. The zero value asks the operating system. A
// test replaces what it can't provoke, such as time stolen by a hypervisor.
type Meters struct {
	Steal      func() (time.Duration, error)
	Ticks      func() (map[int]measure.Ticks, error)
	Throttling func() measure.Throttling
}

// complete is m with its defaults.
func (m Meters) complete() Meters {
	if m.Steal == nil {
		m.Steal = measure.Steal
	}
	if m.Ticks == nil {
		m.Ticks = measure.ReadTicks
	}
	if m.Throttling == nil {
		m.Throttling = measure.ReadThrottling
	}
	return m
}

// beside measures the activity of the machine outside the run, from trial to trial. It belongs
// to the candidate that had its slice meanwhile. The kernel accounts in ticks, so a single
// slice is too short, but all slices of a candidate together are not.
type beside struct {
	Meters
	servers, loader []int // processors; both empty where nothing is pinned
	own             *measure.Tree
	last            reading
}

// reading is one reading of everything.
type reading struct {
	at        time.Time
	ticks     map[int]measure.Ticks    // nil: not told
	all, self *int64                   // CPU time of benchctl with all it has started, and without
	held      map[*measure.Tree]*int64 // of the candidates, as it is told best
	others    map[int]proc.Process     // that are not the run's
	throttled measure.Throttling
}

func newBeside(s Setup) *beside {
	return &beside{Meters: s.Meters.complete(), own: measure.NewTree(os.Getpid()), servers: s.ServerCPUs, loader: s.LoaderCPUs}
}

func (h *beside) read(candidates []*measure.Tree) reading {
	r := reading{at: time.Now(), throttled: h.Throttling(), held: spent(candidates)}
	if ticks, err := h.Ticks(); err == nil {
		r.ticks = ticks
	}
	r.all = measure.Known(func() (own time.Duration, err error) {
		own, r.others, err = h.own.Beside()
		return own, err
	})
	for tree := range r.held { // also what left benchctl's tree
		for _, pid := range tree.PIDs() {
			delete(r.others, pid)
		}
	}
	r.self = measure.Known(measure.SelfCPU)
	return r
}

// spent is the CPU time of each candidate so far, in ns.
func spent(candidates []*measure.Tree) map[*measure.Tree]*int64 {
	all := make(map[*measure.Tree]*int64, len(candidates))
	for i, d := range measure.CPUs(candidates) {
		if d != nil {
			ns := d.Nanoseconds()
			all[candidates[i]] = &ns
		}
	}
	return all
}

// turn tells what there was since the turn before; nil if this is the first one.
func (h *beside) turn(candidates []*measure.Tree) *results.Host {
	before, after := h.last, h.read(candidates)
	if h.last = after; before.at.IsZero() {
		return nil
	}
	seen := &results.Host{
		Wall: after.at.Sub(before.at), Throttled: after.throttled.Quota - before.throttled.Quota, Heat: after.throttled.Heat - before.throttled.Heat,
	}
	all, self := measure.Between(before.all, after.all), measure.Between(before.self, after.self)
	if before.ticks == nil || after.ticks == nil || all == nil || self == nil {
		return seen
	}
	// The process table lacks children that nobody waited for. The candidates' own meters
	// may have them.
	*all = max(*all, *self+heldSince(before, after))
	others := func(cpus []int, own int64) *int64 {
		ns := measure.Used(before.ticks, after.ticks, cpus).Nanoseconds() - own
		return &ns
	}
	switch {
	case len(h.servers) == 0 && len(h.loader) == 0:
		seen.OnServers = others(nil, *all)
	case len(h.servers) > 0 && len(h.loader) > 0 && !overlap(h.servers, h.loader):
		seen.OnServers, seen.OnLoader = others(h.servers, *all-*self), others(h.loader, *self)
	}
	seen.Busiest = h.busiest(before, after)
	return seen
}

// Processes outside the run are reported if they used this share of a processor, up to this
// number.
const (
	busyShare = 0.02
	mostBusy  = 3
)

// busiest are the processes that used most CPU time between two readings, of those that
// ran on processors of the run at the end.
func (h *beside) busiest(before, after reading) (all []results.Foreign) {
	least := time.Duration(busyShare * float64(after.at.Sub(before.at)))
	for pid, p := range after.others {
		used := p.CPU
		if was, ok := before.others[pid]; ok && was.CPU <= used { // else another one with its number
			used -= was.CPU
		}
		elsewhere := len(h.servers)+len(h.loader) > 0 && !slices.Contains(h.servers, p.Processor) && !slices.Contains(h.loader, p.Processor)
		if used > 0 && used >= least && !elsewhere {
			all = append(all, results.Foreign{PID: pid, Name: p.Name, CPU: used})
		}
	}
	slices.SortFunc(all, func(a, b results.Foreign) int { return cmp.Or(cmp.Compare(b.CPU, a.CPU), cmp.Compare(a.PID, b.PID)) })
	return all[:min(len(all), mostBusy)]
}

// heldSince is what the candidates used between two readings.
func heldSince(before, after reading) (sum int64) {
	for tree, now := range after.held {
		if used := measure.Between(before.held[tree], now); used != nil {
			sum += *used
		}
	}
	return sum
}
