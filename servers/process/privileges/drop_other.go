//go:build !linux

package privileges

import (
	"errors"
	"runtime"
)

// Drop makes this process t; it can only on Linux.
func Drop(t Target) error { return Check(t) }

// Check proves that this process is t; it can only on Linux.
func Check(Target) error {
	return errors.New("privileges can't be dropped on " + runtime.GOOS)
}
