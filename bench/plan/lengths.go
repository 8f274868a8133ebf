package plan

import (
	"cmp"
	"slices"
	"time"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios/slo"
)

// Lengths of slices. A slice is at least MinSlice long and, up to MaxSlice, long
// enough for SliceRequests. In a field of many candidates, where the slices of a round are
// many seconds apart in any case, it is longer, so that less of the time goes to lead-ins:
// in proportion from fewCandidates on, up to mostLonger times.
const (
	fewCandidates = 10
	mostLonger    = 2

	MinSlice      = 150 * time.Millisecond
	MaxSlice      = time.Second
	MaxLead       = 2 * time.Second
	SliceRequests = 1000
)

// MaxSearchSlice is the longest slice in a search.
const MaxSearchSlice = 2 * time.Second

// The ceiling of a candidate, which its rate is a share of, is measured in so many
// slices of such a length.
const (
	CeilingPasses = 2
	CeilingSlice  = 250 * time.Millisecond
)

// An uninterrupted pass is many times as long as the longest response time seen, or
// as it takes to see what builds up within seconds: the first one of a candidate in a
// block FirstPass at least, others NextPass, or MostPass where the candidate changes.
const (
	Passes    = 2 // launches that begin with one
	FirstPass = 5 * time.Second
	NextPass  = 2 * time.Second
	MostPass  = 20 * time.Second
	passTimes = 20
	// PassParts is how many parts of a pass are told apart.
	PassParts = 30
	// passShare is the part of a budget that passes may take, shortPassShare that of a run that is
	// short for its field, in whose large fields the first launch alone begins with passes.
	passShare      = 3
	shortPassShare = 9
	// shortFor is the least time for each candidate of a large field in a block of a run that is not short.
	shortFor = 30 * time.Second
)

// Short reports whether a run has little time for each of its candidates, as one that nobody else bounded, or one of a large
// field in a small budget. In such a run candidates that were seen to mislead take passes again, and others don't.
func Short(m results.Manifest) bool {
	return m.Usual || isLarge(m) && m.Budget > 0 && m.Budget < shortFor*time.Duration(len(m.Candidates)*len(m.Blocks))
}

// isLarge reports whether a field is so large that the slices of a round are many seconds apart.
func isLarge(m results.Manifest) bool { return len(m.Candidates) >= fewCandidates }

// sharedByPasses is what of a time passes may take.
func sharedByPasses(m results.Manifest, of time.Duration) time.Duration {
	if Short(m) {
		return of / shortPassShare
	}
	return of / passShare
}

// Pass is how long a pass of a candidate is in a launch, by the longest response time
// seen of it, and whether it was seen to change.
func Pass(m results.Manifest, launch int, longest time.Duration, changes bool) time.Duration {
	least := NextPass
	switch {
	case m.Pass > 0:
		return m.Pass
	case changes:
		least = MostPass
	case launch == 0:
		least = FirstPass
	}
	return clamp(passTimes*longest, least, MostPass)
}

// PassRoom is how long all passes of a block may take, up to and with those of a
// launch. The first leave some for those after them, who follow what they have seen.
func PassRoom(m results.Manifest, launch int) time.Duration {
	room := sharedByPasses(m, m.Budget) / time.Duration(len(m.Blocks))
	if launch+1 < m.Passes {
		room -= time.Duration(float64(room) * float64(NextPass) / float64(FirstPass+NextPass))
	}
	return room
}

// Share is how long each of some may take at most that want to take so long, for all of
// them to have room: who wants little gets it, and the rest share alike.
func Share(wanted []time.Duration, room time.Duration) (most time.Duration) {
	slices.Sort(wanted)
	for i, d := range wanted {
		most = room / time.Duration(len(wanted)-i)
		if d >= most {
			return most
		}
		room -= d
	}
	return most
}

// scaleTimes is how many time scales a lead-in takes: what holds connections longer has
// built up then to 95 %.
const scaleTimes = 3

// Slice is how long one slice of a candidate is that answers rate requests per
// second, and its lead-in, which is not counted: long enough for every connection to
// have been answered once, and for states to build up that last as long as scale, the
// time scale that an uninterrupted pass has found; 0: none has. A slice is no shorter
// than its lead-in.
func Slice(m results.Manifest, b results.Block, rate float64, scale time.Duration) (lead, span time.Duration) {
	span, lead = cmp.Or(b.Load.Slice, m.Slice), b.Load.Lead
	if lead == 0 {
		lead = clamp(max(seconds(float64(b.Load.Connections)/rate), scaleTimes*scale), 10*time.Millisecond, MaxLead)
	}
	if span == 0 {
		span = clamp(max(seconds(SliceRequests/rate), lead), leastSlice(m), max(MaxSlice, lead))
	}
	return lead, span
}

// mostSeldom is in which of how many twos of rounds a candidate has slices at the least.
const mostSeldom = 4

// Every is in which of how many twos of rounds a candidate has its slices whose slices take
// so long, where usual is what those of the others take. In a large field that has to be done
// in a given time, a few candidates with long lead-ins would take most of it otherwise.
func Every(m results.Manifest, takes, usual time.Duration) int {
	if !m.Fill || !isLarge(m) || usual <= 0 {
		return 1
	}
	return min(max(1, int(takes/(2*usual))), mostSeldom)
}

// leastSlice is the length of the slices of fast candidates.
func leastSlice(m results.Manifest) time.Duration {
	longer := min(max(1, float64(len(m.Candidates))/fewCandidates), mostLonger)
	return time.Duration(longer * float64(MinSlice))
}

// SearchSlice is how long a slice is in a search that is at a rate: long enough for
// its percentile to be told, within bounds.
func SearchSlice(m results.Manifest, o slo.Objective, rate float64) time.Duration {
	if m.Slice > 0 {
		return m.Slice
	}
	return clamp(seconds(o.Samples()/rate), MinSlice, MaxSearchSlice)
}

func seconds(s float64) time.Duration {
	return time.Duration(min(s, 1e6) * float64(time.Second)) // rate 0 gives +Inf
}

func clamp(d, low, high time.Duration) time.Duration { return max(low, min(d, high)) }
