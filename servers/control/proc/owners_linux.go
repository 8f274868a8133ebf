package proc

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

const stateListen = "0A" // TCP_LISTEN of include/net/tcp_states.h, as /proc/net/tcp shows it

// ListenerOwners looks for the sockets that listen on TCP port, on any address,
// among the open files of pids.
func ListenerOwners(port int, pids []int) (Owners, error) {
	inodes := make(map[string]bool) // inode -> owned by one of pids
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if err := listening(table, port, inodes); err != nil && !errors.Is(err, os.ErrNotExist) {
			return Owners{}, err
		}
	}
	var o Owners
	for _, pid := range pids {
		if holdsAny(pid, inodes) {
			o.PIDs = append(o.PIDs, pid)
		}
	}
	o.Sockets = len(inodes)
	for _, owned := range inodes {
		if owned {
			o.Owned++
		}
	}
	return o, nil
}

// listening adds the inodes of the sockets that table shows listening on port. Those that
// listen come first (Documentation/networking/proc_net_tcp.rst), and to read the others,
// which may be many thousands, takes tens of ms.
func listening(table string, port int, inodes map[string]bool) error {
	f, err := os.Open(table)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Scan() // headings
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != stateListen {
			break
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		if p, err := strconv.ParseUint(hex, 16, 16); err == nil && int(p) == port {
			inodes[fields[9]] = false
		}
	}
	return lines.Err()
}

// holdsAny marks in inodes the sockets that pid has open.
func holdsAny(pid int, inodes map[string]bool) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	fds, err := os.ReadDir(dir)
	if err != nil {
		return false // gone meanwhile, or another user's
	}
	found := false
	for _, fd := range fds {
		target, err := os.Readlink(dir + "/" + fd.Name())
		if err != nil {
			continue
		}
		inode := strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")
		if _, ok := inodes[inode]; ok {
			inodes[inode] = true
			found = true
		}
	}
	return found
}
