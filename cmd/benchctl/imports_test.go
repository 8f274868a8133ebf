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

// floors are the folders at the top, from the roof down. No package imports from a floor
// above its own.
var floors = []string{"cmd", "report", "bench", "results", "servers", "scenarios", "apps", "internal"}

// mayImport says what each package may import of this module. A package that is not listed
// has no place yet: find it one.
var mayImport = map[string][]string{
	"internal/misuse":                       {},
	"internal/nearest":                      {},
	"internal/strict":                       {"internal/nearest"},
	"internal/stats":                        {},
	"apps":                                  {},
	"apps/http1":                            {},
	"apps/http1/http1test":                  {},
	"apps/adapter":                          {"apps"},
	"apps/suite":                            {"apps", "internal/nearest"},
	"apps/wsgi":                             {},
	"apps/appstest":                         {"apps", "apps/direct"},
	"apps/stack":                            {"apps", "internal/nearest"},
	"apps/stack/layers":                     {"apps", "apps/stack"},
	"apps/stack/format":                     {"apps/stack", "internal/nearest"},
	"apps/stack/format/formattest":          {"apps", "apps/stack"},
	"apps/stack/fronts":                     {"apps/stack"},
	"apps/stack/suiteapps":                  {"apps", "apps/stack", "apps/suite"},
	"apps/stack/bridge":                     {"apps", "apps/stack"},
	"apps/stack/lint":                       {"apps", "apps/stack"},
	"apps/stack/paste":                      {"apps/stack", "internal/nearest"},
	"apps/stacked":                          {"apps", "apps/direct", "apps/stack", "apps/stack/files", "apps/stack/format", "apps/stack/fronts", "apps/stack/layers", "apps/stack/suiteapps", "apps/suite"},
	"apps/direct":                           {"apps"},
	"apps/stack/files":                      {"apps/stack", "apps/stack/format", "apps/stack/paste"},
	"apps/duties":                           {"apps", "apps/conform", "apps/stack/lint"},
	"apps/conform":                          {"apps/http1", "apps/suite", "apps/wsgi"},
	"scenarios":                             {"apps/stacked", "internal/nearest", "internal/strict", "scenarios/offered", "scenarios/slo"},
	"scenarios/offered":                     {"internal/nearest"},
	"scenarios/slo":                         {"internal/nearest"},
	"servers/control/proc":                  {},
	"servers/control":                       {"servers/control/proc"},
	"servers/process/drain":                 {},
	"servers/process/listen":                {},
	"servers/process/handover":              {"servers/process/drain"},
	"servers/process/handover/handovertest": {"servers/process/handover"},
	"servers/servertest":                    {"apps", "servers/process/drain"},
	"servers/external":                      {"apps/suite", "apps/wsgi", "internal/nearest", "internal/strict", "servers/control"},
	"servers/front":                         {"apps/adapter", "apps/stack", "apps/stack/fronts", "servers/process/drain"},
	"servers":                               {"apps", "apps/stack", "apps/stack/fronts", "apps/stacked", "apps/suite", "apps/wsgi", "internal/misuse", "internal/nearest", "servers/control", "servers/external", "servers/front", "servers/meter", "servers/process/drain"}, // and every adapter
	"servers/meter":                         {},
	"servers/audit":                         {"apps/conform", "apps/suite", "servers", "servers/control", "servers/control/proc"},
	"servers/service": {
		"internal/misuse", "internal/nearest", "servers", "servers/control", "servers/process", "servers/process/bus", "servers/process/daemon", "servers/process/handover", "servers/process/listen", "servers/process/notify", "servers/process/pidfile", "servers/process/privileges", "servers/process/signals",
	},
	"results":                 {"apps/stacked", "scenarios"},
	"results/judge":           {"internal/misuse", "internal/nearest", "internal/stats", "results", "scenarios", "scenarios/slo"},
	"results/internal/sample": {"results", "scenarios"},
	"bench/load":              {"apps/http1", "scenarios"},
	"bench/load/pace":         {"bench/load"},
	"bench/load/dial":         {},
	"bench/load/wire":         {"apps/http1", "bench/load"},
	"bench/load/tally":        {"apps/http1", "bench/load", "bench/load/wire"},
	"bench/load/company":      {"apps/http1", "bench/load", "bench/load/dial", "bench/load/wire", "scenarios"},
	"bench/load/witness":      {"apps/http1", "apps/suite", "bench/load", "bench/load/dial", "bench/load/wire", "scenarios"},
	"bench/load/vegeta":       {"apps/http1", "bench/load", "bench/load/dial", "bench/load/pace", "bench/load/tally", "bench/load/wire"},
	"bench/load/raw":          {"apps/http1", "bench/load", "bench/load/dial", "bench/load/pace", "bench/load/tally", "bench/load/wire"},
	"bench/load/engine":       {"bench/load", "bench/load/raw", "bench/load/vegeta", "bench/load/wire"},
	"bench/load/loadtest":     {"bench/load", "scenarios"},
	"bench/measure":           {"results", "servers/control/proc"},
	"bench/plan":              {"apps/stacked", "apps/suite", "internal/misuse", "results", "scenarios", "scenarios/slo", "servers", "servers/control"},
	"bench/agent": {
		"apps/conform", "apps/stacked", "apps/suite", "bench/load", "bench/load/company", "bench/load/engine", "bench/load/pace", "bench/load/witness", "bench/measure", "results", "scenarios", "scenarios/offered", "servers", "servers/control", "servers/control/proc", "servers/meter",
	},
	"bench/launch": {"apps/stacked", "bench/agent", "bench/measure", "bench/plan", "results", "results/judge", "servers", "servers/control"},
	"bench/paired": {
		"apps/conform", "apps/suite", "bench/agent", "bench/launch", "bench/load", "bench/measure", "bench/plan", "results", "results/judge", "scenarios", "scenarios/offered", "scenarios/slo", "servers",
	},
	"bench/timeline": {
		"apps/conform", "bench/agent", "bench/launch", "bench/load/witness", "bench/measure", "bench/plan", "results", "scenarios", "servers", "servers/control",
	},
	"bench/harness": {
		"apps/conform", "apps/duties", "apps/stack/lint", "apps/stacked", "apps/suite", "bench/agent", "bench/launch", "bench/load", "bench/load/engine", "bench/load/pace", "bench/measure", "bench/paired", "bench/plan", "bench/timeline", "internal/misuse", "results", "results/judge", "scenarios", "scenarios/offered", "servers", "servers/control",
	},
	"bench/request": {
		"apps/stacked", "apps/suite", "bench/agent", "bench/launch", "bench/measure", "bench/plan", "internal/misuse", "internal/nearest", "internal/stats", "results", "scenarios", "scenarios/slo", "servers", "servers/control", "servers/external",
	},
	"report":                  {"internal/nearest", "results", "results/judge"},
	"report/text":             {"apps/conform", "apps/duties", "report", "results", "results/judge", "scenarios", "servers/audit"},
	"report/plots":            {"report", "results/judge"},
	"report/export":           {"report", "results", "results/judge"},
	"report/html":             {"report", "report/plots", "results", "results/judge"},
	"report/site":             {"apps/conform", "report", "report/html", "report/plots", "report/text", "results", "results/judge", "servers/audit"},
	"report/live":             {},
	"report/browsertest":      {}, // tests alone
	"report/internal/fixture": {"results", "results/judge"},
	"report/internal/golden":  {},

	// The library of process control is used without the rest, and imports nothing but itself.
	"servers/process":            {"servers/process/bus", "servers/process/daemon"},
	"servers/process/bus":        {},
	"servers/process/daemon":     {"servers/process/bus"},
	"servers/process/notify":     {"servers/process/bus"},
	"servers/process/pidfile":    {"servers/process/bus"},
	"servers/process/privileges": {"servers/process/bus"},
	"servers/process/signals":    {"servers/process/bus"},
	"servers/process/watch":      {"servers/process/bus"},
}

// homes names the only importers of libraries that are to stay replaceable.
var homes = map[string][]string{
	"github.com/tsenart/vegeta/":                 {"bench/load", "bench/load/pace", "bench/load/vegeta"},
	"gonum.org/v1/plot":                          {"report/plots"},
	"github.com/olekukonko/tablewriter":          {"report/text"},
	"github.com/spf13/":                          {"cmd/benchctl"},
	"github.com/goccy/go-yaml":                   {"internal/strict", "apps/stack/format"},
	"github.com/pelletier/go-toml/":              {"apps/stack/format"},
	"github.com/valyala/fasthttp":                {"servers/engine/fasthttp"},
	"github.com/cloudwego/":                      {"servers/engine/hertz"},
	"github.com/lesismal/":                       {"servers/engine/nbio"},
	"github.com/panjf2000/":                      {"servers/engine/gnet"},
	"github.com/gin-gonic/":                      {"servers/framework/gin"},
	"github.com/labstack/":                       {"servers/framework/echo"},
	"github.com/go-chi/":                         {"servers/framework/chi"},
	"github.com/gofiber/":                        {"servers/framework/fiber"},
	"github.com/HdrHistogram/hdrhistogram-go":    {"bench/load", "bench/load/tally", "bench/agent", "bench/harness", "results", "results/judge", "results/internal/sample", "report/export", "cmd/benchtruth"},
	"github.com/coreos/go-systemd/":              {"servers/process/listen", "servers/process/notify"},
	"github.com/andybalholm/brotli":              {"apps/stack/layers"},
	"github.com/klauspost/compress/":             {"apps/stack/layers"},
	"github.com/gorilla/securecookie":            {"apps/stack/layers"},
	"golang.org/x/crypto/":                       {"apps/stack/layers"},
	"golang.org/x/time/":                         {"apps/stack/layers"},
	"github.com/prometheus/":                     {"apps/stack/layers"},
	"github.com/rogpeppe/go-internal/testscript": {},
	"github.com/moby/sys/user":                   {"servers/process/privileges"},
	"kernel.org/pub/linux/libs/security/libcap/": {"servers/process/privileges"},
}

func TestImports(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := mayImport[name]
		if isAdapter(name) {
			allowed, known = []string{"apps", "apps/adapter", "apps/suite", "servers/process/drain"}, true
		}
		if !known && !strings.HasPrefix(name, "cmd/") {
			t.Errorf("package %s has no place in mayImport", name)
		}
		for _, path := range p.Imports {
			inner, ours := strings.CutPrefix(path, module)
			if ours && floor(inner) < floor(name) {
				t.Errorf("%s imports %s, which is above it", name, inner)
			}
			if ours && isLibrary(name) && !isLibrary(inner) {
				t.Errorf("%s imports %s: a server that uses it would get the benchmark too", name, inner)
			}
			if ours && known && !slices.Contains(allowed, inner) && !carries(name, inner) {
				t.Errorf("%s imports %s, which it is not to know", name, inner)
			}
			for library, importers := range homes {
				if strings.HasPrefix(path, library) && !slices.Contains(importers, name) {
					t.Errorf("%s imports %s, which only %v may", name, path, importers)
				}
			}
		}
	}
}

// floor is the floor that a package is on, from the roof down.
func floor(name string) int {
	top, _, _ := strings.Cut(name, "/")
	return slices.Index(floors, top)
}

// isLibrary tells whether a package is for any Go server.
func isLibrary(name string) bool { return strings.HasPrefix(name, "servers/process/") }

// isAdapter tells whether a package adapts a Go engine or a framework.
func isAdapter(name string) bool {
	return strings.HasPrefix(name, "servers/engine/") || strings.HasPrefix(name, "servers/framework/")
}

// carries tells whether a package may import an adapter: the list of servers does, and a
// framework or a front imports the engine that it runs on.
func carries(name, adapter string) bool {
	return isAdapter(adapter) && (name == "servers" || isAdapter(name) && strings.HasPrefix(adapter, "servers/engine/"))
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
