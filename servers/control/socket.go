package control

import (
	"errors"
	"fmt"
	"net"
	"strconv"

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
	if !owners.All() {
		return fmt.Errorf("port %d belongs to somebody else: %d of %d listening sockets are the candidate's own",
			n, owners.Owned, owners.Sockets)
	}
	return nil
}
