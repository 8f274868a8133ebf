//go:build !linux

package proc

// Tree is not offered here.
func Tree(int) ([]int, error) { return nil, ErrUnsupported }

// ListenerOwners is not offered here.
func ListenerOwners(int, []int) (Owners, error) { return Owners{}, ErrUnsupported }
