//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
)

// loader is a load generator: how it is called, and how its output tells the
// right replies it got.
type loader struct {
	name, program string
	args          func(url string, connections, seconds int) []string
	requests      func(output []byte) (uint64, error)
}

var (
	wrk = loader{
		"wrk", "wrk",
		func(url string, connections, seconds int) []string {
			return []string{"-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", seconds), url}
		},
		counted(`(?m)^ *(\d+) requests in `, `(?m)^ *(Socket errors|Non-2xx).*`),
	}
	hey = loader{
		"hey", "hey",
		func(url string, connections, seconds int) []string {
			return []string{"-cpus", "1", "-c", strconv.Itoa(connections), "-z", fmt.Sprintf("%ds", seconds), url}
		},
		counted(`(?m)^ *\[200\]\s+(\d+) responses`, `(?m)^ *\[[13-5]\d\d\].*|^ *\[\d+\]\s+(Get|Post).*`),
	}
	h2load = loader{
		"h2load --h1", "h2load",
		func(url string, connections, seconds int) []string {
			return []string{"--h1", "-t1", fmt.Sprintf("-c%d", connections), "-D", strconv.Itoa(seconds), url}
		},
		counted(`(?m)^requests: .* (\d+) succeeded`, `[1-9]\d* (failed|errored|timeout)`),
	}
)

// benchctlLoader is one of benchctl's own engines.
func benchctlLoader(program, engine string) loader {
	return loader{
		"benchctl " + engine, program,
		func(url string, connections, seconds int) []string {
			return []string{
				"load", url, "--engine", engine, "-c", strconv.Itoa(connections), "-d", fmt.Sprintf("%ds", seconds),
				"--expect-length", strconv.Itoa(len(body)), "--json",
			}
		},
		benchctlRequests,
	}
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
