package judge

import (
	"time"

	"github.com/benchctl/benchctl/results"
)

// Limits of possible figures.
const (
	minSpreadShare = 0.50 // of the time that the body of a stream takes: a first byte may be read late
	minWorkShare   = 0.90 // of the CPU time that an app takes
	// leastCPU is less than the system calls of a request take, two on a kernel of today.
	leastCPU    = 300 * time.Nanosecond
	leastForCPU = 1000 // replies that a CPU time per reply is judged by
)

// impossible lists impossible figures: waits and work that a server skipped, and replies
// without a cost.
func (e evidence) impossible() []Reason {
	var why []Reason
	if n := e.sum(func(t results.Trial) uint64 { return t.Hasty }); n > 0 {
		why = append(why, didNotWait.because(n, e.sum(func(t results.Trial) uint64 { return t.Answered })))
	}
	var spreads []float64
	for _, t := range e.all() {
		if t.Spread != nil {
			spreads = append(spreads, float64(*t.Spread))
		}
	}
	if due := float64(e.block.Spread); len(spreads) > 0 && mean(spreads) < minSpreadShare*due {
		why = append(why, didNotStream.because(readable(time.Duration(mean(spreads))), e.block.Spread))
	}
	cpu, ok := sumOf(e.all(), serverCPU)
	if !ok || cpu.Over < leastForCPU && e.block.Work == 0 {
		return why
	}
	each := time.Duration(1e3 * cpu.Amount / cpu.Over)
	switch {
	case each < time.Duration(minWorkShare*float64(e.block.Work)):
		why = append(why, didNotWork.because(each, e.block.Work))
	case cpu.Over >= leastForCPU && each < leastCPU/time.Duration(max(1, e.block.Load.Pipeline)):
		why = append(why, cpuImpossible.because(each))
	}
	return why
}
