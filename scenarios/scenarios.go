// Package scenarios describes what is offered to servers: a Load, and scenarios, which give
// it a name and apps. A scenario is a strict YAML file; the built-in ones are embedded.
//
//	name: concurrency-256
//	doc: 256 connections, each sends the next request when it has the reply
//	engine: raw
//	connections: 256
//	apps: [hello]
package scenarios

import (
	"cmp"
	"embed"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/benchctl/benchctl/internal/nearest"
)

// Scenario is a load with a name and the apps that it is offered to.
type Scenario struct {
	Name string // "concurrency-256"
	Doc  string // one line
	// Group is a name for this scenario and others; "": it is in none.
	Group string
	Load
	Apps []string // as stacked.Parse spells them; at least one
	// Profiles are those by which each server is measured, the one that the others are compared
	// with first; nil: it is measured as it was named.
	Profiles []string
	RankBy   string // ByThroughput or ByServerCPU; "": what the load is about
	// Layers are those by which it compares each server in Go with itself, as stacked.ParseLayers spells
	// them; none: it does not.
	Layers []string
}

// What rows are ranked by.
const (
	ByThroughput = "throughput"
	ByServerCPU  = "server-cpu"
)

//go:embed *.yaml
var files embed.FS

// Builtin is the built-in scenarios, ordered by name, numbers by their value.
func Builtin() ([]Scenario, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("read built-in scenarios: %w", err)
	}
	var out []Scenario
	for _, e := range entries {
		data, err := files.ReadFile(e.Name())
		if err != nil {
			return nil, fmt.Errorf("read built-in scenario: %w", err)
		}
		s, err := parse(path.Join("scenarios", e.Name()), data)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Scenario) int { return natural(a.Name, b.Name) })
	return out, nil
}

// Read reads a scenario. Name is the file's, for errors.
func Read(name string, r io.Reader) (Scenario, error) {
	data, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return Scenario{}, fmt.Errorf("read scenario %s: %w", name, err)
	}
	return parse(name, data)
}

// ReadFile reads the scenario in a file.
func ReadFile(name string) (Scenario, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe that nobody writes to is empty
	if err != nil {
		return Scenario{}, fmt.Errorf("read scenario: %w", err)
	}
	defer f.Close()
	return Read(name, f)
}

// With is list with s, in the place of the scenario of the same name or else last.
func With(list []Scenario, s Scenario) []Scenario {
	out := slices.Clone(list)
	for i := range out {
		if out[i].Name == s.Name {
			out[i] = s
			return out
		}
	}
	return append(out, s)
}

// Find picks scenarios by name, in the order of names. A name may be that of a group, or a
// pattern, such as concurrency-*, which stands for all that it matches (path.Match).
func Find(list []Scenario, names []string) ([]Scenario, error) {
	var out []Scenario
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("scenario %q is named twice", name)
		}
		matched := match(list, name)
		if len(matched) == 0 {
			return nil, fmt.Errorf("unknown scenario %q%s", name, nearest.Hint(name, known(list)))
		}
		for _, s := range matched {
			if !slices.ContainsFunc(out, func(o Scenario) bool { return o.Name == s.Name }) {
				out = append(out, s)
			}
		}
	}
	return out, nil
}

// match is the scenarios that a name, that of a group, or a pattern stands for.
func match(list []Scenario, name string) []Scenario {
	var out []Scenario
	for _, s := range list {
		if ok, err := path.Match(name, s.Name); ok && err == nil || s.Group == name { // a false pattern is no scenario's name
			out = append(out, s)
		}
	}
	return out
}

func known(list []Scenario) []string {
	var out []string
	for _, s := range list {
		out = append(out, s.Name)
		if s.Group != "" && !slices.Contains(out, s.Group) {
			out = append(out, s.Group)
		}
	}
	return out
}

// natural compares names part by part as "-" divides them, numbers by value.
func natural(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "-"), strings.Split(b, "-"), func(a, b string) int {
		x, errX := strconv.Atoi(a)
		y, errY := strconv.Atoi(b)
		if errX == nil && errY == nil {
			return cmp.Or(cmp.Compare(x, y), strings.Compare(a, b))
		}
		return strings.Compare(a, b)
	})
}
