package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/bench/stats"
	"github.com/benchctl/benchctl/servers/control"
)

// A server that is the bottleneck serves as many requests per second to engine raw
// as to wrk and to h2load: raw neither loses requests nor counts too many.
//
// A reply takes 100 µs of CPU time and 64 connections hold 6 ms of work ready, so
// that any loader keeps the server busy. What the processor does for others while
// one loader has its turn is not the loaders' doing and lasts for seconds at times,
// so the whole comparison may be made three times. A loader that counted wrongly
// would fail all three.
func TestLoadersAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 15 s")
	}
	others := map[string]func(*testing.T, string) float64{}
	for name, run := range map[string]func(*testing.T, string) float64{"wrk": runWrk, "h2load": runH2load} {
		if _, err := exec.LookPath(name); err == nil {
			others[name] = run
		} else if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
	}
	if len(others) == 0 {
		t.Skip("install wrk or nghttp2-client")
	}
	url := startBottleneck(t)
	for attempt := 1; ; attempt++ {
		worst := ""
		for name, ratio := range compareLoaders(t, url, others) {
			t.Logf("attempt %d: raw has %.3f of the throughput of %s", attempt, ratio, name)
			if ratio < 0.95 || ratio > 1.05 {
				worst += fmt.Sprintf(" %s %.3f", name, ratio)
			}
		}
		switch {
		case worst == "":
			return
		case attempt == 3:
			t.Fatalf("raw's throughput relative to others:%s, want within 5 %% of 1", worst)
		}
	}
}

// compareLoaders is the median over nine rounds of the ratio of raw's throughput
// to that of each other, in shuffled order.
func compareLoaders(t *testing.T, url string, others map[string]func(*testing.T, string) float64) map[string]float64 {
	all := map[string]func(*testing.T, string) float64{"raw": runRaw}
	names := []string{"raw"}
	for name, run := range others {
		all[name], names = run, append(names, name)
	}
	ratios := map[string][]float64{}
	for range 9 {
		got := map[string]float64{}
		rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, name := range names {
			got[name] = all[name](t, url)
		}
		for name := range others {
			ratios[name] = append(ratios[name], got["raw"]/got[name])
		}
	}
	medians := map[string]float64{}
	for name, r := range ratios {
		medians[name] = stats.Median(r)
	}
	return medians
}

// startBottleneck starts a server on the processors of candidates and returns the
// URL of a reply that takes it 100 µs.
func startBottleneck(t *testing.T) string {
	cpus, _ := control.Split()
	cmd := exec.Command(os.Args[0], "serve", "--server=fasthttp", "--addr=127.0.0.1:0")
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	startOn(t, cmd, cpus)
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	said, err := bufio.NewReader(errs).ReadString('\n')
	_, url, ok := strings.Cut(strings.TrimSpace(said), " serves ")
	if err != nil || !ok {
		t.Fatalf("said %q, %v", said, err)
	}
	return url + "cpu?us=100"
}

// startOn starts cmd on cpus: a child runs where the thread did that made it.
func startOn(t *testing.T, cmd *exec.Cmd, cpus control.CPUs) {
	t.Helper()
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and the thread ends with the goroutine
		var set unix.CPUSet
		for _, n := range cpus {
			set.Set(n)
		}
		if len(cpus) > 0 {
			_ = unix.SchedSetaffinity(0, &set)
		}
		started <- cmd.Start()
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
}

// output is what a loader prints that runs on the loader's processors.
func output(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	_, cpus := control.Split()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	startOn(t, cmd, cpus)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s: %v\n%s%s", program, err, &out, &errs)
	}
	return []byte(out.String())
}

func runRaw(t *testing.T, url string) float64 {
	var r loadReport
	out := output(t, os.Args[0], "load", url, "-c", "64", "-d", "300ms", "--expect-length=7", "--json")
	if err := json.Unmarshal(out, &r); err != nil || len(r.Errors) > 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	return r.Throughput
}

// runWrk runs wrk for a second: it knows nothing shorter.
func runWrk(t *testing.T, url string) float64 {
	return findRate(t, `Requests/sec: +([\d.]+)`, output(t, "wrk", "-t1", "-c64", "-d1s", url))
}

func runH2load(t *testing.T, url string) float64 {
	return findRate(t, `finished in .*, ([\d.]+) req/s`, output(t, "h2load", "--h1", "-t1", "-c64", "-D300ms", url))
}

func findRate(t *testing.T, pattern string, out []byte) float64 {
	t.Helper()
	m := regexp.MustCompile(pattern).FindSubmatch(out)
	if m == nil {
		t.Fatalf("no requests per second in\n%s", out)
	}
	rate, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil || rate <= 0 {
		t.Fatalf("%s: %v", m[1], err)
	}
	return rate
}
