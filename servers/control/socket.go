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

// ownsSocket proves that the sockets listening on address belong to processes
// that the guard holds. Where the system can't tell, it is silent.
func (p *Process) ownsSocket(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	held, err := p.Held()
	if errors.Is(err, proc.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	owners, err := proc.ListenerOwners(n, held)
	if err != nil {
		return err
	}
	if owners.All() {
		return nil
	}
	err = fmt.Errorf("port %d belongs to somebody else: %d of %d listening sockets are the candidate's own", n, owners.Owned, owners.Sockets)
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
