// Package proc reads the process table, who descends from whom, which process holds a
// listening socket and which is marked as a candidate's, and control groups. Only Linux offers this; elsewhere
// there are no groups and every function returns ErrUnsupported.
package proc

import (
	"errors"
	"slices"
)

// ErrUnsupported is returned where the system has no /proc.
var ErrUnsupported = errors.New("the process table is read on Linux only")

// Held is what the process guard holds, without itself: what descends from it, and
// the members of group, unless that is "". It is what is measured; Marked finds more,
// and takes longer.
func Held(guard int, group Group) ([]int, error) {
	tree, err := Tree(guard)
	if err != nil {
		return nil, err
	}
	held := tree[1:]
	members, _ := group.Members() // fails once the group is removed, when nothing is left
	for _, pid := range members {
		if pid != guard && !slices.Contains(held, pid) {
			held = append(held, pid)
		}
	}
	return held, nil
}
