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
	"apps/http1":           {},
	"apps/http1/http1test": {},
	"apps/nearest":         {},
	"apps/strict":          {"apps/nearest"},
	"apps/adapter":         {"apps"},
	"apps/suite":           {"apps", "apps/nearest"},
	"apps/wsgi":            {},
	"apps/conform":         {"apps/http1", "apps/suite", "apps/wsgi"},
	"scenarios":            {"apps/nearest", "apps/strict", "apps/suite", "bench/offered"},
	"servers/control/proc": {},
	"servers/control":      {"servers/control/proc"},
	"servers/fcgi":         {"apps", "apps/adapter", "servers/nethttp"},
	"servers/gin":          {"apps", "servers/nethttp"},
	"servers/echo":         {"apps", "servers/nethttp"},
	"servers/chi":          {"apps", "servers/nethttp"},
	"servers/fiber":        {"apps", "servers/fasthttp"},
	"servers/servertest":   {"apps"},
	"servers/external":     {"apps/nearest", "apps/strict", "apps/suite", "apps/wsgi", "servers/control"},
	"servers":              {"apps", "apps/nearest", "apps/wsgi", "servers/control", "servers/external", "servers/fcgi", "servers/gin", "servers/echo", "servers/chi", "servers/fiber"}, // and every engine
	"bench/stats":          {},
	"bench/offered":        {"apps/nearest"},
	"bench/load":           {"apps/http1"},
	"bench/measure":        {"results", "servers/control/proc"},
	"bench/slo":            {"apps/nearest"},
	"bench/plan":           {"apps/suite", "bench/offered", "bench/slo", "results", "scenarios", "servers"},
	"bench/harness": {
		"apps/conform", "apps/suite", "bench/load", "bench/measure", "bench/offered", "bench/plan", "bench/slo", "results", "servers", "servers/control", "servers/control/proc",
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
	"github.com/panjf2000/":                      {"servers/gnet"},
	"github.com/gin-gonic/":                      {"servers/gin"},
	"github.com/labstack/":                       {"servers/echo"},
	"github.com/go-chi/":                         {"servers/chi"},
	"github.com/gofiber/":                        {"servers/fiber"},
	"github.com/HdrHistogram/hdrhistogram-go":    {"bench/load", "bench/harness", "results", "cmd/benchctl", "cmd/benchtruth"},
	"github.com/rogpeppe/go-internal/testscript": {},
}

func TestImports(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := layers[name]
		if isEngine(name) {
			allowed, known = []string{"apps", "apps/adapter"}, true
		}
		if !known && !strings.HasPrefix(name, "cmd/") {
			t.Errorf("package %s has no place in the layers", name)
		}
		for _, path := range p.Imports {
			inner, ours := strings.CutPrefix(path, module)
			if ours && known && !slices.Contains(allowed, inner) && !(name == "servers" && isEngine(inner)) {
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

// isEngine tells whether a package adapts a Go engine: those right below servers that
// have no other place.
func isEngine(name string) bool {
	below, ok := strings.CutPrefix(name, "servers/")
	_, placed := layers[name]
	return ok && !placed && !strings.Contains(below, "/")
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
