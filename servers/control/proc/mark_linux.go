package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// marks tells the mark of each process that has one. It reads the environment of every
// process that this one may read, about 10 µs each.
func marks() (map[int]Mark, error) {
	pids, err := pids()
	if err != nil {
		return nil, err
	}
	found := make(map[int]Mark)
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // empty of a zombie
		if err != nil {
			continue // gone meanwhile, or another user's
		}
		if m := markIn(text); m != "" {
			found[pid] = m
		}
	}
	return found, nil
}

// markIn is the mark in an environment as /proc shows it: NAME=VALUE, each with a zero
// byte after it.
func markIn(environ []byte) Mark {
	_, rest, ok := bytes.Cut(append([]byte{0}, environ...), []byte("\x00"+markName+"="))
	if !ok {
		return ""
	}
	value, _, _ := bytes.Cut(rest, []byte{0})
	return Mark(value)
}

// pidNamespace identifies the pid namespace of this process (pid_namespaces(7)).
func pidNamespace() uint64 {
	name, _ := os.Readlink("/proc/self/ns/pid") // pid:[4026531836]
	n, _ := strconv.ParseUint(strings.Trim(name, "pid:[]"), 10, 64)
	return n
}
