package results

import (
	"os"
	"syscall"
)

// lockFile locks the file for this process, or fails if another one has it.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// unlockFile unlocks the file. Closing it is not enough: a process that is just being started
// has a copy of the descriptor, and so the lock, until it executes its program.
func unlockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
