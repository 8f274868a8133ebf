package measure_test

import (
	"maps"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/measure"
)

func TestCountsSince(t *testing.T) {
	before := measure.Counts{"a": {1: 10, 2: 20, 3: 30}, "b": {1: 1}}
	after := measure.Counts{"a": {1: 15, 2: 5, 4: 7}, "c": {1: 1}} // 2 is another process by now, 3 has ended
	if got, want := after.Since(before), map[string]uint64{"a": 5 + 5 + 7}; !maps.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}

// What a process does shows in its counters.
func TestCounts(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("not told here")
	}
	tree := measure.NewTree(os.Getpid())
	before := tree.Counts()
	const switches = 20
	for end := time.Now().Add(time.Minute); tree.Counts().Since(before)["context_switches"] < switches && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // gives up a processor
	}
	page := make([]byte, 64<<20) // more than what is at hand
	for i := 0; i < len(page); i += os.Getpagesize() {
		page[i] = 1
	}
	since := tree.Counts().Since(before)
	if since["context_switches"] < switches || since["page_faults"] == 0 {
		t.Errorf("%v", since)
	}
}
