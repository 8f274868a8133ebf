package control

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// Given is how a candidate was to be scheduled when its guard started it.
type Given struct {
	cpus      CPUs
	class     unix.SchedAttr    // of the guard, which hands it on
	autogroup int               // nice of the guard's session (sched(7))
	groups    map[string]string // the guard's control groups that share out or count processor time, by controllers
	group     proc.Group
}

// Given reads what the guard handed on: its own priority and control groups, and cpus or,
// where that is empty, its own processors.
func (p *Process) Given(cpus CPUs) (Given, error) {
	g := Given{cpus: cpus, group: p.Group}
	if len(cpus) == 0 {
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(p.Guard, &set); err != nil {
			return g, fmt.Errorf("read the guard's processors: %w", err)
		}
		g.cpus = cpusOf(set)
	}
	class, err := unix.SchedGetAttr(p.Guard, 0)
	if err != nil {
		return g, fmt.Errorf("read the guard's priority: %w", err)
	}
	g.class, g.autogroup, g.groups = *class, autogroup(p.Guard), groupsOf(fmt.Sprintf("/proc/%d", p.Guard))
	return g, nil
}

// thread is how a thread is scheduled.
type thread struct {
	pid, tid int
	cpus     CPUs // if it may run on others than were given
	class    unix.SchedAttr
	nice     int    // of its session
	left     string // the control group that it was moved to
}

// Deeds tells, of threads of these processes, which may run on other processors than were
// given, have a higher priority, or left the control group that counts them. To use less
// than was given is no deed. It names the first thread of each kind.
func (g Given) Deeds(pids []int) []string {
	var moved, nicer, realTime, sessions, left []thread
	for _, pid := range pids {
		for _, t := range g.threads(pid) {
			if len(t.cpus) > 0 {
				moved = append(moved, t)
			}
			switch {
			case g.overtakes(t.class): // such a thread is at nice 0, whatever it was
				realTime = append(realTime, t)
			case t.class.Nice < g.class.Nice:
				nicer = append(nicer, t)
			}
			if t.left != "" {
				left = append(left, t)
			}
		}
		if nice := autogroup(pid); nice < g.autogroup {
			sessions = append(sessions, thread{pid: pid, tid: pid, nice: nice})
		}
	}
	var deeds []string
	tell := func(of []thread, what func(first thread) string) {
		if len(of) > 0 {
			deeds = append(deeds, what(of[0])+": "+names(of))
		}
	}
	tell(moved, func(thread) string { return fmt.Sprintf("moved to processors %s (given %s)", union(moved), g.cpus) })
	tell(nicer, func(t thread) string {
		return fmt.Sprintf("raised its priority: nice %d (given %d)", t.class.Nice, g.class.Nice)
	})
	tell(realTime, func(t thread) string { return "real-time scheduling: " + policy(t.class) })
	tell(sessions, func(t thread) string {
		return fmt.Sprintf("raised its priority: nice %d of its session (given %d)", t.nice, g.autogroup)
	})
	tell(left, func(t thread) string { return "left its control group: runs in " + t.left })
	return deeds
}

// threads are those of a process, with what of them is otherwise; who ends meanwhile is
// left out.
func (g Given) threads(pid int) (all []thread) {
	tasks := fmt.Sprintf("/proc/%d/task", pid)
	entries, err := os.ReadDir(tasks)
	if err != nil {
		return nil
	}
	given := g.cpus.set()
	for _, e := range entries {
		t := thread{pid: pid}
		if t.tid, err = strconv.Atoi(e.Name()); err != nil {
			continue
		}
		var set unix.CPUSet
		class, err := unix.SchedGetAttr(t.tid, 0)
		if err != nil || unix.SchedGetaffinity(t.tid, &set) != nil {
			continue
		}
		t.class = *class
		if !subset(set, *given) {
			t.cpus = cpusOf(set)
		}
		t.left = g.left(groupsOf(filepath.Join(tasks, e.Name())))
		all = append(all, t)
	}
	return all
}

// subset tells whether a has no processor that b lacks.
func subset(a, b unix.CPUSet) bool {
	for i := range a {
		if a[i]&^b[i] != 0 {
			return false
		}
	}
	return true
}

func union(threads []thread) CPUs {
	var all CPUs
	for _, t := range threads {
		all = append(all, t.cpus...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// names tells of the first thread and how many more there are.
func names(threads []thread) string {
	first := threads[0]
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/comm", first.pid, first.tid))
	text := proc.Process{PID: first.pid, Name: strings.TrimSpace(string(name))}.String()
	switch more := len(threads) - 1; {
	case more == 1:
		text += " and another thread"
	case more > 1:
		text += fmt.Sprintf(" and %d more threads", more)
	}
	return text
}

// policies that go before all others, by number (sched(7)).
var policies = map[uint32]string{unix.SCHED_FIFO: "SCHED_FIFO", unix.SCHED_RR: "SCHED_RR", unix.SCHED_DEADLINE: "SCHED_DEADLINE"}

func policy(class unix.SchedAttr) string {
	if class.Policy == unix.SCHED_DEADLINE {
		return policies[class.Policy]
	}
	return fmt.Sprintf("%s %d", policies[class.Policy], class.Priority)
}

// overtakes tells whether a class goes before what was given.
func (g Given) overtakes(class unix.SchedAttr) bool {
	_, realTime := policies[class.Policy]
	return realTime && (class.Policy != g.class.Policy || class.Priority > g.class.Priority)
}

// autogroup is the nice value of a process's session, 0 if the kernel has none.
func autogroup(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/autogroup", pid)) // "/autogroup-12 nice -5"
	if err != nil {
		return 0
	}
	_, value, _ := strings.Cut(string(text), " nice ")
	nice, _ := strconv.Atoi(strings.TrimSpace(value))
	return nice
}

// groupsOf are the control groups of a process or thread, by controllers, that share out
// processors or count their time; those of version 2 under "".
func groupsOf(dir string) map[string]string {
	text, err := os.ReadFile(filepath.Join(dir, "cgroup"))
	if err != nil {
		return nil
	}
	groups := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // ID:CONTROLLERS:PATH, cgroups(7)
		if len(parts) == 3 && (parts[1] == "" || slices.ContainsFunc(strings.Split(parts[1], ","), sharesOut)) {
			groups[parts[1]] = parts[2]
		}
	}
	return groups
}

func sharesOut(controller string) bool {
	return controller == "cpu" || controller == "cpuacct" || controller == "cpuset"
}

// left names the group that a thread was moved to, "" if none: it is to be in those of the
// guard, and in the one that was made for it or below that.
func (g Given) left(groups map[string]string) string {
	if groups == nil {
		return "" // it has ended
	}
	made := g.group == ""
	for _, controllers := range slices.Sorted(maps.Keys(groups)) {
		path := groups[controllers]
		own := g.group != "" && slices.Contains(strings.Split(path, "/"), filepath.Base(string(g.group)))
		made = made || own
		if !own && path != g.groups[controllers] {
			return controllers + ":" + path
		}
	}
	if !made {
		return "that of benchctl"
	}
	return ""
}
