package suite

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// burn works until the calling thread has used d of CPU time, however often the
// thread had to wait for its turn (clock_gettime(2), CLOCK_THREAD_CPUTIME_ID).
func burn(d time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	end := threadTime() + d
	for x := uint32(1); threadTime() < end && x != 0; {
		x = churn(x)
	}
}

// threadTime is the CPU time the calling thread has used.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic("suite: clock_gettime: " + err.Error()) // every Linux has this clock
	}
	return time.Duration(t.Nano())
}
