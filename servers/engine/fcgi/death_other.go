//go:build !linux

package fcgi

import "syscall"

// dieWithParent does nothing here: the system sends no signal at the end of a parent.
func dieWithParent() *syscall.SysProcAttr { return nil }
