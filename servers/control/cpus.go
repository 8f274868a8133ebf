package control

import (
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// CPUs is a set of processor numbers, ascending. An empty set means no pinning.
type CPUs []int

// ParseCPUs reads a list as the kernel writes it: "0", "0-3", "0,2-3" (cpuset(7)).
func ParseCPUs(list string) (CPUs, error) {
	var cpus CPUs
	for _, part := range strings.Split(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		a, errA := strconv.ParseUint(first, 10, 16)
		b, errB := strconv.ParseUint(last, 10, 16)
		if errA != nil || errB != nil || b < a {
			return nil, fmt.Errorf("cpus %q: %q is not a processor number or range", list, part)
		}
		for n := a; n <= b; n++ {
			cpus = append(cpus, int(n))
		}
	}
	slices.Sort(cpus)
	return slices.Compact(cpus), nil
}

// String is the list in the form that ParseCPUs reads.
func (c CPUs) String() string {
	var parts []string
	for i := 0; i < len(c); {
		j := i
		for j+1 < len(c) && c[j+1] == c[j]+1 {
			j++
		}
		part := strconv.Itoa(c[i])
		if j > i {
			part += "-" + strconv.Itoa(c[j])
		}
		parts = append(parts, part)
		i = j + 1
	}
	return strings.Join(parts, ",")
}

// Allowed is the processors that this process may run on; empty where the system does
// not tell.
func Allowed() CPUs {
	all, _ := allowed()
	return all
}

// Split divides the processors this process may run on between candidates (the
// first half) and the load generator. With one processor, or where pinning is
// not offered, both sets are empty.
func Split() (server, loader CPUs) {
	all, err := allowed()
	if err != nil || len(all) < 2 {
		return nil, nil
	}
	half := len(all) / 2
	return all[:half], all[half:]
}

// ShareCore tells whether a processor of a and one of b are hardware threads of the
// same core, which slow each other down. root is the file system's root; false where
// it does not tell (topology/thread_siblings_list of Linux's sysfs).
func ShareCore(root fs.FS, a, b CPUs) bool {
	return slices.ContainsFunc(a, func(n int) bool {
		text, err := fs.ReadFile(root, fmt.Sprintf("sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", n))
		if err != nil {
			return false
		}
		siblings, err := ParseCPUs(strings.TrimSpace(string(text)))
		return err == nil && slices.ContainsFunc(siblings, func(n int) bool { return slices.Contains(b, n) })
	})
}

// PinSelf binds every thread of this process to cpus and makes the Go scheduler
// use as many. It does nothing for an empty set.
func PinSelf(cpus CPUs) error {
	if len(cpus) == 0 {
		return nil
	}
	if err := pinSelf(cpus); err != nil {
		return fmt.Errorf("pin to processors %s: %w", cpus, err)
	}
	runtime.GOMAXPROCS(len(cpus))
	return nil
}
