//go:build !linux

package load

func newLoop(s *setup) (loop, error) { return newSyncLoop(s) }
