//go:build !linux

package raw

func newLoop(s *setup) (loop, error) { return newSyncLoop(s) }
