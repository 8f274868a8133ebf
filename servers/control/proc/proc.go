// Package proc reads the process table: who descends from whom, which threads a
// process has, and which process holds a listening socket. Only Linux offers
// this; elsewhere every function returns ErrUnsupported.
package proc

import "errors"

// ErrUnsupported is returned where the system has no /proc.
var ErrUnsupported = errors.New("the process table is read on Linux only")
