package measure

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// sysctls that change what a server on the loopback interface does, or how fast.
var sysctls = []string{
	"kernel.numa_balancing", "kernel.randomize_va_space", "kernel.sched_autogroup_enabled",
	"net.core.busy_poll", "net.core.busy_read", "net.core.default_qdisc", "net.core.netdev_max_backlog",
	"net.core.rmem_default", "net.core.rmem_max", "net.core.somaxconn", "net.core.wmem_default", "net.core.wmem_max",
	"net.ipv4.ip_local_port_range", "net.ipv4.tcp_abort_on_overflow", "net.ipv4.tcp_autocorking",
	"net.ipv4.tcp_congestion_control", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_max_syn_backlog",
	"net.ipv4.tcp_max_tw_buckets", "net.ipv4.tcp_rmem", "net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_syncookies",
	"net.ipv4.tcp_timestamps", "net.ipv4.tcp_tw_reuse", "net.ipv4.tcp_wmem",
	"vm.max_map_count", "vm.overcommit_memory", "vm.swappiness",
}

// switches are further files that tell how the machine is set up. Of several words the
// one in brackets is chosen.
var switches = map[string]string{
	"clock source":          "sys/devices/system/clocksource/clocksource0/current_clocksource",
	"hardware threads":      "sys/devices/system/cpu/smt/control",
	"turbo":                 "sys/devices/system/cpu/cpufreq/boost",
	"turbo off":             "sys/devices/system/cpu/intel_pstate/no_turbo",
	"energy preference":     "sys/devices/system/cpu/cpu0/cpufreq/energy_performance_preference",
	"transparent hugepages": "sys/kernel/mm/transparent_hugepage/enabled",
	"hugepage defrag":       "sys/kernel/mm/transparent_hugepage/defrag",
}

// settings is what of the machine's configuration may change figures, by name. What
// the system does not tell is not there. root is the file system's root.
func settings(root fs.FS) map[string]string {
	all := map[string]string{}
	set := func(name string, values ...string) {
		if text := strings.Join(values, " "); text != "" {
			all[name] = text
		}
	}
	for _, name := range sysctls {
		for _, value := range words(root, path.Join("proc/sys", strings.ReplaceAll(name, ".", "/"))) {
			set(name, strings.Fields(value)...)
		}
	}
	for name, file := range switches {
		for _, value := range words(root, file) {
			set(name, chosen(value))
		}
	}
	for name, value := range mitigations(root) {
		set("mitigation of "+name, value)
	}
	if n := quota(root); n > 0 {
		set("CPU quota", strconv.FormatFloat(n, 'g', 4, 64), "processors")
	}
	if n := memoryLimit(root); n > 0 {
		set("memory limit", strconv.FormatUint(n>>20, 10), "MiB")
	}
	return all
}

// chosen is the word in brackets, if there is one: "always [madvise] never".
func chosen(value string) string {
	for _, word := range strings.Fields(value) {
		if strings.HasPrefix(word, "[") && strings.HasSuffix(word, "]") {
			return word[1 : len(word)-1]
		}
	}
	return value
}

// mitigations is what the kernel does against faults of the processors that these
// have (admin-guide/hw-vuln).
func mitigations(root fs.FS) map[string]string {
	all := map[string]string{}
	files, _ := fs.Glob(root, "sys/devices/system/cpu/vulnerabilities/*")
	for _, file := range files {
		if text, err := fs.ReadFile(root, file); err == nil && strings.TrimSpace(string(text)) != "Not affected" {
			all[path.Base(file)] = strings.TrimSpace(string(text))
		}
	}
	return all
}

// memoryLimit is the least that a control group of any level allows, in bytes; 0 if
// there is no limit (memory.max of version 2, memory.limit_in_bytes of version 1).
func memoryLimit(root fs.FS) (least uint64) {
	const unlimited = 1 << 62 // version 1 has no word for it
	for _, h := range proc.Homes(root) {
		if !h.Unified && !slices.Contains(h.Controllers, "memory") {
			continue
		}
		for _, dir := range h.Upward() {
			for _, text := range append(words(root, path.Join(dir, "memory.max")), words(root, path.Join(dir, "memory.limit_in_bytes"))...) {
				n, err := strconv.ParseUint(text, 10, 64) // "max" is none
				if err == nil && n > 0 && n < unlimited && (least == 0 || n < least) {
					least = n
				}
			}
		}
	}
	return least
}

// limits are the limits of this process that candidates inherit (getrlimit(2)). That of
// open files is raised to the hard one for them.
func limits() map[string]string {
	all := map[string]string{}
	for name, resource := range map[string]int{
		"limit of open files": unix.RLIMIT_NOFILE, "limit of processes": unix.RLIMIT_NPROC, "limit of address space, bytes": unix.RLIMIT_AS,
		"limit of the stack, bytes": unix.RLIMIT_STACK, "limit of locked memory, bytes": unix.RLIMIT_MEMLOCK,
	} {
		var limit unix.Rlimit
		if unix.Getrlimit(resource, &limit) == nil {
			all[name] = bound(limit.Cur) + " of " + bound(limit.Max)
		}
	}
	return all
}

func bound(n uint64) string {
	if n >= unix.RLIM_INFINITY&^(1<<63) {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}
