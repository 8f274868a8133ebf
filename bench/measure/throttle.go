package measure

import (
	"io/fs"
	"math"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// Throttling is how much this process, and what it starts, was slowed down on
// purpose, since counting began.
type Throttling struct {
	Quota time.Duration // withheld by the CPU quota of a control group, on all processors together
	Heat  uint64        // times that heat slowed a processor down
}

// ReadThrottling reads how much there was so far. What the system does not tell
// is 0.
func ReadThrottling() Throttling { return throttling(os.DirFS("/")) }

func throttling(root fs.FS) Throttling {
	t := Throttling{Heat: heat(root)}
	for _, dir := range cgroupDirs(root) {
		t.Quota += withheld(root, dir)
	}
	return t
}

// heat sums the counters of thermal_throttle
// (Documentation/ABI/testing/sysfs-devices-system-cpu).
func heat(root fs.FS) (times uint64) {
	for _, n := range words(root, cpuFiles+"thermal_throttle/core_throttle_count") {
		k, _ := strconv.ParseUint(n, 10, 64)
		times += k
	}
	return times
}

// withheld reads cpu.stat: throttled_usec of version 2 (admin-guide/cgroup-v2.rst),
// throttled_time in ns of version 1 (scheduler/sched-bwc.rst).
func withheld(root fs.FS, dir string) time.Duration {
	text, _ := fs.ReadFile(root, path.Join(dir, "cpu.stat"))
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseInt(value, 10, 64)
		switch {
		case err != nil:
		case name == "throttled_usec":
			return time.Duration(n) * time.Microsecond
		case name == "throttled_time":
			return time.Duration(n)
		}
	}
	return 0
}

// quota is how many processors' time the control groups allow, the least of all
// levels; 0 if there is no limit.
func quota(root fs.FS) float64 {
	least := math.Inf(1)
	for _, dir := range cgroupDirs(root) {
		fields := strings.Fields(strings.Join(words(root, path.Join(dir, "cpu.max")), " "))
		if len(fields) == 0 { // version 1: two files
			fields = append(words(root, path.Join(dir, "cpu.cfs_quota_us")), words(root, path.Join(dir, "cpu.cfs_period_us"))...)
		}
		if len(fields) != 2 {
			continue
		}
		allowed, err := strconv.ParseFloat(fields[0], 64) // "max" is none, and so is -1
		period, errPeriod := strconv.ParseFloat(fields[1], 64)
		if err == nil && errPeriod == nil && allowed > 0 && period > 0 {
			least = min(least, allowed/period)
		}
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return least
}

// cgroupDirs are the directories of the control groups that share out CPU time to
// this process: its own and all above it that can be seen, of version 2 and of
// version 1's cpu controller. A quota of any of them holds.
func cgroupDirs(root fs.FS) []string {
	var dirs []string
	for _, h := range proc.Homes(root) {
		if h.Unified || slices.Contains(h.Controllers, "cpu") {
			dirs = append(dirs, h.Upward()...)
		}
	}
	return dirs
}
