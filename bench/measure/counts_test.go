package measure_test

import (
	"maps"
	"testing"

	"github.com/benchctl/benchctl/bench/measure"
)

func TestCountsSince(t *testing.T) {
	before := measure.Counts{"a": {1: 10, 2: 20, 3: 30}, "b": {1: 1}}
	after := measure.Counts{"a": {1: 15, 2: 5, 4: 7}, "c": {1: 1}} // 2 is another process by now, 3 has ended
	if got, want := after.Since(before), map[string]uint64{"a": 5 + 5 + 7}; !maps.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}
