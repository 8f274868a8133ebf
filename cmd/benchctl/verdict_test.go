package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/servers/control"
)

// Rules of the verdicts that take a run as a process of its own: others that use
// its processors, quotas, and a load generator that is the limit. Rules that a run
// within the test can provoke are in bench/harness.

// burning names the processors that this program is to keep busy.
const burning = "BENCHCTL_TEST_BURN"

// burn keeps processors busy until whoever started it is gone, a minute at most.
func burn(list string) {
	cpus, err := control.ParseCPUs(list)
	if err == nil {
		err = control.PinSelf(cpus)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	parent, until := os.Getppid(), time.Now().Add(time.Minute)
	for range cpus {
		go func() {
			for time.Now().Before(until) {
			}
		}()
	}
	fmt.Println("burning")
	for os.Getppid() == parent && time.Now().Before(until) {
		time.Sleep(50 * time.Millisecond)
	}
}

// steal keeps processors busy until the test ends.
func steal(t *testing.T, cpus control.CPUs) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), burning+"="+cpus.String())
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	word := make([]byte, 64)
	if n, _ := out.Read(word); string(word[:n]) != "burning\n" {
		t.Fatalf("it can't burn: %q", word[:n])
	}
}

// measured is the only cell of a run, and what the run said.
func measured(t *testing.T, cmd *exec.Cmd) (judge.Cell, string) {
	t.Helper()
	if testing.Short() {
		t.Skip("measures")
	}
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() != exitFound {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	var s judge.Summary
	if err := json.Unmarshal(out, &s); err != nil || len(s.Cells) != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	return s.Cells[0], errs.String()
}

// halves are the processors of both sides of a run, which must be two.
func halves(t *testing.T) (servers, loader control.CPUs) {
	t.Helper()
	needLinux(t)
	servers, loader = control.Split()
	if len(servers) == 0 {
		t.Skip("takes two processors")
	}
	return servers, loader
}

func gives(c judge.Cell, reasons ...string) bool {
	return slices.ContainsFunc(judge.Texts(c.Reasons), func(given string) bool {
		return slices.ContainsFunc(reasons, func(r string) bool { return strings.Contains(given, r) })
	})
}

// small is a run of one row that takes about two seconds.
var small = []string{"run", "--scenario=concurrency-64", "--servers=fasthttp", "--launches=1", "--pass=none", "--rounds=8", "--json"}

func TestStolenCore(t *testing.T) {
	t.Parallel()
	servers, loader := halves(t)
	for _, c := range []struct {
		name string
		cpus control.CPUs
		want []string // each
	}{
		{"of the servers", servers, []string{" of the servers' processors"}},
		{"of the loader", loader, []string{" of the load generator's processors", "loader throttled: the load generator waited "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			steal(t, c.cpus)
			cell, said := measured(t, benchctl(t, t.TempDir(), small...))
			for _, want := range c.want {
				if cell.Verdict == judge.Valid || !gives(cell, want) {
					t.Errorf("it is %s: %q, want %q", cell.Verdict, cell.Reasons, want)
				}
			}
			if !strings.Contains(said, "benchctl: warning: other processes use ") {
				t.Errorf("it did not warn: %s", said)
			}
		})
	}
}

// A server that takes the load generator's processors under load is named for it.
func TestMovesToTheLoader(t *testing.T) {
	servers, loader := halves(t)
	dir := t.TempDir()
	self, err := filepath.Abs(os.Args[0])
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, "badserver"))
	}
	if err == nil {
		text := fmt.Sprintf("name: moves\nclass: engine\ndoc: moves\ncommand: [%q, \"{{.Host}}:{{.Port}}\", moves]\n", filepath.Join(dir, "badserver"))
		err = os.WriteFile(filepath.Join(dir, "moves.yaml"), []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	cell, _ := measured(t, benchctl(t, dir, "run", "--scenario=concurrency-64", "--server-dir=.", "--servers=moves", "--launches=1", "--pass=none", "--rounds=8", "--json"))
	if want := fmt.Sprintf("moved to processors %s (given %s): PID ", control.Allowed(), servers); cell.Verdict != judge.Invalid || !gives(cell, want) {
		t.Errorf("it is %s: %q, want %q, which has %s", cell.Verdict, cell.Reasons, want, loader)
	}
}

// A CPU quota takes a control group, and that a privilege.
func TestQuota(t *testing.T) {
	t.Parallel()
	needLinux(t)
	group := limited(t, 30*time.Millisecond, 100*time.Millisecond)
	cmd := benchctl(t, t.TempDir(), small...)
	cmd.Args = append([]string{"sh", "-c", `echo $$ > "$0/cgroup.procs" && exec "$@"`, group, os.Args[0]}, small...)
	cmd.Path, cmd.Err = "/bin/sh", nil
	cell, said := measured(t, cmd)
	if cell.Verdict == judge.Valid || !gives(cell, "throttled: a CPU quota withheld ") {
		t.Errorf("it is %s: %q", cell.Verdict, cell.Reasons)
	}
	if !strings.Contains(said, "benchctl: warning: a CPU quota allows the time of 0.3 of ") {
		t.Errorf("it did not warn: %s", said)
	}
}

// limited makes a control group, of version 2 or 1, that may use quota of each
// period, all processors together.
func limited(t *testing.T, quota, period time.Duration) string {
	t.Helper()
	us := func(d time.Duration) string { return fmt.Sprint(d.Microseconds()) }
	for root, files := range map[string]map[string]string{
		"/sys/fs/cgroup":     {"cpu.max": us(quota) + " " + us(period)},
		"/sys/fs/cgroup/cpu": {"cpu.cfs_period_us": us(period), "cpu.cfs_quota_us": us(quota)},
	} {
		group := filepath.Join(root, fmt.Sprintf("benchctl-test-%d", os.Getpid()))
		if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err != nil || os.Mkdir(group, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { _ = os.Remove(group) })
		written := true
		for name, text := range files {
			written = written && os.WriteFile(filepath.Join(group, name), []byte(text), 0o644) == nil
		}
		if written {
			return group
		}
	}
	t.Skip("no control group to be had")
	return ""
}

// A load generator that costs more than the server is the limit. On a machine that
// is busy with something else as well, that is what the row says.
func TestLoaderBound(t *testing.T) {
	t.Parallel()
	halves(t)
	dir := t.TempDir()
	scenario(t, dir, "engine: vegeta\nconnections: 16\napps: [hello]\n")
	cell, _ := measured(t, benchctl(t, dir, "run", "--scenario-file=s.yaml", "--servers=fasthttp", "--launches=1", "--pass=none", "--rounds=8", "--slice=100ms", "--json"))
	if cell.Verdict == judge.Valid || !gives(cell, "loader-bound: ", "loader throttled: ", "busy host: ") {
		t.Errorf("it is %s: %q", cell.Verdict, cell.Reasons)
	}
	if cell.Loader == nil || cell.Loader.Headroom == nil || *cell.Loader.Headroom <= 0 {
		t.Errorf("loader %+v", cell.Loader)
	}
}

// A load generator that can't take the replies as fast as they are asked for does
// not send as it was to: the row says so.
func TestSlowConsumer(t *testing.T) {
	t.Parallel()
	needLinux(t)
	dir := t.TempDir()
	scenario(t, dir, "engine: vegeta\nconnections: 8\nrate: 20000/s\nlead: 1ms\napps: ['size?bytes=10000000']\n") // 200 GB/s, and the first of it counts
	var cell judge.Cell
	for slice := time.Second; slice < time.Minute && cell.Requests == 0; slice *= 4 { // a busy machine may take long for 10 MB
		cell, _ = measured(t, benchctl(t, dir, "run", "--scenario-file=s.yaml", "--servers=nethttp", "--launches=1", "--pass=none", "--rounds=2", "--slice="+slice.String(), "--json"))
	}
	if cell.Verdict == judge.Valid || !gives(cell, "rate not reached: ") || !gives(cell, "late load: ") {
		t.Errorf("it is %s: %q", cell.Verdict, cell.Reasons)
	}
}

// scenario writes s.yaml.
func scenario(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "s.yaml"), []byte("name: s\ndoc: a test\n"+text), 0o644); err != nil {
		t.Fatal(err)
	}
}
