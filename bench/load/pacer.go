package load

import (
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Constant is the Pacer of evenly spaced requests, perSecond of them, which must
// be positive.
func Constant(perSecond float64) vegeta.Pacer {
	return vegeta.ConstantPacer{Freq: 1, Per: time.Duration(float64(time.Second) / perSecond)}
}
