//go:build !linux

package daemon

import "golang.org/x/sys/unix"

// duplicate makes to the file that from is.
func duplicate(from, to int) error { return unix.Dup2(from, to) }
