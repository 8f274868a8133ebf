package load

import (
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func weighted(weights ...int) []Target {
	targets := make([]Target, len(weights))
	for i, w := range weights {
		targets[i] = get("/" + string(rune('a'+i)))
		targets[i].Weight = w
	}
	return targets
}

func TestOrder(t *testing.T) {
	for _, test := range []struct{ weights, want []int }{
		{[]int{0, 0, 1}, []int{0, 1, 2}},
		{[]int{300, 300}, []int{0, 1}},
		{[]int{5, 1, 1}, []int{0, 0, 1, 0, 2, 0, 0}}, // nginx's own example
		{[]int{0, 3}, []int{1, 0, 1, 1}},
	} {
		got, err := order(weighted(test.weights...))
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("weights %v: %v, %v; want %v", test.weights, got, err, test.want)
		}
	}
	for _, bad := range [][]int{{1, -1}, {1, maxTurns}, {1 << 62, 1<<62 + 1, 1 << 62}} {
		if _, err := order(weighted(bad...)); err == nil {
			t.Errorf("weights %v are taken", bad)
		}
	}
}

// Both engines take the targets in the same order.
func TestWeights(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		var mu sync.Mutex
		var seen strings.Builder
		s := serve(t, func(c net.Conn, n int, head string) bool {
			mu.Lock()
			seen.WriteByte(head[len("GET /")])
			mu.Unlock()
			return says(helloReply)(c, n, "")
		})
		defer s.close()
		c := helloConfig(s, 1)
		c.Targets = weighted(5, 1, 1)
		r := sliceUntil(t, open, c, Window{Span: 50 * time.Millisecond}, func(r *Result) bool {
			mu.Lock()
			defer mu.Unlock()
			if r.Answered < 7 {
				seen.Reset() // the next slice starts over
			}
			return r.Answered >= 7
		})
		mu.Lock()
		defer mu.Unlock()
		if all := strings.Repeat("aabacaa", seen.Len()/7+1); r.Errored() > 0 || seen.Len() < 7 || seen.String() != all[:seen.Len()] {
			t.Errorf("%v: order %.40s...", summary(r), seen.String())
		}
	})
}
