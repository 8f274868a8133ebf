package judge

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/benchctl/benchctl/internal/stats"
	"github.com/benchctl/benchctl/results"
)

const (
	// maxChance is the probability of the false finding that others are busy in the slices
	// of a row.
	maxChance = 0.001
	// alike are two shares that differ by less than this factor.
	alike = 1.5
	// mostNamed of the processes that were busy are named.
	mostNamed = 3
	// minNamed is the least share of the CPU time of all of them for a process to be named.
	minNamed = 0.2
)

// side is one of the two sides of a run, as seen from its processors.
type side struct {
	name string // of its processors
	cpus string // "" for all
	used func(results.Host) *int64
}

// sides are those with known CPU time of others.
func (e evidence) sides() []side {
	servers := side{"the servers' processors", e.env.ServerCPUs, func(h results.Host) *int64 { return h.OnServers }}
	if servers.cpus == "" {
		servers.name = "the processors"
	}
	return []side{servers, {"the load generator's processors", e.env.LoaderCPUs, func(h results.Host) *int64 { return h.OnLoader }}}
}

// busyHost reports whether others used too much of either side's processors in the row's own
// slices. If they use more there than in the slices of the other candidates, round by round
// and beyond chance, the reason says so: the server may have others do its work. If they use
// as much there, they disturb all candidates alike, and the figure is that of the whole block.
func (e evidence) busyHost() []Reason {
	var why []Reason
	for _, s := range e.sides() {
		wall, share := e.othersOn(s, e.trials)
		if !(share > e.othersLimit(wall, s.cpus)) { // NaN exceeds nothing
			continue
		}
		in, when := e.trials, ""
		_, rest := e.othersOn(s, e.rest)
		switch {
		case e.follows(s):
			when = fmt.Sprintf(" in its slices, and %.0f %% in those of the others, so that it has to do with this server", 100*max(0, rest))
		case rest < alike*share && share < alike*rest:
			in = slices.Concat(e.trials, e.rest)
			_, share = e.othersOn(s, in)
		}
		names := busiest(in)
		if names != "" {
			names = "; the busiest: " + names
		}
		why = append(why, hostBusy.because(100*share, s.name, when, names))
	}
	return why
}

// othersOn is the share of a side's processors that processes outside the run used in trials,
// and over which time; NaN if unknown.
func (e evidence) othersOn(s side, trials []results.Trial) (wall time.Duration, share float64) {
	var used float64
	for _, t := range trials {
		if t.Host != nil {
			wall += t.Host.Wall
			used += orNaN(s.used(*t.Host))
		}
	}
	return wall, finite(used / float64(wall) / float64(e.env.CPUsOf(s.cpus)))
}

// follows reports whether others use a side's processors in this candidate's slices more, by
// maxOthers and beyond chance, than in those of the other candidates in the same rounds.
func (e evidence) follows(s side) bool {
	rest := make(map[results.RoundKey][]results.Trial)
	for _, t := range e.rest {
		rest[t.Key()] = append(rest[t.Key()], t)
	}
	var more []float64
	for _, t := range e.trials {
		_, own := e.othersOn(s, []results.Trial{t})
		_, theirs := e.othersOn(s, rest[t.Key()])
		if d := own - theirs; !math.IsNaN(d) {
			more = append(more, d-maxOthers)
		}
	}
	return len(more) >= stats.MinValues && stats.ChanceAboveZero(more) < maxChance
}

// busiest names the processes outside the run that used most CPU time in trials.
func busiest(trials []results.Trial) string {
	type process struct {
		pid  int
		name string
	}
	used := make(map[process]time.Duration)
	var all time.Duration
	for _, t := range trials {
		if t.Host == nil {
			continue
		}
		for _, f := range t.Host.Busiest {
			used[process{f.PID, f.Name}] += f.CPU
			all += f.CPU
		}
	}
	order := slices.SortedFunc(maps.Keys(used), func(a, b process) int {
		return cmp.Or(cmp.Compare(used[b], used[a]), cmp.Compare(a.pid, b.pid), strings.Compare(a.name, b.name))
	})
	var names []string
	for _, p := range order[:min(len(order), mostNamed)] {
		if float64(used[p]) >= minNamed*float64(all) {
			names = append(names, fmt.Sprintf("PID %d (%s)", p.pid, p.name))
		}
	}
	return strings.Join(names, ", ")
}

// othersLimit is maxOthers plus two standard errors of the kernel's sampling, for a processor
// that is busy half of the time: a kernel may sample only once a tick who uses a processor.
func (e evidence) othersLimit(wall time.Duration, cpus string) float64 {
	looks := float64(wall) / float64(tick) * float64(e.env.CPUsOf(cpus))
	return maxOthers + 2*math.Sqrt(0.25/looks)
}
