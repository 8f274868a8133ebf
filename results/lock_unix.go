package results

import (
	"os"
	"syscall"
)

// lockFile takes the file for this process until it lets go, or fails.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// unlockFile lets go of a file. To close it is not enough: a process that is just being
// started has a copy of the descriptor, and with it the lock, until its program begins.
func unlockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
