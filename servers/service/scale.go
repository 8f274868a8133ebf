package service

import (
	"os"
	"syscall"

	"github.com/benchctl/benchctl/servers/process/bus"
)

// scaleSignals are those of gunicorn and unicorn.
var scaleSignals = map[os.Signal]bus.Event{syscall.SIGTTIN: scaleUp, syscall.SIGTTOU: scaleDown}
