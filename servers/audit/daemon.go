package audit

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// detached looks what the processes of a daemon have of their launcher.
func (s *subject) detached(g *staged) {
	session, terminal := g.each(func(pid int) error {
		in, _, err := proc.Session(pid)
		if err == nil && in == g.shell {
			err = fmt.Errorf("is in session %d, of its launcher", in)
		}
		return err
	}), g.each(func(pid int) error {
		_, of, err := proc.Session(pid)
		if err == nil && of != 0 {
			err = errors.New("has a controlling terminal")
		}
		return err
	})
	s.judge("D3", session)
	s.judge("D4", terminal)
	s.judge("D5", g.each(g.keeps))
	s.judge("D6", g.each(func(pid int) error {
		threads, err := proc.Threads(pid)
		if err == nil && len(threads) > 0 && threads[0].Umask&0o022 != 0o022 {
			err = fmt.Errorf("has umask %03o", threads[0].Umask)
		}
		return err
	}))
	s.judge("D7", g.each(func(pid int) error {
		dir, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
		switch {
		case err != nil || dir == "/":
			return err
		case dir == g.dir:
			return errors.New("stays in the directory that it was started in")
		}
		return fmt.Errorf("is in %s", dir)
	}))
}

// keeps tells whether a process has a standard descriptor of the launcher.
func (g *staged) keeps(pid int) error {
	for fd, name := range []string{"standard input", "standard output", "standard error"} {
		if its := descriptor(pid, fd); its != "" && slices.Contains(g.given[:], its) {
			return fmt.Errorf("has the launcher's terminal or output as its %s", name)
		}
	}
	return nil
}

// each tells of the first process of the server of which something is wrong. One that ends
// meanwhile is not held to it.
func (sc *scene) each(wrong func(pid int) error) error {
	all, err := sc.running()
	if err != nil {
		return err
	}
	checked := 0
	for _, pid := range all {
		err := wrong(pid)
		switch {
		case err != nil && proc.Alive(pid):
			return fmt.Errorf("%s %w", name(pid), err)
		case err == nil:
			checked++
		}
	}
	if checked == 0 {
		return errors.New("no process of it is known")
	}
	return nil
}

// name is a process's, for a message.
func name(pid int) string { return proc.Named([]int{pid})[0].String() }

// occupy listens on a free port, for nobody else to.
func occupy() (net.Listener, error) {
	address, err := control.FreeAddress()
	if err != nil {
		return nil, err
	}
	return net.Listen("tcp", address)
}

// deadProcess is the number of a process that has ended.
func deadProcess() (int, error) {
	dead := exec.Command("/bin/sh", "-c", ":")
	if err := dead.Run(); err != nil {
		return 0, err
	}
	return dead.Process.Pid, nil
}
