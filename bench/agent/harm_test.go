package agent

import (
	"errors"
	"testing"
)

// A fault of a worker is done to the oldest process that gave a reply, by the number that it
// has in its namespace, and to no router or helper.
func TestChosen(t *testing.T) {
	inner := func(pid int) (int, error) {
		if pid == 13 {
			return 0, errors.New("it has ended")
		}
		return pid - 10, nil // 1 is the main process
	}
	born := map[int]uint64{12: 1, 13: 2, 14: 4, 15: 3}
	for _, c := range []struct {
		others, gave []int
		want         Harmed
		err          error
	}{
		{nil, []int{1}, Harmed{}, errNoWorker},
		{[]int{12, 13, 14, 15}, nil, Harmed{PID: 12, Guessed: true}, nil},
		{[]int{12, 13, 14, 15}, []int{3, 4, 5}, Harmed{PID: 15}, nil}, // 12 is a router, 13 has ended
		{[]int{12, 13, 14, 15}, []int{1, 99}, Harmed{}, errNoGiver},
	} {
		if got, err := chosen(c.others, c.gave, inner, born); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("of %v, of whom %v replied: %+v, %v; want %+v, %v", c.others, c.gave, got, err, c.want, c.err)
		}
	}
}
