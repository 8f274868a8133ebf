//go:build !linux

package harness_test

import "time"

var begun = time.Now()

// threadTime is the time here: the CPU time of a thread is told on Linux only.
func threadTime() time.Duration { return time.Since(begun) }

// deeds are done on Linux only.
var deeds map[string]func() error
