package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Threads is the status of each thread of a process. A thread that ends meanwhile is left out.
func Threads(pid int) ([]Status, error) {
	tasks := fmt.Sprintf("/proc/%d/task", pid)
	names, err := os.ReadDir(tasks)
	if err != nil {
		return nil, err
	}
	var all []Status
	for _, name := range names {
		text, err := os.ReadFile(tasks + "/" + name.Name() + "/status")
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		if err != nil {
			return nil, err
		}
		one, err := parseStatus(string(text))
		if err != nil {
			return nil, fmt.Errorf("status of thread %s of process %d: %w", name.Name(), pid, err)
		}
		all = append(all, one)
	}
	return all, nil
}

// parseStatus reads a status file. A field that is missing would prove nothing.
func parseStatus(text string) (s Status, err error) {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.TrimSpace(value)
	}
	number := func(name string, base int) uint64 {
		n, wrong := strconv.ParseUint(fields[name], base, 64)
		if wrong != nil {
			err = errors.Join(err, fmt.Errorf("%s is %q", name, fields[name]))
		}
		return n
	}
	numbers := func(name string) (all []int) {
		for _, field := range strings.Fields(fields[name]) {
			n, wrong := strconv.Atoi(field)
			if wrong != nil {
				err = errors.Join(err, fmt.Errorf("%s is %q", name, fields[name]))
			}
			all = append(all, n)
		}
		return all
	}
	for name, to := range map[string]*[4]int{"Uid": &s.UIDs, "Gid": &s.GIDs} {
		if copy(to[:], numbers(name)) != len(to) {
			err = errors.Join(err, fmt.Errorf("%s is %q", name, fields[name]))
		}
	}
	s.Groups = numbers("Groups")
	for name, to := range map[string]*uint64{
		"CapInh": &s.Inheritable, "CapPrm": &s.Permitted, "CapEff": &s.Effective, "CapBnd": &s.Bounding, "CapAmb": &s.Ambient,
	} {
		*to = number(name, 16)
	}
	s.NoNewPrivileges, s.Umask = number("NoNewPrivs", 10) == 1, int(number("Umask", 8))
	return s, err
}

// Session is the session of a process, and the number of its controlling terminal, 0 for none.
func Session(pid int) (session, terminal int, err error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, 0, err
	}
	if session, err = strconv.Atoi(string(fields[sessionID])); err == nil {
		terminal, err = strconv.Atoi(string(fields[terminalNumber]))
	}
	return session, terminal, err
}

// Image tells the program that a process executes from the one that it executed before: what
// the kernel told the program of itself at its start (getauxval(3)), with addresses that it
// draws by lot each time.
func Image(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", pid))
	return string(text), err
}

// ListenerInodes are the numbers of the sockets that listen on a TCP port, on any address,
// sorted. A socket keeps its number whoever inherits it, and another one has another.
func ListenerInodes(port int) ([]string, error) {
	inodes := make(map[string]bool)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if err := listening(table, port, inodes); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	var all []string
	for inode := range inodes {
		all = append(all, inode)
	}
	slices.Sort(all)
	return all, nil
}
