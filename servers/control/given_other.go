//go:build !linux

package control

// Given is not told here.
type Given struct{}

// Given is not told here.
func (p *Process) Given(CPUs) (Given, error) { return Given{}, nil }

// Deeds are not told here.
func (Given) Deeds([]int) []string { return nil }
