package measure

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func kinds(all []Warning) []string {
	var names []string
	for _, w := range all {
		names = append(names, w.Kind)
	}
	return names
}

func TestConditionsFromFiles(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	const cpu = "sys/devices/system/cpu/"
	got := readFiles(fstest.MapFS{
		cpu + "cpu0/cpufreq/scaling_governor":             file("powersave\n"),
		cpu + "cpu1/cpufreq/scaling_governor":             file("performance\n"),
		cpu + "cpu10/cpufreq/scaling_governor":            file("powersave\n"),
		cpu + "cpu0/thermal_throttle/core_throttle_count": file("3\n"),
		cpu + "cpu1/thermal_throttle/core_throttle_count": file("4\n"),
		"proc/sys/net/ipv4/ip_local_port_range":           file("32768\t60999\n"),
	})
	if want := []string{"performance", "powersave"}; !slices.Equal(got.Governors, want) {
		t.Errorf("governors %v, want %v", got.Governors, want)
	}
	if got.Throttled != 7 || got.Ports != 28232 {
		t.Errorf("throttled %d times, %d ports", got.Throttled, got.Ports)
	}
	if empty := readFiles(fstest.MapFS{}); len(empty.Warnings(10, 1000)) > 0 {
		t.Errorf("warnings about what is not known: %v", empty.Warnings(10, 1000))
	}
}

func TestConditionWarnings(t *testing.T) {
	fine := Conditions{Processors: 2, Governors: []string{"performance"}, Descriptors: 1024, Ports: 28232}
	for _, test := range []struct {
		name        string
		change      func(*Conditions)
		connections int
		want        string // the only kind
		says        string
	}{
		{name: "fine", change: func(*Conditions) {}},
		{name: "one processor", change: func(c *Conditions) { c.Processors = 1 }, want: WarnProcessors, says: "1 processor"},
		{name: "governor", change: func(c *Conditions) { c.Governors = []string{"performance", "schedutil"} }, want: WarnGovernor, says: "is schedutil, not"},
		{name: "throttled", change: func(c *Conditions) { c.Throttled = 2 }, want: WarnThrottled, says: "2 times"},
		{name: "just enough descriptors", change: func(*Conditions) {}, connections: 464},
		{name: "descriptors", change: func(*Conditions) {}, connections: 465, want: WarnDescriptors, says: "too few for 2 candidates with 465 connections: those of each are opened for its slices anew; raise it: ulimit -n 1026"},
		{name: "descriptors for one", change: func(*Conditions) {}, connections: 1000, want: WarnDescriptors, says: "too few for 1000 connections to one candidate"},
		{name: "ports", change: func(c *Conditions) { c.Ports = 63 }, want: WarnPorts, says: "63 local ports for 64"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := fine
			test.change(&c)
			got := c.Warnings(2, max(64, test.connections))
			if test.want == "" {
				if len(got) > 0 {
					t.Errorf("warned: %v", got)
				}
				return
			}
			if k := kinds(got); !slices.Equal(k, []string{test.want}) {
				t.Fatalf("kinds %v, want %s", k, test.want)
			}
			if line := got[0].String(); !strings.Contains(line, test.says) || strings.Contains(line, "\n") || got[0].Remedy == "" {
				t.Errorf("says %q, want %q in it", line, test.says)
			}
		})
	}
}

func TestDisturbance(t *testing.T) {
	before, err := parseTicks("cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 100 0 50 800 50 0 0 0 0 0\ncpu1 100 0 50 800 50 0 0 0 0 0\nintr 5 1 2 3 4 5 6 7 8 9\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := (Ticks{Total: 1000, Idle: 850}); len(before) != 2 || before[1] != want {
		t.Fatalf("read %v", before)
	}
	after := func(one, two Ticks) map[int]Ticks {
		add := func(a, b Ticks) Ticks {
			return Ticks{Total: a.Total + b.Total, Idle: a.Idle + b.Idle, Stolen: a.Stolen + b.Stolen}
		}
		return map[int]Ticks{0: add(before[0], one), 1: add(before[1], two)}
	}
	for _, test := range []struct {
		name     string
		one, two Ticks // what processors 0 and 1 did
		cpus     []int
		loader   []int
		want     []string
	}{
		{name: "quiet", one: Ticks{100, 96, 0, 0}, two: Ticks{100, 99, 0, 0}},
		{name: "no time", cpus: []int{0}},
		{name: "busy", one: Ticks{100, 90, 0, 0}, two: Ticks{100, 100, 0, 0}, cpus: []int{0}, want: []string{WarnBusy}},
		{name: "busy elsewhere", one: Ticks{100, 100, 0, 0}, two: Ticks{100, 0, 0, 0}, cpus: []int{0}},
		{name: "busy anywhere", one: Ticks{100, 100, 0, 0}, two: Ticks{100, 0, 0, 0}, want: []string{WarnBusy}},
		{name: "busy at both ends", one: Ticks{100, 90, 0, 0}, two: Ticks{100, 80, 0, 0}, cpus: []int{0}, loader: []int{1}, want: []string{WarnBusy, WarnBusy}},
		{name: "busy loader", one: Ticks{100, 100, 0, 0}, two: Ticks{100, 80, 0, 0}, cpus: []int{0}, loader: []int{1}, want: []string{WarnBusy}},
		{name: "stolen", one: Ticks{100, 97, 3, 0}, two: Ticks{100, 100, 0, 0}, cpus: []int{0}, want: []string{WarnSteal}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := kinds(Disturbance(before, after(test.one, test.two), test.cpus, test.loader)); !slices.Equal(got, test.want) {
				t.Errorf("warned of %v, want %v", got, test.want)
			}
		})
	}
	backwards := map[int]Ticks{0: {Total: 999, Idle: 849}}
	if got := Disturbance(before, backwards, nil, []int{0}); got != nil {
		t.Errorf("warned of %v when time ran backwards", got)
	}
	if _, err := parseTicks("cpu0 1 2 x 4 5 6 7 8\n"); err == nil {
		t.Error("read a number that is none")
	}
}

// What this machine tells is readable.
func TestRealConditions(t *testing.T) {
	c := ReadConditions()
	if c.Processors < 1 || c.Descriptors < 3 {
		t.Errorf("read %+v", c)
	}
	t.Logf("%+v", c)
	ticks, err := ReadTicks()
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil || len(ticks) == 0 {
		t.Errorf("ticks %v, %v", ticks, err)
	}
}
