//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// loader is a load generator: how it is called, and how its output tells the
// right replies it got.
type loader struct {
	name, program string
	args          func(url string, connections, seconds int) []string
	stdin         string // before the URL; "": nothing is read
	requests      func(output []byte) (uint64, error)
}

var (
	wrk = loader{
		name: "wrk", program: "wrk",
		args: func(url string, connections, seconds int) []string {
			return []string{"-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", seconds), url}
		},
		requests: counted(`(?m)^ *(\d+) requests in `, `(?m)^ *(Socket errors|Non-2xx).*`),
	}
	hey = loader{
		name: "hey", program: "hey",
		args: func(url string, connections, seconds int) []string {
			return []string{"-cpus", "1", "-c", strconv.Itoa(connections), "-z", fmt.Sprintf("%ds", seconds), url}
		},
		requests: counted(`(?m)^ *\[200\]\s+(\d+) responses`, `(?m)^ *\[[13-5]\d\d\].*|^ *\[\d+\]\s+(Get|Post).*`),
	}
	h2load = loader{
		name: "h2load --h1", program: "h2load",
		args: func(url string, connections, seconds int) []string {
			return []string{"--h1", "-t1", fmt.Sprintf("-c%d", connections), "-D", strconv.Itoa(seconds), url}
		},
		requests: counted(`(?m)^requests: .* (\d+) succeeded`, `[1-9]\d* (failed|errored|timeout)`),
	}
)

// benchctlLoader is one of benchctl's own engines.
func benchctlLoader(program, engine string) loader {
	return loader{
		name: "benchctl " + engine, program: program,
		args: func(url string, connections, seconds int) []string {
			return []string{
				"load", url, "--engine", engine, "-c", strconv.Itoa(connections), "-d", fmt.Sprintf("%ds", seconds),
				"--expect-length", strconv.Itoa(len(body)), "--poll=0", "--json", // the others sleep as well
			}
		},
		requests: benchctlRequests,
	}
}

// vegetaAttack is vegeta as its users call it: results go to its output.
func vegetaAttack(program string) loader {
	return loader{
		name: "vegeta attack", program: program, stdin: "GET ",
		args: func(_ string, connections, seconds int) []string {
			n := strconv.Itoa(connections)
			return []string{"attack", "-rate=0", "-workers=" + n, "-max-workers=" + n, "-connections=" + n, fmt.Sprintf("-duration=%ds", seconds)}
		},
		requests: vegetaRequests(program),
	}
}

// vegetaRequests has vegeta itself count its results.
func vegetaRequests(program string) func([]byte) (uint64, error) {
	return func(results []byte) (uint64, error) {
		cmd := exec.Command(program, "report", "-type=json")
		cmd.Stdin = bytes.NewReader(results)
		output, err := cmd.Output()
		if err != nil {
			return 0, fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
		}
		return vegetaReport(output)
	}
}

func vegetaReport(output []byte) (uint64, error) {
	var r struct {
		Requests uint64            `json:"requests"`
		Success  float64           `json:"success"`
		Codes    map[string]uint64 `json:"status_codes"`
	}
	if err := json.Unmarshal(output, &r); err != nil {
		return 0, err
	}
	if r.Success < 1 || r.Requests == 0 {
		return 0, fmt.Errorf("%d results, by status %v", r.Requests, r.Codes)
	}
	return r.Requests, nil
}

// body is what the server replies with.
const body = "Hello, World!"

func benchctlRequests(output []byte) (uint64, error) {
	var r struct {
		Requests uint64            `json:"requests"`
		Errors   map[string]uint64 `json:"errors"`
	}
	if err := json.Unmarshal(output, &r); err != nil {
		return 0, err
	}
	if len(r.Errors) > 0 || r.Requests == 0 {
		return 0, fmt.Errorf("%d right replies, errors %v", r.Requests, r.Errors)
	}
	return r.Requests, nil
}

// counted finds the number that right matches in the output of a loader that does
// not say anything that wrong matches.
func counted(right, wrong string) func([]byte) (uint64, error) {
	good, bad := regexp.MustCompile(right), regexp.MustCompile(wrong)
	return func(output []byte) (uint64, error) {
		if said := bad.Find(output); said != nil {
			return 0, fmt.Errorf("it says %q", said)
		}
		m := good.FindSubmatch(output)
		if m == nil {
			return 0, fmt.Errorf("no number of requests in %q", output)
		}
		n, err := strconv.ParseUint(string(m[1]), 10, 64)
		if err == nil && n == 0 {
			err = fmt.Errorf("no requests in %q", output)
		}
		return n, err
	}
}
