package proc

import (
	"crypto/rand"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Mark is what the processes of one candidate have in their environment, and what its
// control group is named by, so that they are found wherever they hang in the process
// table. It is OWNER.ID, both made of what identifies them as long as the machine is up:
// the owner, which is benchctl, by its PID, the time it started and its pid namespace.
// A process that overwrites its environment, or clears it for a program, loses the mark.
type Mark string

// markName is the environment variable that holds a mark.
const markName = "BENCHCTL_CANDIDATE"

// groupPrefix begins the name of each candidate's control group.
const groupPrefix = "benchctl-"

// NewMark is a mark that no other candidate has, of this process as its owner.
func NewMark() Mark {
	pid := os.Getpid()
	began, _ := started(pid) // 0 where the system does not tell
	return Mark(fmt.Sprintf("%d.%d.%s.%s", pid, began, pidNamespace(), rand.Text()))
}

// OwnMark is the mark of this process, "" if it has none.
func OwnMark() Mark { return Mark(os.Getenv(markName)) }

// Variable is the mark as an environment has it, NAME=VALUE.
func (m Mark) Variable() string { return markName + "=" + string(m) }

// GroupName is the name of the candidate's control group in its hierarchy.
func (m Mark) GroupName() string { return groupPrefix + string(m) }

// Abandoned tells whether the owner of the mark has ended. What was marked in another
// pid namespace is not known to be.
func (m Mark) Abandoned() bool {
	parts := strings.Split(string(m), ".")
	if len(parts) != 4 || parts[2] != pidNamespace() {
		return false
	}
	pid, err := strconv.Atoi(parts[0])
	if err != nil {
		return false
	}
	began, err := started(pid)
	return err != nil || strconv.FormatUint(began, 10) != parts[1] || !Alive(pid)
}

// Marked lists the processes with the mark, in no order.
func Marked(m Mark) ([]int, error) {
	marks, err := marks()
	if err != nil {
		return nil, err
	}
	var pids []int
	for pid, mark := range marks {
		if mark == m {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
