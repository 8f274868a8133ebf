package audit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"

	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// privileges has root start the candidate on a low port, and looks what its threads may do.
func (s *subject) privileges(ctx context.Context) {
	if !s.offered(control.OtherUser) {
		return
	}
	all := []string{"U1", "U2", "U3", "U4", "U5", "U6"}
	if os.Geteuid() != 0 {
		s.leave(NeedsRoot, "root has to start it", all...)
		return
	}
	s.leave(NotMade, "the server did not start", all...)
	user, _, err := s.target()
	address := ""
	if err == nil {
		address, err = lowAddress()
	}
	if err != nil {
		s.leave(NotMade, err.Error(), all...)
		return
	}
	sc, err := s.asRoot(ctx, address)
	defer func() { sc.strike() }()
	s.judge("U4", err)
	if err != nil { // what it does with its rights can be seen on any port
		sc.strike()
		sc, err = s.asRoot(ctx, "")
	}
	if err == nil {
		s.unprivileged(sc, user)
	}
}

// asRoot has root start the candidate, "" for a port that anybody may open, and waits until
// it rests. Strike is due, also if it fails.
func (s *subject) asRoot(ctx context.Context, address string) (*scene, error) {
	sc, err := s.prepare(setting{use: []control.Facility{control.OtherUser}, address: address, root: true})
	if err == nil {
		err = sc.start(sc.command, nil, launcherLog)
	}
	if err == nil {
		err = sc.up(ctx)
	}
	if err == nil {
		err = sc.settles(ctx)
	}
	return sc, err
}

// unprivileged looks at each thread of the processes that serve. A main process that stays
// root, as that of nginx, is told apart where it has others, which serve.
func (s *subject) unprivileged(sc *scene, user *control.User) {
	main := sc.process.PID()
	all, err := sc.running()
	if err != nil {
		s.leave(NotMade, err.Error(), "U1", "U2", "U3", "U5", "U6")
		return
	}
	root := isRoot(main)
	serving := func(wrong func(proc.Status) error) error {
		return sc.each(func(pid int) error {
			if root && pid == main && len(all) > 1 {
				return nil
			}
			return eachThread(pid, wrong)
		})
	}
	s.judge("U1", serving(func(t proc.Status) error { return identity(t, user) }))
	s.judge("U2", serving(func(t proc.Status) error { return groups(t, user) }))
	s.judge("U3", serving(capabilities))
	if root {
		err = fmt.Errorf("%s stays root", name(main))
	}
	s.judge("U5", err)
	s.judge("U6", serving(final))
}

// isRoot tells whether a thread of a process has root's number in any way.
func isRoot(pid int) bool {
	return eachThread(pid, func(t proc.Status) error {
		if slices.Contains(t.UIDs[:], 0) {
			return errors.New("is root")
		}
		return nil
	}) != nil
}

// eachThread tells what is wrong with the first thread of a process of which something is.
func eachThread(pid int, wrong func(proc.Status) error) error {
	threads, err := proc.Threads(pid)
	if err != nil {
		return err
	}
	for i, t := range threads {
		if err := wrong(t); err != nil {
			return fmt.Errorf("%w (thread %d of %d)", err, i+1, len(threads))
		}
	}
	return nil
}

func identity(t proc.Status, u *control.User) error {
	uid, gid := int(u.UID), int(u.GID)
	switch {
	case t.UIDs != [4]int{uid, uid, uid, uid}:
		return fmt.Errorf("has the users %v, not %d alone", t.UIDs, uid)
	case t.GIDs != [4]int{gid, gid, gid, gid}:
		return fmt.Errorf("has the groups %v, not %d alone", t.GIDs, gid)
	}
	return nil
}

func groups(t proc.Status, u *control.User) error {
	for _, g := range t.Groups {
		if g != int(u.GID) && !slices.Contains(u.Groups, uint32(g)) {
			return fmt.Errorf("has the supplementary group %d", g)
		}
	}
	return nil
}

func capabilities(t proc.Status) error {
	if t.Effective|t.Permitted|t.Ambient != 0 {
		return fmt.Errorf("has capabilities: effective %x, permitted %x, ambient %x", t.Effective, t.Permitted, t.Ambient)
	}
	return nil
}

func final(t proc.Status) error {
	if !t.NoNewPrivileges && t.Bounding != 0 {
		return fmt.Errorf("has no no_new_privs, and the bounding set %x", t.Bounding)
	}
	return nil
}

// low are the ports below 1024 that checks were given, as those that run side by side must
// not have the same one.
var low struct {
	sync.Mutex
	given map[int]bool
}

// lowAddress finds a loopback port below 1024 that nothing listens on now. It begins anywhere,
// as another process may look too.
func lowAddress() (string, error) {
	const first, end = 512, 1024
	low.Lock()
	defer low.Unlock()
	if low.given == nil || len(low.given) > (end-first)/2 {
		low.given = make(map[int]bool)
	}
	for _, n := range rand.Perm(end - first) {
		port := first + n
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if low.given[port] {
			continue
		}
		if ln, err := net.Listen("tcp", address); err == nil {
			low.given[port] = true
			return address, ln.Close()
		} else if errors.Is(err, os.ErrPermission) {
			return "", err
		}
	}
	return "", errors.New("no port below 1024 is free")
}
