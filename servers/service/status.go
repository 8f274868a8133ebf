package service

import (
	"time"

	"github.com/benchctl/benchctl/servers/process/handover"
)

// Status is what is known of a running service.
type Status struct {
	Name       string    `json:"name"`
	Server     string    `json:"server"`
	State      string    `json:"state"` // of the bus: "starting", "started", "stopping"
	PID        int       `json:"pid"`   // of the service; verbs as signals go there
	Since      time.Time `json:"since"`
	Addresses  []string  `json:"addresses"`            // that it listens on
	Generation int       `json:"generation,omitempty"` // of the workers, from 1; absent where there are none
	Replacing  bool      `json:"replacing,omitempty"`  // workers, just now
	Processes  []Process `json:"processes"`            // that serve
}

// Process is a process that serves.
type Process struct {
	PID        int            `json:"pid"`
	Worker     int            `json:"worker"` // from 0
	Generation int            `json:"generation,omitempty"`
	State      handover.State `json:"state,omitempty"`
}
