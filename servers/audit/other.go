//go:build !linux

package audit

import (
	"os"

	"github.com/benchctl/benchctl/servers/control/proc"
)

func openTerminal() (terminal, line *os.File, err error) { return nil, nil, proc.ErrUnsupported }

type watch struct{}

func watchFile(string) (*watch, error) { return nil, proc.ErrUnsupported }

func (w *watch) whole() error { return proc.ErrUnsupported }

func (w *watch) close() {}
