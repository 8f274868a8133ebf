package control

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// OwnsSocket proves that every socket which listens on the port of address belongs to
// processes that the guard holds, and that no other process has it open too. It reads the
// open files of all processes that it may read. Where the system can't tell, it is silent.
func (p *Process) OwnsSocket(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	for range 2 { // what the candidate forks meanwhile looks like a stranger
		if err = p.ownsPort(n); err == nil {
			return nil
		}
	}
	return err
}

func (p *Process) ownsPort(port int) error {
	held, err := p.Held()
	if errors.Is(err, proc.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	owners, err := proc.ListenerOwners(port, held)
	if err != nil {
		return err
	}
	strangers := slices.DeleteFunc(everyone(), func(pid int) bool { return slices.Contains(held, pid) })
	others, err := proc.ListenerOwners(port, strangers)
	if err != nil {
		return err
	}
	who := "a process of another user"
	if len(others.PIDs) > 0 {
		who = listed(proc.Named(others.PIDs))
	}
	switch {
	case owners.All() && len(others.PIDs) == 0:
		return nil
	case owners.Sockets == 0:
		err = fmt.Errorf("nothing listens on port %d", port)
	case owners.Owned == 0:
		err = fmt.Errorf("port %d belongs to somebody else: %s listens on it", port, who)
	default:
		err = fmt.Errorf("%s listens on its port %d as well", who, port)
	}
	if outside := p.outside(); len(outside) > 0 {
		err = fmt.Errorf("%w; started for it by another process, and so not to be measured: %s", err, strings.Join(outside, ", "))
	}
	return err
}

// outside describes the processes that carry the candidate's mark and that the guard does
// not hold: another process has started them for it.
func (p *Process) outside() []string {
	marked, _ := proc.Marked(p.mark)
	members, _ := p.Group.Members()
	var found []string
	for _, pid := range marked {
		if !slices.Contains(members, pid) && !proc.Descends(pid, p.Guard) && proc.Alive(pid) {
			found = append(found, proc.Describe(pid))
		}
	}
	return found
}

// listed names processes.
func listed(all []proc.Process) string {
	var names []string
	for _, p := range all {
		names = append(names, p.String())
	}
	return strings.Join(names, ", ")
}
