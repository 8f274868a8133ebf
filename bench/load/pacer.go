package load

import (
	"fmt"
	"math"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Constant is the Pacer of evenly spaced requests, perSecond of them, which must
// be positive.
func Constant(perSecond float64) vegeta.Pacer {
	return vegeta.ConstantPacer{Freq: 1, Per: time.Duration(float64(time.Second) / perSecond)}
}

// Poisson is the Pacer of requests that arrive independently of each other,
// perSecond of them on average, which must be positive: the times between them are
// exponentially distributed. A seed has one schedule, the same each time.
func Poisson(perSecond float64, seed uint64) vegeta.Pacer { return poisson{perSecond, mix(seed)} }

// poisson has no state, as each worker of a session asks for the whole schedule:
// the n-th gap is made of the n-th number of a SplitMix64 sequence.
type poisson struct {
	perSecond float64
	seed      uint64
}

func (p poisson) Pace(_ time.Duration, hits uint64) (wait time.Duration, stop bool) {
	const gamma = 0x9e3779b97f4a7c15
	u := (float64(mix(p.seed+(hits+1)*gamma)>>11) + 0.5) / (1 << 53) // inside 0 and 1
	return time.Duration(math.Round(-math.Log(u) / p.perSecond * float64(time.Second))), false
}

func (p poisson) Rate(time.Duration) float64 { return p.perSecond }

func (p poisson) String() string { return fmt.Sprintf("Poisson{%g/s}", p.perSecond) }

// mix is the finalizer of SplitMix64.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
