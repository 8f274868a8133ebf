//go:build !linux

package suite

import "time"

// burn works for d by the monotonic clock. Where threads share a core that is
// less CPU time than d, so results of the app "cpu" compare on Linux only.
func burn(d time.Duration) {
	begun := time.Now()
	for x := uint32(1); time.Since(begun) < d && x != 0; {
		x = churn(x)
	}
}
