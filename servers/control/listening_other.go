//go:build !linux

package control

// ListenerCPUs is not told here.
func ListenerCPUs(int) CPUs { return nil }

func everyone() []int { return nil }
