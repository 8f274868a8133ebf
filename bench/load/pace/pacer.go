// Package pace computes when requests are sent: pacers of a constant, a random and a varying
// rate, and the Schedule of a slice. It depends on no clock.
package pace

import (
	"fmt"
	"math"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/bench/load"
)

// Constant is the Pacer of perSecond evenly spaced requests per second. The rate must
// be positive.
func Constant(perSecond float64) vegeta.Pacer {
	return vegeta.ConstantPacer{Freq: 1, Per: time.Duration(float64(time.Second) / perSecond)}
}

// Poisson is the Pacer of requests that arrive independently of each other, perSecond
// per second on average. The rate must be positive. The times between requests are
// exponentially distributed. The same seed always gives the same schedule.
func Poisson(perSecond float64, seed uint64) vegeta.Pacer { return poisson{perSecond, mix(seed)} }

// poisson has no state, as each worker of a session computes the whole schedule: the
// n-th gap follows from the n-th number of a SplitMix64 sequence.
type poisson struct {
	perSecond float64
	seed      uint64
}

func (p poisson) Pace(_ time.Duration, hits uint64) (wait time.Duration, stop bool) {
	return nanoseconds(gap(p.seed, hits) / p.perSecond), false
}

func (p poisson) Rate(time.Duration) float64 { return p.perSecond }

func (p poisson) String() string { return fmt.Sprintf("Poisson{%g/s}", p.perSecond) }

// Varying is the Pacer of a rate that changes linearly within each of its parts, and
// then stays at the final rate. The n-th request is intended when the integral of the
// rate reaches n.
type Varying struct{ parts []part }

// part is a stretch of time with a rate that changes linearly.
type part struct {
	began, long float64 // s
	from, to    float64 // requests per second
	before      float64 // requests intended before it
}

// Ramp is the Pacer of a rate that changes linearly from one value to another over
// the counted part of w. The lead of w has the first value. Both must be positive.
func Ramp(from, to float64, w load.Window) Varying {
	var v Varying
	v.add(w.Lead.Seconds(), from, from)
	v.add(w.Span.Seconds(), from, to)
	return v
}

// Steps is the Pacer of rates that each hold for an equal part of the counted part of w.
// The lead of w has the first rate. At least one rate is required, and all must be positive.
func Steps(rates []float64, w load.Window) Varying {
	var v Varying
	v.add(w.Lead.Seconds(), rates[0], rates[0])
	for _, rate := range rates {
		v.add(w.Span.Seconds()/float64(len(rates)), rate, rate)
	}
	return v
}

func (v *Varying) add(long, from, to float64) {
	p := part{long: long, from: from, to: to}
	if n := len(v.parts); n > 0 {
		last := v.parts[n-1]
		p.began, p.before = last.began+last.long, last.before+last.count(last.long)
	}
	v.parts = append(v.parts, p)
}

// count is the integral of the rate over the part's first t seconds, or over more
// than all of it at its final rate.
func (p part) count(t float64) float64 {
	within := min(t, p.long)
	n := p.to * (t - within)
	if p.long > 0 {
		n += p.from*within + (p.to-p.from)*within*within/(2*p.long)
	}
	return n
}

// when is the inverse of count. This form of the root avoids cancellation where the
// rate hardly changes.
func (p part) when(n float64) float64 {
	if all := p.count(p.long); n >= all {
		return p.long + (n-all)/p.to
	}
	return 2 * n / (p.from + math.Sqrt(p.from*p.from+2*n*(p.to-p.from)/p.long))
}

// count is how many requests are intended in the first t seconds.
func (v Varying) count(t float64) float64 {
	at := 0
	for at+1 < len(v.parts) && t >= v.parts[at+1].began {
		at++
	}
	return v.parts[at].before + v.parts[at].count(t-v.parts[at].began)
}

// when is the time, in s, at which the integral of the rate reaches n.
func (v Varying) when(n float64) float64 {
	at := 0
	for at+1 < len(v.parts) && n >= v.parts[at+1].before {
		at++
	}
	return v.parts[at].began + v.parts[at].when(n-v.parts[at].before)
}

// Pace implements vegeta.Pacer.
func (v Varying) Pace(elapsed time.Duration, hits uint64) (wait time.Duration, stop bool) {
	return nanoseconds(v.when(float64(hits+1))) - elapsed, false
}

// Rate implements vegeta.Pacer.
func (v Varying) Rate(elapsed time.Duration) float64 {
	t := elapsed.Seconds()
	for _, p := range v.parts {
		if t < p.began+p.long {
			return p.from + (p.to-p.from)*(t-p.began)/p.long
		}
	}
	return v.parts[len(v.parts)-1].to
}

func (v Varying) String() string { return fmt.Sprintf("Varying{%d parts}", len(v.parts)) }

// Poisson is v with requests that arrive independently of each other: between requests,
// the integral of the rate grows by exponentially distributed amounts.
func (v Varying) Poisson(seed uint64) vegeta.Pacer { return varyingPoisson{v, mix(seed)} }

type varyingPoisson struct {
	Varying
	seed uint64
}

func (v varyingPoisson) Pace(elapsed time.Duration, hits uint64) (wait time.Duration, stop bool) {
	return nanoseconds(v.when(v.count(elapsed.Seconds())+gap(v.seed, hits))) - elapsed, false
}

// gap is the n-th number of a seed's sequence, exponentially distributed with mean 1.
func gap(seed, n uint64) float64 {
	const gamma = 0x9e3779b97f4a7c15
	u := (float64(mix(seed+(n+1)*gamma)>>11) + 0.5) / (1 << 53) // inside 0 and 1
	return -math.Log(u)
}

func nanoseconds(s float64) time.Duration {
	return time.Duration(math.Round(min(s, 1e9) * float64(time.Second)))
}

// mix is the finalizer of SplitMix64.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
