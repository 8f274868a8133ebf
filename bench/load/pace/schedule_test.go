package pace

import (
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

func TestSchedule(t *testing.T) {
	pacers := map[string]vegeta.Pacer{
		"constant": vegeta.Rate{Freq: 1000, Per: time.Second},
		"linear":   vegeta.LinearPacer{StartAt: vegeta.Rate{Freq: 500, Per: time.Second}, Slope: 1000},
		"sine": vegeta.SinePacer{
			Period: 100 * time.Millisecond, Mean: vegeta.Rate{Freq: 1000, Per: time.Second}, Amp: vegeta.Rate{Freq: 500, Per: time.Second},
		},
	}
	for name, p := range pacers {
		var all, shared []time.Duration
		s := NewSchedule(p, time.Second, 0, 1)
		for at, ok := s.Peek(); ok; at, ok = s.Peek() {
			all = append(all, at)
			s.Advance()
		}
		if n := len(all); n < 985 || n > 1015 {
			t.Errorf("%s: %d requests in a second", name, n)
		}
		// Three workers have the same schedule between them.
		var workers [3]Schedule
		for i := range workers {
			workers[i] = NewSchedule(p, time.Second, i, len(workers))
		}
		for i := 0; ; i++ {
			at, ok := workers[i%3].Peek()
			if !ok {
				break
			}
			shared = append(shared, at)
			workers[i%3].Advance()
		}
		if len(shared) != len(all) {
			t.Fatalf("%s: %d requests alone, %d shared", name, len(all), len(shared))
		}
		for i := range all {
			if all[i] != shared[i] {
				t.Fatalf("%s: request %d at %v alone, %v shared", name, i, all[i], shared[i])
			}
			if name == "constant" && all[i] != time.Duration(i+1)*time.Millisecond {
				t.Fatalf("request %d at %v", i, all[i])
			}
		}
	}
}
