//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// timeout is how long both loaders wait for a reply. wrk does not count one that
// takes longer.
const timeout = 10 * time.Second

// script has wrk print what its own output does not tell, as one line of JSON. Its
// times are in µs.
const script = `done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"requests": %d, "duration": %d, "p50": %.0f, "p90": %.0f, "p99": %.0f, "p999": %.0f, "max": %.0f, ' ..
    '"errors": {"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(90), latency:percentile(99),
    latency:percentile(99.9), latency.max, e.connect, e.read, e.write, e.status, e.timeout))
end
`

// upload is what the script begins with where a body is sent, from the file.
const upload = `local file = assert(io.open(%q, "rb"))
wrk.method, wrk.body = "POST", file:read("*a")
file:close()
`

func wrkScript(bodyFile string) string {
	if bodyFile == "" {
		return script
	}
	return fmt.Sprintf(upload, bodyFile) + script
}

func wrkArgs(url, script string, connections int, length time.Duration) []string {
	return []string{
		"wrk", "-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", int(length.Seconds())),
		fmt.Sprintf("--timeout=%ds", int(timeout.Seconds())), "--latency", "-s", script, url,
	}
}

// seen is what a load without interruptions came to.
type seen struct {
	figures
	requests float64
}

// parseWrk reads what wrk prints with the script. Percentiles that it has too few
// replies for are left out, as benchctl does it.
func parseWrk(output []byte) (seen, error) {
	var r struct {
		Requests, Duration       float64
		P50, P90, P99, P999, Max float64
		Errors                   map[string]float64
	}
	at := bytes.LastIndex(output, []byte("\n{"))
	if at < 0 {
		return seen{}, fmt.Errorf("no line of the script in wrk's output %q", output)
	}
	if err := json.Unmarshal(output[at:], &r); err != nil {
		return seen{}, fmt.Errorf("read wrk's output: %w", err)
	}
	if r.Requests == 0 || r.Duration == 0 {
		return seen{}, errors.New("wrk got no replies")
	}
	s := seen{requests: r.Requests, figures: figures{throughput: r.Requests / r.Duration * 1e6, longest: r.Max / 1e3, failures: sum(r.Errors)}}
	for i, us := range []float64{r.P50, r.P90, r.P99, r.P999} {
		if p := percentiles()[i]; p.told(r.Requests) {
			s.figures[p.metric] = us / 1e3
		}
	}
	return s, nil
}

func loadArgs(benchctl, url, bodyFile string, connections int, length, poll time.Duration) []string {
	args := []string{
		benchctl, "load", "--json", "--connections", fmt.Sprint(connections), "--duration", length.String(), "--timeout", timeout.String(), "--poll", poll.String(), url,
	}
	if bodyFile != "" {
		args = append(args, "--body-file", bodyFile)
	}
	return args
}

// parseLoad reads what "benchctl load --json" prints. It leaves out percentiles that
// it has too few replies for.
func parseLoad(output []byte) (seen, error) {
	var r struct {
		Requests   float64            `json:"requests"`
		Throughput float64            `json:"throughput_rps"`
		Latency    map[string]float64 `json:"latency_ms"`
		Errors     map[string]float64 `json:"errors"`
	}
	if err := json.Unmarshal(output, &r); err != nil {
		return seen{}, fmt.Errorf("read the output of benchctl load: %w", err)
	}
	if r.Requests == 0 {
		return seen{}, errors.New("benchctl load got no replies")
	}
	s := seen{requests: r.Requests, figures: figures{throughput: r.Throughput, failures: sum(r.Errors)}}
	for _, m := range times() {
		if v, ok := r.Latency[m.key()]; ok {
			s.figures[m] = v
		}
	}
	return s, nil
}

func sum(counts map[string]float64) (total float64) {
	for _, n := range counts {
		total += n
	}
	return total
}
