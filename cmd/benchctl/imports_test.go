package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/benchctl/benchctl/"

// layers says what each package may import of this module. Data flows from the
// names of a command line down to a report; nothing imports upward. A package
// that is not listed has no place yet: find it one.
var layers = map[string][]string{
	"apps":                 {},
	"apps/nearest":         {},
	"apps/strict":          {"apps/nearest"},
	"apps/adapter":         {"apps"},
	"apps/suite":           {"apps", "apps/nearest"},
	"apps/wsgi":            {},
	"apps/conform":         {"apps/suite"},
	"scenarios":            {"apps/nearest", "apps/strict", "apps/suite", "bench/offered"},
	"servers/control/proc": {},
	"servers/control":      {"servers/control/proc"},
	"servers/nethttp":      {"apps", "apps/adapter"},
	"servers/fasthttp":     {"apps", "apps/adapter"},
	"servers/hertz":        {"apps", "apps/adapter"},
	"servers/nbio":         {"apps", "apps/adapter"},
	"servers/servertest":   {"apps"},
	"servers/external":     {"apps/nearest", "apps/strict", "apps/wsgi", "servers/control"},
	"servers": {
		"apps", "apps/nearest", "servers/control", "servers/external",
		"servers/nethttp", "servers/fasthttp", "servers/hertz", "servers/nbio",
	},
	"bench/stats":   {},
	"bench/offered": {"apps/nearest"},
	"bench/load":    {},
	"bench/measure": {"results", "servers/control/proc"},
	"bench/slo":     {"apps/nearest"},
	"bench/plan":    {"apps/suite", "bench/offered", "bench/slo", "results", "scenarios", "servers"},
	"bench/harness": {
		"apps/conform", "apps/suite", "bench/load", "bench/measure", "bench/offered", "bench/plan", "bench/slo", "results", "servers", "servers/control",
	},
	"results":                 {"bench/offered", "bench/slo", "bench/stats"},
	"report":                  {"results"},
	"report/text":             {"report", "results"},
	"report/plots":            {"report", "results"},
	"report/html":             {"report", "report/plots", "results"},
	"report/site":             {"report", "report/html", "report/plots", "report/text", "results"},
	"report/internal/fixture": {"results"},
	"report/internal/golden":  {},
}

// homes names the only importers of libraries that are to stay replaceable.
var homes = map[string][]string{
	"github.com/tsenart/vegeta/":                 {"bench/load"},
	"gonum.org/v1/plot":                          {"report/plots"},
	"github.com/olekukonko/tablewriter":          {"report/text"},
	"github.com/spf13/":                          {"cmd/benchctl"},
	"github.com/goccy/go-yaml":                   {"apps/strict"},
	"github.com/valyala/fasthttp":                {"servers/fasthttp"},
	"github.com/cloudwego/":                      {"servers/hertz"},
	"github.com/lesismal/":                       {"servers/nbio"},
	"github.com/HdrHistogram/hdrhistogram-go":    {"bench/load", "bench/harness", "results", "cmd/benchctl"},
	"github.com/rogpeppe/go-internal/testscript": {},
}

func TestImports(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := layers[name]
		if !known && !strings.HasPrefix(name, "cmd/") {
			t.Errorf("package %s has no place in the layers", name)
		}
		for _, path := range p.Imports {
			inner, ours := strings.CutPrefix(path, module)
			if ours && known && !slices.Contains(allowed, inner) {
				t.Errorf("%s imports %s, which is not below it", name, inner)
			}
			for library, importers := range homes {
				if strings.HasPrefix(path, library) && !slices.Contains(importers, name) {
					t.Errorf("%s imports %s, which only %v may", name, path, importers)
				}
			}
		}
	}
}

type listedPackage struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listedPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
