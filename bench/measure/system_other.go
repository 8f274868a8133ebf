//go:build !linux

package measure

import (
	"time"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// Tree is not measured here.
type Tree struct{}

// NewTree returns a Tree whose figures are unknown.
func NewTree(int) *Tree { return &Tree{} }

// NewHeld returns a Tree whose figures are unknown.
func NewHeld(int, proc.Group) *Tree { return &Tree{} }

// CPUs knows of no tree here.
func CPUs(trees []*Tree) []*time.Duration { return make([]*time.Duration, len(trees)) }

// CPU is not told here.
func (*Tree) CPU() (time.Duration, error) { return 0, ErrUnsupported }

// Beside is not told here.
func (*Tree) Beside() (time.Duration, map[int]proc.Process, error) { return 0, nil, ErrUnsupported }

// PIDs are not told here.
func (*Tree) PIDs() []int { return nil }

// Runs is not told here.
func (*Tree) Runs() bool { return false }

// Memory is not told here.
func (*Tree) Memory() (float64, error) { return 0, ErrUnsupported }

// Counts are not told here.
func (*Tree) Counts() Counts { return nil }

// Waiting is not measured here.
type Waiting struct{}

// Read is not told here.
func (*Waiting) Read() (time.Duration, uint64, error) { return 0, 0, ErrUnsupported }

// Steal is not told here.
func Steal() (time.Duration, error) { return 0, ErrUnsupported }

func cpuModel() string   { return "" }
func kernel() string     { return "" }
func memoryMiB() float64 { return 0 }
func osName() string     { return "" }
func governor() string   { return "" }
func hypervisor() string { return "" }
