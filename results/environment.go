package results

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Environment is the machine a run was measured on.
type Environment struct {
	CPU         string  `json:"cpu,omitempty"`
	Cores       int     `json:"cores"`
	MemoryMiB   float64 `json:"memory_mib,omitempty"`
	Kernel      string  `json:"kernel,omitempty"`
	OS          string  `json:"os"`
	Go          string  `json:"go"`
	Governor    string  `json:"governor,omitempty"`
	Virtualized string  `json:"virtualized,omitempty"` // hypervisor, "" on bare metal or if unknown
	ServerCPUs  string  `json:"server_cpus,omitempty"` // cores the candidates were pinned to, "0" or "0-3"
	LoaderCPUs  string  `json:"loader_cpus,omitempty"`
	// Settings are the settings of the machine that may change figures, by name: limits
	// of processes and control groups, kernel parameters, mitigations.
	Settings    map[string]string `json:"settings,omitempty"`
	Fingerprint string            `json:"fingerprint"` // hash of what must agree for two runs to be comparable
}

// Differences describes the differences of two environments with different fingerprints, in
// order.
func (e Environment) Differences(o Environment) []string {
	var all []string
	differ := func(name, a, b string) {
		if a != b {
			all = append(all, fmt.Sprintf("%s: %s, and %s", name, cmp.Or(a, "unknown"), cmp.Or(b, "unknown")))
		}
	}
	differ("CPU", e.CPU, o.CPU)
	differ("cores", strconv.Itoa(e.Cores), strconv.Itoa(o.Cores))
	differ("kernel", e.Kernel, o.Kernel)
	differ("operating system", e.OS, o.OS)
	differ("frequency governor", e.Governor, o.Governor)
	differ("virtualized", e.Virtualized, o.Virtualized)
	names := slices.Collect(maps.Keys(e.Settings))
	for name := range o.Settings {
		if _, both := e.Settings[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		differ(name, e.Settings[name], o.Settings[name])
	}
	return all
}

// CPUsOf counts the processors of a list such as "0-3,5"; without one, all.
func (e Environment) CPUsOf(list string) int {
	if list == "" {
		return e.Cores
	}
	return len(cpuSet(list))
}

// Apart reports whether servers and load generator have processors of their own.
func (e Environment) Apart() bool {
	servers, loader := cpuSet(e.ServerCPUs), cpuSet(e.LoaderCPUs)
	for n := range servers {
		if loader[n] {
			return false
		}
	}
	return len(servers) > 0 && len(loader) > 0
}

// mostCPUs bounds the numbers of processors in a list.
const mostCPUs = 1 << 16

// cpuSet reads a list such as "0-3,5".
func cpuSet(list string) map[int]bool {
	set := make(map[int]bool)
	for part := range strings.SplitSeq(list, ",") {
		var first, last int
		k, _ := fmt.Sscanf(part, "%d-%d", &first, &last)
		if k < 2 {
			last = first
		}
		for n := first; k > 0 && n <= min(last, mostCPUs); n++ {
			set[n] = true
		}
	}
	return set
}
