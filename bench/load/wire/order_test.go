package wire

import (
	"slices"
	"testing"

	"github.com/benchctl/benchctl/bench/load/loadtest"
)

func TestOrder(t *testing.T) {
	for _, test := range []struct{ weights, want []int }{
		{[]int{0, 0, 1}, []int{0, 1, 2}},
		{[]int{300, 300}, []int{0, 1}},
		{[]int{5, 1, 1}, []int{0, 0, 1, 0, 2, 0, 0}}, // nginx's own example
		{[]int{0, 3}, []int{1, 0, 1, 1}},
	} {
		got, err := Order(loadtest.Weighted(test.weights...))
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("weights %v: %v, %v; want %v", test.weights, got, err, test.want)
		}
	}
	for _, bad := range [][]int{{1, -1}, {1, maxTurns}, {1 << 62, 1<<62 + 1, 1 << 62}} {
		if _, err := Order(loadtest.Weighted(bad...)); err == nil {
			t.Errorf("weights %v are taken", bad)
		}
	}
}
