package proc

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Mark is what the processes of one candidate have in their environment, and what its
// control group is named by, so that they are found wherever they hang in the process
// table. It is OWNER.ID, both made of what identifies them as long as the machine is up:
// the owner, which is benchctl, by its PID, the time it started and its pid namespace.
// A process that overwrites its environment, or clears it for a program, loses the mark.
type Mark string

// markName is the environment variable that holds a mark.
const markName = "BENCHCTL_CANDIDATE"

// prefix begins the names of control groups and temporary directories, before a mark.
const prefix = "benchctl-"

// NewMark is a mark that no other candidate has, of this process as its owner.
func NewMark() Mark { return Mark(owner() + "." + rand.Text()) }

// owner identifies this process. It is short, as paths of sockets may contain it.
func owner() string {
	pid := os.Getpid()
	began, _ := started(pid) // 0 where the system does not tell
	return fmt.Sprintf("%d.%s.%s", pid, short(began), short(pidNamespace()))
}

func short(n uint64) string { return strconv.FormatUint(n, 36) }

// OwnMark is the mark of this process, "" if it has none.
func OwnMark() Mark { return Mark(os.Getenv(markName)) }

// Variable is the mark as an environment has it, NAME=VALUE.
func (m Mark) Variable() string { return markName + "=" + string(m) }

// GroupName is the name of the candidate's control group in its hierarchy.
func (m Mark) GroupName() string { return prefix + string(m) }

// MakeTemp makes a directory for temporary files that is known to be this process's. Once
// this process is gone and has not removed it, RemoveAbandoned does.
func MakeTemp() (string, error) { return os.MkdirTemp("", prefix+owner()+".*") }

// markOf is the mark in the name of a control group or a temporary directory.
func markOf(dir string) Mark {
	name, ok := strings.CutPrefix(filepath.Base(dir), prefix)
	if !ok {
		return ""
	}
	return Mark(name)
}

// Abandoned tells whether the owner of the mark has ended. What was marked in another
// pid namespace is not known to be, and nothing is where the system does not tell.
func (m Mark) Abandoned() bool {
	parts := strings.Split(string(m), ".")
	if len(parts) != 4 || parts[2] != short(pidNamespace()) {
		return false
	}
	pid, err := strconv.Atoi(parts[0])
	if err != nil {
		return false
	}
	began, err := started(pid)
	if errors.Is(err, ErrUnsupported) {
		return false
	}
	if err != nil { // the process table may hide other users' processes (hidepid of proc(5))
		return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}
	return short(began) != parts[1] || !Alive(pid)
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
