package plan_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/scenarios/offered"
	"github.com/benchctl/benchctl/scenarios/slo"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/external"
)

func named(names ...string) (all []stacked.App) {
	for _, n := range names {
		all = append(all, stacked.App{Name: n})
	}
	return all
}

func request(t *testing.T) plan.Request {
	t.Helper()
	builtin, err := scenarios.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := scenarios.Find(builtin, []string{"concurrency-256", "rate-1000"})
	if err != nil {
		t.Fatal(err)
	}
	all, err := servers.All()
	if err != nil {
		t.Fatal(err)
	}
	c, err := servers.Choose(all, []string{"nethttp", "fasthttp#b"})
	if err != nil {
		t.Fatal(err)
	}
	return plan.Request{Scenarios: chosen, Apps: named("hello", "size?bytes=10"), Candidates: c.Candidates, Seed: 1}
}

func TestNew(t *testing.T) {
	m, err := plan.New(request(t))
	if err != nil {
		t.Fatal(err)
	}
	var cells []string
	for _, b := range m.Blocks {
		cells = append(cells, b.Scenario+" "+b.App)
	}
	want := []string{"concurrency-256 hello", "concurrency-256 size?bytes=10", "rate-1000 hello", "rate-1000 size?bytes=10"}
	if !slices.Equal(cells, want) {
		t.Errorf("blocks %q, want %q", cells, want)
	}
	if m.Launches != plan.DefaultLaunches || m.Rounds != plan.DefaultRounds || m.Candidates[1].Name != "fasthttp#b" {
		t.Errorf("plan %+v", m)
	}
	again, _ := plan.New(request(t))
	if !reflect.DeepEqual(m, again) {
		t.Error("one request gives two plans")
	}
}

func TestBadApp(t *testing.T) {
	r := request(t)
	r.Apps = named("size?bytes=-1")
	if _, err := plan.New(r); err == nil {
		t.Error("no error")
	}
}

// A search takes the scenario's connections and arrivals, not its rate.
func TestSearch(t *testing.T) {
	r := request(t)
	objective, err := slo.Parse("p99<10ms")
	if err != nil {
		t.Fatal(err)
	}
	r.SLO = &objective
	r.Scenarios[1].Load.Arrivals, r.Scenarios[1].Load.Slice = offered.Poisson, time.Hour
	m, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	b := m.Blocks[2]
	if *b.Load.SLO != objective || b.Load.Rate != 0 || b.Load.Arrivals != offered.Poisson || b.Load.Connections != 64 || b.Load.Slice != 0 || !b.Load.Open() || !b.Load.FollowsCeiling() || m.Rounds != plan.SearchRounds {
		t.Errorf("block %+v, %d rounds", b, m.Rounds)
	}
	for rate, want := range map[float64]time.Duration{1e6: plan.MinSlice, 20_000: 500 * time.Millisecond, 100: plan.MaxSearchSlice} {
		if got := plan.SearchSlice(m, objective, rate); (got - want).Abs() > time.Microsecond {
			t.Errorf("at %v req/s a slice is %v, want %v", rate, got, want)
		}
	}
	m.Slice = time.Millisecond
	if got := plan.SearchSlice(m, objective, 100); got != time.Millisecond {
		t.Errorf("a slice that was asked for is %v", got)
	}
}

// choose is the request with other candidates.
func choose(t *testing.T, r plan.Request, names ...string) plan.Request {
	t.Helper()
	all, err := servers.All()
	if err != nil {
		t.Fatal(err)
	}
	c, err := servers.Choose(all, names)
	if err != nil {
		t.Fatal(err)
	}
	r.Candidates = c.Candidates
	return r
}

// Candidates have no cells with apps that they do not carry, nor in scenarios whose
// engine does not speak what they do.
func TestWithout(t *testing.T) {
	r := choose(t, request(t), "nginx", "nethttp-h2c", "nethttp")
	r.Apps = named("hello", "json", "mixed")
	m, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"nethttp-h2c"}, {"nginx", "nethttp-h2c"}, {"nginx", "nethttp-h2c"}, nil, {"nginx"}, {"nginx"}}
	for i, b := range m.Blocks {
		if !slices.Equal(b.Without, want[i]) {
			t.Errorf("%s %s: without %q, want %q", b.Scenario, b.App, b.Without, want[i])
		}
	}
	r.Apps = named("upload")
	if m, err = plan.New(r); err != nil {
		t.Fatal(err)
	}
	if len(m.Candidates) != 2 || len(m.Notes) != 1 || !strings.HasPrefix(m.Notes[0], "skipped nginx: ") {
		t.Errorf("%+v, notes %q", m.Candidates, m.Notes)
	}
	if _, err := plan.New(choose(t, r, "nginx")); err == nil || !strings.Contains(err.Error(), "nothing to measure") {
		t.Errorf("a plan without candidates: %v", err)
	}
}

// Servers with twins have cells with the stacks that files of Paste Deploy can have, where they are
// installed with what stacks take.
func TestStacksOfTwins(t *testing.T) {
	file := filepath.Join(t.TempDir(), "site.yaml")
	if err := os.WriteFile(file, []byte("main: {layers: [etag], paths: {/a: hello, /b: json}}\nfronted: {front: nginx, app: hello}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := choose(t, request(t), "nginx", "waitress", "wsgiref", "nethttp")
	r.Scenarios, r.Apps = r.Scenarios[:1], named("hello", "etag+hello")
	r.NoStacks = map[string]error{"wsgiref": errors.New("no Paste Deploy"), "waitress": nil}
	for _, name := range []string{file, file + "#fronted"} {
		leaves, _, err := stacked.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		r.Apps = append(r.Apps, leaves...)
	}
	m, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	bare := []string{"nginx", "wsgiref"}
	for i, want := range [][]string{nil, bare, bare, bare, {"nginx", "waitress", "wsgiref"}} {
		if b := m.Blocks[i]; !slices.Equal(b.Without, want) {
			t.Errorf("%s: without %q, want %q", b.App, b.Without, want)
		}
	}
	var said []string
	for _, n := range m.Notes {
		if text, ok := strings.CutPrefix(n, "concurrency-256, "+file+"#fronted: without "); ok {
			said = append(said, text)
		}
	}
	if want := []string{
		"waitress, wsgiref: no file of Paste Deploy can have the stack: stack: a front: Paste Deploy has no other processes; name what is behind it",
		"nginx: only servers in Go, and others with twins: wsgi, serve stacks",
	}; !slices.Equal(said, want) {
		t.Errorf("notes %q, want %q", said, want)
	}
	if want := "concurrency-256, etag+hello: without wsgiref: no Paste Deploy"; !slices.Contains(m.Notes, want) {
		t.Errorf("notes %q, want %s", m.Notes, want)
	}
}

// Only servers in Go and those with twins have cells with apps that have layers around them, which is told.
func TestLayeredApps(t *testing.T) {
	r := choose(t, request(t), "nginx", "nethttp-h2c", "nethttp")
	r.Scenarios, r.Apps = r.Scenarios[:1], named("hello", "headers*5+hello")
	m, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Blocks[1]; got.App != "headers*5+hello" || !slices.Equal(got.Without, []string{"nginx", "nethttp-h2c"}) {
		t.Errorf("%+v", got)
	}
	if want := "concurrency-256, headers*5+hello: without nginx: only servers in Go, and others with twins: wsgi, serve stacks"; !slices.Contains(m.Notes, want) {
		t.Errorf("notes %q, want %s", m.Notes, want)
	}
	r.Apps = named("body-limit+upload?bytes=5000000")
	if _, err := plan.New(r); err == nil || !strings.Contains(err.Error(), "it answers 413, where the app alone answers 200") {
		t.Errorf("a reply that is not the app's: %v", err)
	}
}

// What is served without the contract has no layers, neither those of a scenario nor those of an app.
func TestNativeHasNoLayers(t *testing.T) {
	r := choose(t, request(t), "nethttp", "nethttp:native")
	own := r.Scenarios[0]
	own.Name, own.Layers = "own", []string{"etag"}
	r.Scenarios, r.Apps = []scenarios.Scenario{r.Scenarios[0], own}, named("hello", "etag+hello")
	var err error
	if r.Candidates, r.Made, err = plan.Layered(r.Scenarios, r.Candidates); err != nil || !slices.Equal(r.Made, []string{"nethttp+etag"}) {
		t.Fatalf("made %q, %v", r.Made, err)
	}
	m, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{{"nethttp+etag"}, {"nethttp+etag", "nethttp:native"}, {"nethttp:native"}, {"nethttp:native"}} {
		if got := slices.Sorted(slices.Values(m.Blocks[i].Without)); !slices.Equal(got, want) {
			t.Errorf("%s, %s: without %q, want %q", m.Blocks[i].Scenario, m.Blocks[i].App, got, want)
		}
	}
}

// A scenario with layers compares each server in Go with itself in its own blocks, with the same requests.
func TestScenarioOfLayers(t *testing.T) {
	r := choose(t, request(t), "nethttp", "nginx", "fasthttp+etag")
	own := r.Scenarios[0]
	own.Name, own.Apps, own.Layers = "own", []string{"hello", "upload?bytes=2000000"}, []string{"headers*5", "compress+body-limit", "etag"}
	r.Apps, r.Scenarios = nil, []scenarios.Scenario{r.Scenarios[0], own}
	var err error
	if r.Candidates, r.Made, err = plan.Layered(r.Scenarios, r.Candidates); err != nil {
		t.Fatal(err)
	}
	m, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	var names, bases []string
	for _, c := range m.Candidates {
		names, bases = append(names, c.Name), append(bases, c.Base)
	}
	made := []string{"nethttp+headers*5", "nethttp+compress+body-limit", "nethttp+etag"}
	if want := slices.Concat([]string{"nethttp"}, made, []string{"nginx", "fasthttp+etag"}); !slices.Equal(names, want) || !slices.Equal(r.Made, made) {
		t.Errorf("%q of which %q were made", names, r.Made)
	}
	if want := []string{"", "nethttp", "nethttp", "nethttp", "", "fasthttp"}; !slices.Equal(bases, want) {
		t.Errorf("compared with %q", bases)
	}
	without := [][]string{made, {"nginx"}, {"nginx", "nethttp+compress+body-limit"}}
	for i, b := range m.Blocks {
		if !slices.Equal(b.Without, without[i]) {
			t.Errorf("%s, %s: without %q, want %q", b.Scenario, b.App, b.Without, without[i])
		}
		if coded := len(b.Fields) == 1 && b.Fields[0][0] == "Accept-Encoding"; coded != (i > 0) {
			t.Errorf("%s, %s: all requests have %q", b.Scenario, b.App, b.Fields)
		}
	}
	for _, want := range []string{
		"own, hello: without nginx: only servers in Go carry layers, by the app contract",
		"own: without nethttp+compress+body-limit: app upload?bytes=2000000 can't be measured: it answers 413, where the app alone answers 200",
	} {
		if !slices.Contains(m.Notes, want) {
			t.Errorf("notes %q, want %s", m.Notes, want)
		}
	}
}

// What is asked of a candidate it must declare; a fault is asked of nobody.
func TestNotOffered(t *testing.T) {
	all, err := scenarios.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for scenario, want := range map[string][]string{
		"reload-64":     {"nginx", "haproxy:master-worker", "nethttp:supervised", "gunicorn-sync"},
		"reload-broken": {"nginx", "haproxy:master-worker", "nethttp:supervised", "gunicorn-sync"},
		"upgrade-64":    {"nethttp:supervised", "gunicorn-sync"},
		"kill-main":     {"nginx", "haproxy", "haproxy:master-worker", "nethttp", "nethttp:supervised", "gunicorn-sync", "waitress"},
	} {
		r := choose(t, request(t), "nginx", "haproxy", "haproxy:master-worker", "nethttp", "nethttp:supervised", "gunicorn-sync", "waitress")
		if r.Scenarios, err = scenarios.Find(all, []string{scenario}); err != nil {
			t.Fatal(err)
		}
		r.Apps = nil
		m, err := plan.New(r)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range m.Candidates {
			got = append(got, c.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is of %q, want %q", scenario, got, want)
		}
	}
	bare := servers.Candidate{Name: "bare", Server: servers.Server{Manifest: &external.Manifest{Control: map[control.Verb]control.Declared{control.Reload: {}}}}}
	breaks, err := scenarios.Find(all, []string{"reload-broken"})
	if err != nil {
		t.Fatal(err)
	}
	if got := plan.NotOffered(bare, breaks[0].Load); got != scenarios.Break {
		t.Errorf("without a file to break: %q", got)
	}
}

func TestProbesAreNoLoad(t *testing.T) {
	r := request(t)
	r.Apps = named("watch")
	if _, err := plan.New(r); err == nil || !strings.Contains(err.Error(), "makes no load") {
		t.Errorf("%v", err)
	}
}

// A scenario whose servers can't be process 1 here is skipped, and why is told.
func TestNoInit(t *testing.T) {
	r := request(t)
	builtin, err := scenarios.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := scenarios.Find(builtin, []string{"orphans", "kill-main"})
	if err != nil {
		t.Fatal(err)
	}
	r.Scenarios, r.Apps, r.NoInit = chosen, nil, errors.New("no right to")
	m, err := plan.New(r)
	if err != nil || len(m.Blocks) != 1 || m.Blocks[0].Scenario != "kill-main" || !slices.Contains(m.Notes, "skipped orphans: no right to") {
		t.Errorf("%v: %+v, %q", err, m.Blocks, m.Notes)
	}
	r.Scenarios = chosen[:1]
	if m, err := plan.New(r); err == nil || !strings.Contains(err.Error(), "no scenario can be measured here") || len(m.Notes) != 1 {
		t.Errorf("%v, %q", err, m.Notes)
	}
}
