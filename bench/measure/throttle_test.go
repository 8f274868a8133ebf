package measure

import (
	"slices"
	"testing"
	"testing/fstest"
	"time"
)

// tree makes a tree of files from their contents.
func tree(files map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for name, text := range files {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

func TestThrottling(t *testing.T) {
	const v2mount = "30 20 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  Throttling
		quota float64
	}{
		{name: "nothing is told"},
		{name: "version 2, at two levels", files: map[string]string{
			"proc/self/cgroup":                "0::/a/b\n",
			"proc/self/mountinfo":             v2mount,
			"sys/fs/cgroup/a/b/cpu.stat":      "usage_usec 5\nnr_periods 9\nnr_throttled 2\nthrottled_usec 3000\n",
			"sys/fs/cgroup/a/b/cpu.max":       "150000 100000\n",
			"sys/fs/cgroup/a/cpu.stat":        "usage_usec 5\nthrottled_usec 500\n",
			"sys/fs/cgroup/a/cpu.max":         "max 100000\n",
			"sys/fs/cgroup/cpu.stat":          "usage_usec 5\n",
			"sys/fs/cgroup/another/cpu.stat":  "throttled_usec 7000\n",
			"sys/fs/cgroup/a/b/c/cpu.max":     "1000 100000\n",
			"sys/fs/cgroup/a/b/c/cpu.stat":    "throttled_usec 9000\n",
			"sys/fs/cgroup/a/b/memory.events": "max 1\n",
		}, want: Throttling{Quota: 3500 * time.Microsecond}, quota: 1.5},
		{name: "version 1 beside an empty version 2", files: map[string]string{
			"proc/self/cgroup": "9:name=systemd:/\n4:memory:/m\n1:cpu,cpuacct:/jobs\n0::/\n",
			"proc/self/mountinfo": "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n" +
				"33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n" +
				"41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			"sys/fs/cgroup/cpu,cpuacct/jobs/cpu.stat":          "nr_periods 1\nnr_throttled 1\nthrottled_time 42\n",
			"sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_quota_us":  "50000\n",
			"sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_period_us": "100000\n",
			"sys/fs/cgroup/cpu,cpuacct/cpu.stat":               "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us":       "-1\n",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us":      "100000\n",
			"sys/fs/cgroup/unified/cpu.stat":                   "usage_usec 1\n",
		}, want: Throttling{Quota: 42}, quota: 0.5},
		{name: "a container that sees its own group only", files: map[string]string{
			"proc/self/cgroup":       "0::/docker/x\n",
			"proc/self/mountinfo":    "30 20 0:26 /docker/x /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n",
			"sys/fs/cgroup/cpu.stat": "throttled_usec 1\n",
		}, want: Throttling{Quota: time.Microsecond}},
		{name: "a group above the namespace", files: map[string]string{
			"proc/self/cgroup":       "0::/../y\n",
			"proc/self/mountinfo":    v2mount,
			"sys/fs/cgroup/cpu.stat": "throttled_usec 2\n",
			"sys/fs/y/cpu.stat":      "throttled_usec 100\n",
		}, want: Throttling{Quota: 2 * time.Microsecond}},
		{name: "heat", files: map[string]string{
			"sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count":  "3\n",
			"sys/devices/system/cpu/cpu12/thermal_throttle/core_throttle_count": "4\n",
		}, want: Throttling{Heat: 7}},
		{name: "nonsense", files: map[string]string{
			"proc/self/cgroup":       "\n::\n0::/a\nx\n",
			"proc/self/mountinfo":    "\n - \n" + v2mount,
			"sys/fs/cgroup/cpu.stat": "throttled_usec\nthrottled_usec x\n",
			"sys/fs/cgroup/cpu.max":  "0 0\n",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := tree(c.files)
			if got := throttling(root); got != c.want {
				t.Errorf("throttled %+v, want %+v", got, c.want)
			}
			if got := quota(root); got != c.quota {
				t.Errorf("quota of %v processors, want %v", got, c.quota)
			}
		})
	}
}

// A time of interrupts is nobody's where the kernel tells it exactly, which shows
// by irq, and part of the processes' elsewhere.
func TestUsed(t *testing.T) {
	read := func(stat string) map[int]Ticks {
		t.Helper()
		ticks, err := parseTicks(stat)
		if err != nil {
			t.Fatal(err)
		}
		return ticks
	}
	before := read("cpu0 0 0 0 0 0 0 0 0 0 0\ncpu1 0 0 0 0 0 1 0 0 0 0\ncpu2 0 0 0 0 0 0 0 0 0 0\n")
	after := read("cpu0 10 1 20 30 5 0 7 9 0 0\ncpu1 10 1 20 30 5 4 7 9 0 0\ncpu2 50 0 0 0 0 0 0 0 50 0\n")
	for _, c := range []struct {
		cpus []int
		want time.Duration
	}{
		{[]int{0}, 380 * time.Millisecond},
		{[]int{1}, 310 * time.Millisecond},
		{[]int{0, 2}, 880 * time.Millisecond},
		{nil, 1190 * time.Millisecond},
		{[]int{7}, 0},
	} {
		if got := Used(before, after, c.cpus); got != c.want {
			t.Errorf("processors %v: %v, want %v", c.cpus, got, c.want)
		}
	}
	if got := Used(after, before, nil); got != 0 {
		t.Errorf("backwards: %v", got)
	}
}

func TestQuotaWarning(t *testing.T) {
	for _, c := range []struct {
		quota float64
		want  []string
	}{{0, nil}, {2, nil}, {1.5, []string{WarnQuota}}} {
		if got := kinds(Conditions{Processors: 2, Quota: c.quota}.Warnings(1, 1)); !slices.Equal(got, c.want) {
			t.Errorf("a quota of %v: %v", c.quota, got)
		}
	}
}
