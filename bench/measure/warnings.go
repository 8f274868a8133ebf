package measure

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Limits beyond which a warning is due.
const (
	maxSteal = 0.01 // share of all processors' time
	maxBusy  = 0.05 // share of either side's processors' time
	// What a process needs beside its connections, and for each candidate.
	spareDescriptors      = 64
	candidatesDescriptors = 16
)

// Warning is something about this machine that makes figures noisier or a run
// fail, with what can be done about it.
type Warning struct {
	Kind   string `json:"kind"` // a word to look it up by
	Text   string `json:"text"`
	Remedy string `json:"remedy"`
}

// Kinds of warnings.
const (
	WarnProcessors  = "processors"
	WarnGovernor    = "governor"
	WarnThrottled   = "throttled"
	WarnQuota       = "quota"
	WarnDescriptors = "descriptors"
	WarnPorts       = "ports"
	WarnSteal       = "steal"
	WarnBusy        = "busy"
)

// String is the warning on one line.
func (w Warning) String() string { return w.Text + "; " + w.Remedy }

// Conditions are what can be read at once. What the system does not tell is zero
// and gives no warning.
type Conditions struct {
	Processors  int      // that this process may run on
	Governors   []string // of the processors' clocks, each once, sorted
	Throttled   uint64   // times that heat slowed a processor down, since boot
	Quota       float64  // processors whose time the control groups allow; 0: all
	Descriptors uint64   // that a process may have open
	Ports       int      // local ports for connections to one address
}

// ReadConditions reads the conditions of this machine.
func ReadConditions() Conditions {
	c := readFiles(os.DirFS("/"))
	c.Processors = runtime.NumCPU()
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		c.Descriptors = limit.Cur
	}
	return c
}

// cpuFiles are the directories of the processors.
const cpuFiles = "sys/devices/system/cpu/cpu[0-9]*/"

// readFiles reads those conditions that are files below the root directory:
// cpufreq's scaling_governor, the counters of thermal_throttle, the quotas of the
// control groups, and ip_local_port_range of ip(7).
func readFiles(root fs.FS) Conditions {
	var c Conditions
	c.Governors = words(root, cpuFiles+"cpufreq/scaling_governor")
	slices.Sort(c.Governors)
	c.Governors = slices.Compact(c.Governors)
	c.Throttled, c.Quota = heat(root), quota(root)
	for _, ends := range words(root, "proc/sys/net/ipv4/ip_local_port_range") {
		var first, last int
		if n, _ := fmt.Sscan(ends, &first, &last); n == 2 && first <= last {
			c.Ports = last - first + 1
		}
	}
	return c
}

// words are the contents of the files that match, without the space around them.
func words(root fs.FS, pattern string) []string {
	paths, _ := fs.Glob(root, pattern)
	var all []string
	for _, path := range paths {
		if text, err := fs.ReadFile(root, path); err == nil {
			all = append(all, strings.TrimSpace(string(text)))
		}
	}
	return all
}

// Holds tells whether this process can have so many connections to each of the
// candidates open at once.
func (c Conditions) Holds(candidates, connections int) bool {
	return c.Descriptors == 0 || c.Descriptors >= descriptors(candidates, connections)
}

func descriptors(candidates, connections int) uint64 {
	return uint64(candidates*(connections+candidatesDescriptors) + spareDescriptors)
}

// Limited tells whether a quota allows less than the time of all processors.
func (c Conditions) Limited() bool { return c.Quota > 0 && c.Quota < float64(c.Processors) }

// Warnings judges the conditions for a measurement of so many candidates, each
// with so many connections.
func (c Conditions) Warnings(candidates, connections int) []Warning {
	var all []Warning
	warn := func(kind, remedy, format string, args ...any) {
		all = append(all, Warning{kind, fmt.Sprintf(format, args...), remedy})
	}
	if c.Processors == 1 {
		warn(WarnProcessors, "use a machine with 2 or more", "1 processor: candidates and load generator take it from each other")
	}
	if other := c.otherGovernors(); len(other) > 0 {
		warn(WarnGovernor, "set it: sudo cpupower frequency-set -g performance",
			"processor frequency governor is %s, not performance: the speed follows the load", strings.Join(other, ", "))
	}
	if c.Throttled > 0 {
		warn(WarnThrottled, "cool the machine, or measure with fewer processors", "heat slowed processors down %d times since boot", c.Throttled)
	}
	if c.Limited() {
		warn(WarnQuota, "raise or lift it: cpu.max of the control group, --cpus of the container",
			"a CPU quota allows the time of %.3g of %d processors: whoever uses it up is stopped", c.Quota, c.Processors)
	}
	remedy := fmt.Sprintf("raise it: ulimit -n %d", descriptors(candidates, connections))
	switch {
	case !c.Holds(1, connections):
		warn(WarnDescriptors, remedy, "a process may have %d files open, too few for %d connections to one candidate", c.Descriptors, connections)
	case !c.Holds(candidates, connections):
		warn(WarnDescriptors, remedy, "a process may have %d files open, too few for %d candidates with %d connections: those of each are opened for its slices anew",
			c.Descriptors, candidates, connections)
	}
	if c.Ports > 0 && c.Ports < connections {
		warn(WarnPorts, "widen it: sudo sysctl net.ipv4.ip_local_port_range='1024 65535'",
			"%d local ports for %d connections to one server", c.Ports, connections)
	}
	return all
}

func (c Conditions) otherGovernors() []string {
	var other []string
	for _, g := range c.Governors {
		if g != "" && g != "performance" {
			other = append(other, g)
		}
	}
	return other
}

// Ticks is where a processor's time went since boot, in ticks of 10 ms.
// Interrupts is what no process was charged for: 0 on kernels that count the time
// of interrupts as that of the process they came upon.
type Ticks struct{ Total, Idle, Stolen, Interrupts uint64 }

// tick is the unit of Ticks: USER_HZ is 100 on all platforms of benchctl.
const tick = 10 * time.Millisecond

// Used is the time that processes ran on cpus between two readings. An empty cpus
// means all processors. Kernels without exact accounting look once per timer tick
// at who runs, so that over a short time it is a sample.
func Used(before, after map[int]Ticks, cpus []int) time.Duration {
	sum := between(before, after, cpus)
	return time.Duration(less(sum.Total, sum.Idle+sum.Stolen+sum.Interrupts)) * tick
}

// ReadTicks reads each processor's ticks from /proc/stat (proc(5)). It returns
// ErrUnsupported where there is no such file.
func ReadTicks() (map[int]Ticks, error) {
	text, err := os.ReadFile("/proc/stat")
	if os.IsNotExist(err) {
		return nil, ErrUnsupported
	}
	if err != nil {
		return nil, fmt.Errorf("read processor times: %w", err)
	}
	return parseTicks(string(text))
}

// parseTicks reads the lines "cpuN user nice system idle iowait irq softirq
// steal ...". What follows is in user and nice already.
func parseTicks(stat string) (map[int]Ticks, error) {
	all := make(map[int]Ticks)
	for line := range strings.Lines(stat) {
		fields := strings.Fields(line)
		if len(fields) < 9 {
			continue
		}
		name, ok := strings.CutPrefix(fields[0], "cpu")
		n, err := strconv.Atoi(name)
		if !ok || err != nil {
			continue
		}
		var t [8]uint64
		for i := range t {
			if t[i], err = strconv.ParseUint(fields[1+i], 10, 64); err != nil {
				return nil, fmt.Errorf("read processor times: /proc/stat: %q: %w", fields[0], err)
			}
		}
		ticks := Ticks{Idle: t[3] + t[4], Stolen: t[7]}
		if t[5] > 0 {
			// Only a kernel with CONFIG_IRQ_TIME_ACCOUNTING sees any irq time. It does
			// not charge processes for that and for softirq, others do.
			ticks.Interrupts = t[5] + t[6]
		}
		for _, v := range t {
			ticks.Total += v
		}
		all[n] = ticks
	}
	return all, nil
}

// Disturbance judges what others did between two readings, during which benchctl
// itself was idle: to all processors by stealing, to those of the candidates and of
// the load generator by running on them. Empty sets mean that all share all.
func Disturbance(before, after map[int]Ticks, servers, loader []int) []Warning {
	var all []Warning
	if _, stolen := shares(before, after, nil); stolen > maxSteal {
		all = append(all, Warning{WarnSteal, fmt.Sprintf("the hypervisor withheld %.1f %% of the processors' time", stolen*100),
			"measure when the host is quieter, or on a machine of your own"})
	}
	if busy, _ := shares(before, after, servers); busy > maxBusy {
		all = append(all, Warning{WarnBusy, fmt.Sprintf("other processes use %.0f %% of the candidates' processors", busy*100),
			"end them (see top), or choose other processors with --server-cpus"})
	}
	if busy, _ := shares(before, after, loader); busy > maxBusy && len(loader) > 0 {
		all = append(all, Warning{WarnBusy, fmt.Sprintf("other processes use %.0f %% of the load generator's processors", busy*100),
			"end them (see top), or choose other processors with --loader-cpus"})
	}
	return all
}

// shares are the parts of the time between two readings in which the processors
// were used by others and stolen; 0 if no time has passed.
func shares(before, after map[int]Ticks, cpus []int) (busy, stolen float64) {
	sum := between(before, after, cpus)
	if sum.Total == 0 {
		return 0, 0
	}
	total := float64(sum.Total)
	return math.Max(0, 1-float64(sum.Idle+sum.Stolen)/total), float64(sum.Stolen) / total
}

// between sums where the processors' time went between two readings.
func between(before, after map[int]Ticks, cpus []int) (sum Ticks) {
	for n, b := range after {
		a, ok := before[n]
		if !ok || len(cpus) > 0 && !slices.Contains(cpus, n) {
			continue
		}
		sum.Total += less(b.Total, a.Total)
		sum.Idle += less(b.Idle, a.Idle)
		sum.Stolen += less(b.Stolen, a.Stolen)
		sum.Interrupts += less(b.Interrupts, a.Interrupts)
	}
	return sum
}

// less is b - a; idle time is known to run backwards by a tick (proc(5)).
func less(b, a uint64) uint64 {
	if b < a {
		return 0
	}
	return b - a
}
