//go:build !linux

package control

import (
	"errors"
	"syscall"
)

// errNoNamespaces is that only Linux has pid namespaces.
var errNoNamespaces = errors.New("only Linux has pid namespaces")

func asInit(*syscall.SysProcAttr) error { return errNoNamespaces }

// CanInit tells why no process can have a pid namespace of its own here.
func CanInit() error { return errNoNamespaces }

// Orphan fails: only Linux has pid namespaces.
func (p *Process) Orphan(string) (pid int, err error) { return 0, errNoNamespaces }
