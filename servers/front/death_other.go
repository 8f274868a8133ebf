//go:build !linux

package front

import "syscall"

// dieWithParent does nothing here: the system sends no signal at the end of a parent.
func dieWithParent() *syscall.SysProcAttr { return nil }
