package suite

import (
	"runtime"
	"testing"
)

// The app burns CPU time of its thread: a clock on the wall would be wrong where
// threads share a core.
func TestBurnsCPUTime(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	i := instance(t, "cpu?us=3000")
	before := threadTime()
	answerOf(t, i, i.Exchange())
	if got := threadTime() - before; got < i.Work() {
		t.Errorf("it used %v of CPU time, want at least %v", got, i.Work())
	}
}
