package handover

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A worker inherits the listening sockets from descriptor 3 on, and after them the
// reading end of a pipe with its orders and the writing end of one for its reports. Both
// are lines.

// variable is the name of the environment variable with a worker's role.
const variable = "HANDOVER_WORKER"

// role is what a worker is told about itself.
type role struct {
	Listeners  int           `json:"listeners"`
	Worker     int           `json:"worker"`
	Generation int           `json:"generation"`
	Drain      time.Duration `json:"drain_ns"`
}

// firstFD is the descriptor of the first socket.
const firstFD = 3

func (r role) environ() string {
	text, _ := json.Marshal(r) // which has nothing that can't be told
	return variable + "=" + string(text)
}

// Orders, each a line.
const orderDrain = "drain"

// Reports, each a line.
const (
	reportReady = "ready"
	reportOpen  = "open" // and the number of open connections
)

// parseReport reads a report: ready, or a number of open connections.
func parseReport(line string) (ready bool, open int, err error) {
	if line == reportReady {
		return true, 0, nil
	}
	text, ok := strings.CutPrefix(line, reportOpen+" ")
	if n, err := strconv.Atoi(text); ok && err == nil && n >= 0 {
		return false, n, nil
	}
	return false, 0, fmt.Errorf("not a report: %.80q", line)
}
