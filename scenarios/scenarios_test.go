package scenarios

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/stack/layers"
	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/internal/strict"
	"github.com/benchctl/benchctl/scenarios/offered"
	"github.com/benchctl/benchctl/scenarios/slo"
)

func TestBuiltin(t *testing.T) {
	got, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	hello := []string{"hello"}
	latency := func(name string, share float64, of string) Scenario {
		return Scenario{
			Name: name, Apps: hello,
			Load: Load{Engine: Raw, Connections: 256, Slice: 500 * time.Millisecond, Pace: offered.Pace{Share: share, ShareOf: of, Arrivals: offered.Poisson}},
		}
	}
	closed := func(name string, connections int, apps ...string) Scenario {
		return Scenario{Name: name, Load: Load{Engine: Raw, Connections: connections}, Apps: apps}
	}
	with := func(s Scenario, change func(*Scenario)) Scenario {
		change(&s)
		return s
	}
	want := []Scenario{
		with(closed("churn-100", 64, "hello"), func(s *Scenario) { s.Requests = 100 }),
		closed("concurrency-1", 1, "hello"),
		closed("concurrency-4", 4, "hello"),
		closed("concurrency-16", 16, "hello"),
		closed("concurrency-64", 64, "hello"),
		closed("concurrency-256", 256, "hello"),
		closed("concurrency-1024", 1024, "hello"),
		closed("concurrency-4096", 4096, "hello"),
		with(closed("connection-per-request", 64, "hello"), func(s *Scenario) { s.Close = true }),
		with(closed("contract-tax", 64, "hello", "size?bytes=10000", "upload?bytes=1000"), func(s *Scenario) {
			s.Profiles, s.RankBy = []string{"native", "default"}, ByServerCPU
		}),
		with(closed("idle-5000", 64, "hello"), func(s *Scenario) { s.Idle = 5000 }),
		{Name: "idle-cost", Load: Load{Engine: Raw, Connections: 1024, Pace: offered.Pace{Share: 0.01, ShareOf: offered.Ceiling}, Slice: time.Second}, Apps: hello},
		with(closed("keep-alive-10", 64, "hello"), func(s *Scenario) { s.Requests = 10 }),
		latency("latency-50", 0.5, offered.Ceiling),
		latency("latency-70", 0.7, offered.Ceiling),
		latency("latency-85", 0.85, offered.Ceiling),
		latency("latency-common", 0.5, offered.Slowest),
		with(closed("layer-cost", 64, "hello", "size?bytes=10000"), func(s *Scenario) { s.Group, s.Layers = "layers", alone(t) }),
		closed("mixed-64", 64, "mixed"),
		with(closed("pipeline-16", 64, "hello"), func(s *Scenario) { s.Pipeline = 16 }),
		{Name: "ramp-5000", Load: Load{Engine: Raw, Connections: 64, Pace: offered.Pace{Ramp: [2]float64{100, 5000}}, Slice: time.Second}, Apps: hello},
		{Name: "rate-1000", Load: Load{Engine: Vegeta, Connections: 64, Pace: offered.Pace{Rate: 1000}}, Apps: hello},
		closed("sizes", 50, "size?bytes=10", "size?bytes=100", "size?bytes=1000", "size?bytes=10000", "size?bytes=100000"),
		with(closed("sizes-large", 50, "size?bytes=1000000", "size?bytes=10000000", "size?bytes=100000000"), func(s *Scenario) { s.Timeout = 2 * time.Minute }),
		closed("sleepers-256", 256, "sleep?ms=100"),
		with(closed("slow-headers-64", 64, "hello"), func(s *Scenario) { s.SlowHeaders = 64 }),
		with(closed("slow-readers-32", 64, "hello"), func(s *Scenario) { s.SlowReaders = 32 }),
		{
			Name: "smoke", Apps: []string{"hello", "json", "echo"},
			Load: Load{Engine: Raw, Connections: 8, Slice: 100 * time.Millisecond, Lead: 20 * time.Millisecond},
		},
		with(closed("stack-depth", 64, "hello"), func(s *Scenario) {
			s.Group, s.Layers = "layers", []string{"headers", "headers*5", "headers*10", "headers*20"}
		}),
		{Name: "steps-4000", Load: Load{Engine: Raw, Connections: 64, Pace: offered.Pace{Steps: []float64{1000, 2000, 4000}}, Slice: 900 * time.Millisecond}, Apps: hello},
		with(closed("stream-64", 64, "stream?chunks=8&bytes=1024&ms=10"), func(s *Scenario) { s.FirstByte = true }),
		closed("threads-25", 25, "hello"),
		closed("threads-50", 50, "hello"),
		closed("threads-100", 100, "hello"),
		closed("threads-200", 200, "hello"),
		closed("threads-400", 400, "hello"),
		closed("upload-1m", 16, "upload"),
		with(closed("waiters-10000", 10000, "sleep?ms=5000"), func(s *Scenario) {
			s.Timeout, s.Lead, s.Slice = 30*time.Second, 5*time.Second, 5*time.Second
		}),
	}
	for i := range got {
		if got[i].Doc == "" {
			t.Errorf("%s: no doc", got[i].Name)
		}
		if _, err := os.Stat(got[i].Name + ".yaml"); err != nil {
			t.Errorf("%s is not in a file of its name: %v", got[i].Name, err)
		}
		got[i].Doc = ""
	}
	got = slices.DeleteFunc(got, Scenario.Watched) // of which TestGroup tells
	if !reflect.DeepEqual(got, want) {
		t.Errorf("built-in scenarios are\n%+v\nwant\n%+v", got, want)
	}
}

// alone are the layers that can be measured by themselves.
func alone(t *testing.T) (names []string) {
	for _, l := range layers.All() {
		about := l.About()
		if _, err := stacked.ParseLayers(about.Name); err == nil && len(about.Requires) == 0 {
			names = append(names, about.Name)
		}
	}
	if len(names) < 10 {
		t.Errorf("only %q stand alone", names)
	}
	return names
}

// Layers have one spelling, and a mistyped one has its line.
func TestLayers(t *testing.T) {
	s, err := Read("x.yaml", strings.NewReader("name: mine\nconnections: 1\nlayers: [headers+headers, etag]\napps: [etag+hello]\n"))
	if err != nil || !slices.Equal(s.Layers, []string{"headers*2", "etag"}) || !slices.Equal(s.Apps, []string{"etag+hello"}) {
		t.Errorf("%+v, %v", s, err)
	}
	for text, want := range map[string]string{
		"[etag, compres]": `x.yaml:3: layers[1]: unknown layer "compres": did you mean "compress"?`,
		"[etag, etag*1]":  "x.yaml:3: layers[1]: layer etag is listed twice",
		"[session]":       "x.yaml:3: layers[0]: layer session can't be measured: ",
		"[]":              "x.yaml:3: layers: at least one layer is needed",
		"headers":         "x.yaml:3: layers: ",
	} {
		if _, err := Read("x.yaml", strings.NewReader("name: mine\nconnections: 1\nlayers: "+text+"\n")); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestRead(t *testing.T) {
	got, err := Read("x.yaml", strings.NewReader(`
name: mine
doc: all of it
engine: vegeta
connections: 10000
rate: 0.5
apps:
  - size?bytes=007
  - stream?ms=1&chunks=2
timeout: 3s
slice: 1s
lead: 0s
`))
	want := Scenario{
		Name: "mine", Doc: "all of it", Apps: []string{"size?bytes=7", "stream?ms=1&chunks=2"},
		Load: Load{Engine: Vegeta, Connections: 10000, Pace: offered.Pace{Rate: 0.5}, Timeout: 3 * time.Second, Slice: time.Second},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Read = %+v, %v, want %+v", got, err, want)
	}
}

func TestDefaults(t *testing.T) {
	got, err := Read("x.yaml", strings.NewReader("name: mine\nconnections: 2\n"))
	want := Scenario{Name: "mine", Load: Load{Engine: Raw, Connections: 2}, Apps: []string{"hello"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Read = %+v, %v, want %+v", got, err, want)
	}
}

func TestLoads(t *testing.T) {
	for text, want := range map[string]Load{
		"rate: 70% of ceiling\narrivals: poisson": {Pace: offered.Pace{Share: 0.7, ShareOf: offered.Ceiling, Arrivals: offered.Poisson}},
		"rate: 70% of slowest":                    {Pace: offered.Pace{Share: 0.7, ShareOf: offered.Slowest}},
		"ramp: 100/s to 5000/s":                   {Pace: offered.Pace{Ramp: [2]float64{100, 5000}}},
		"arrivals: constant\nsteps: [1000/s, 2]":  {Pace: offered.Pace{Steps: []float64{1000, 2}, Arrivals: offered.Constant}},
		"slo: p99<10ms\narrivals: poisson":        Load{Pace: offered.Pace{Arrivals: offered.Poisson}}.Search(slo.Objective{Name: "p99", Percent: 99, Limit: 10 * time.Millisecond}),
		"pipeline: 16":                            {Pipeline: 16},
		"requests: 100":                           {Requests: 100},
		"close: true\nengine: vegeta":             {Close: true, Engine: Vegeta},
		"idle: 5\nslow-readers: 6\nslow-headers: 7\nfirst-byte: true\ntimeout: 1m\nslice: 1s\nlead: 1ms": {
			Company: Company{Idle: 5, SlowReaders: 6, SlowHeaders: 7}, FirstByte: true, Timeout: time.Minute, Slice: time.Second, Lead: time.Millisecond,
		},
	} {
		want.Connections, want.Engine = 2, cmp.Or(want.Engine, Raw)
		got, err := Read("x.yaml", strings.NewReader("name: mine\nconnections: 2\n"+text+"\n"))
		if err != nil || !reflect.DeepEqual(got.Load, want) {
			t.Errorf("%s: %+v, %v, want %+v", text, got.Load, err, want)
		}
		form, err := json.Marshal(want)
		var again Load
		if err != nil || json.Unmarshal(form, &again) != nil || again.Identity("hello") != want.Identity("hello") {
			t.Errorf("%s: JSON is %s, %v", text, form, err)
		}
	}
}

// What is the same offer has one identity, however it is spelt, and any difference gives
// another one.
func TestIdentity(t *testing.T) {
	read := func(text string) Load {
		s, err := Read("x.yaml", strings.NewReader("name: mine\nconnections: 2\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		return s.Load
	}
	plain := read("")
	if id := plain.Identity("hello"); id != "6bdf93843981" {
		t.Errorf("identity %s: those of earlier records are other ones now", id)
	}
	for _, same := range []string{"engine: raw\n", "pipeline: 1\n", "timeout: 10s\n", "timeout: 10000ms\n", "rate: 0\n", "doc: other words\n", "close: false\n"} {
		if read(same).Identity("hello") != plain.Identity("hello") {
			t.Errorf("%s is another identity", same)
		}
	}
	seen := map[string]string{plain.Identity("hello"): "", plain.Identity("json"): "json"}
	for _, other := range []string{"engine: vegeta\n", "pipeline: 2\n", "timeout: 11s\n", "rate: 1\n", "rate: 1\narrivals: poisson\n", "ramp: 1 to 2\n", "steps: [1]\n", "steps: [1, 2]\n", "slo: p99<1s\n", "requests: 1\n", "close: true\n", "idle: 1\n", "slow-readers: 1\n", "slow-headers: 1\n", "first-byte: true\n", "slice: 1s\n", "lead: 1s\n"} {
		id := read(other).Identity("hello")
		if as, known := seen[id]; known {
			t.Errorf("%q has the identity of %q", other, as)
		}
		seen[id] = other
	}
}

// Documentation has every key, as its declaration says.
func TestKeysAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/scenarios.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if row := fmt.Sprintf("| `%s` | %s | %s |\n", k.Name, k.Takes, k.Doc); !strings.Contains(string(text), row) {
			t.Errorf("docs/scenarios.md lacks the row\n%s", row)
		}
	}
}

// So it has the keys of a scenario that are of no load.
func TestOwnKeysAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/scenarios.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range new(Scenario).own(nil) {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/scenarios.md lacks the key %s", name)
		}
	}
}

// A load that was not read from a file is checked by the same bounds.
func TestCheck(t *testing.T) {
	for want, l := range map[string]Load{
		"":                                      {Connections: 1, Pipeline: 1000, Timeout: time.Hour},
		"connections 0: not within 1 and 10000": {},
		"connections 10001: not within 1 and 10000":        {Connections: 10001},
		"pipeline -1: not within 1 and 1000":               {Connections: 1, Pipeline: -1},
		"timeout 1h0m1s: not within 1ms and 1h0m0s":        {Connections: 1, Timeout: time.Hour + time.Second},
		"requests 1000000001: not within 1 and 1000000000": {Connections: 1, Requests: 1e9 + 1},
	} {
		if err := l.Check(); err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("%+v: %v, want %s", l, err, want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{"", `x.yaml:1: is empty`},
		{"name: a\n", `x.yaml:1: key "connections" is missing`},
		{"connections: 1\n", `x.yaml:1: key "name" is missing`},
		{"name: a\nconections: 1\n", `x.yaml:2: unknown key "conections": did you mean "connections"?`},
		{"name: a b\n", `x.yaml:1: name: "a b" is not a name: a-z, 0-9, and . _ - after the first`},
		{"connections: 0\n", `x.yaml:1: connections: "0" is not a whole number from 1 to 10000`},
		{"connections: 10001\n", `x.yaml:1: connections: "10001" is not a whole number from 1 to 10000`},
		{"engine: wrk\n", `x.yaml:1: engine: unknown value "wrk": known are raw, vegeta, witness`},
		{"name: x\nconnections: 1\nengine: witness\n", `x.yaml:3: engine: engine witness takes events or race`},
		{"name: x\nconnections: 1\nengine: witness\nrace: 10s\nslice: 10s\n", `x.yaml:4: race: it is 10s, and slice, how long the load lasts, is 10s`},
		{"name: x\nconnections: 1\nengine: witness\nrace: 1s\nrate: 10/s\nslice: 10s\n", `x.yaml:5: rate: can't be given with race`},
		{"name: x\nconnections: 1\nrace: 1s\nslice: 10s\n", `x.yaml:3: race: engine raw does not offer it, witness does`},
		{"name: x\nconnections: 1\nevents: [reload at 2s]\nrate: 10/s\nslice: 5s\n", `x.yaml:3: events: engine raw does not offer it, witness does`},
		{"name: x\nconnections: 1\nengine: witness\nslice: 5s\nevents: [reload at 2s]\n", `x.yaml:5: events: they take a rate in requests per second: a load as fast as replies come hides what is lost`},
		{"name: x\nconnections: 1\nengine: witness\nrate: 10/s\nslice: 2s\nevents: [reload at 2s]\n", `x.yaml:6: events: the last is at 2s, and slice, how long the load lasts, is 2s`},
		{"name: x\nconnections: 1\nengine: witness\nrate: 10/s\nslice: 2s\nevents: [relaod at 1s]\n", `x.yaml:6: events[0]: event "relaod at 1s": "relaod" is no verb, fault or change: did you mean "reload"?`},
		{"name: x\nconnections: 1\nengine: witness\nrate: 10/s\nslice: 2s\nevents: [reload]\n", `x.yaml:6: events[0]: event "reload" is not of the form "reload at 2s" or "reload at 2s, 10 times every 500ms"`},
		{"name: x\nconnections: 1\nengine: witness\nrate: 10/s\nslice: 2s\nevents: [reload at never]\n", `x.yaml:6: events[0]: event "reload at never": "never" is not a time within 1ms and 1h0m0s`},
		{"name: x\nconnections: 1\nengine: witness\nrate: 10/s\nslice: 2s\nclose: true\nevents: [reload at 1s]\n", `x.yaml:6: close: can't be given with events`},
		{"engine: vegata\n", `x.yaml:1: engine: unknown value "vegata": did you mean "vegeta"?`},
		{"rate: -1\n", `x.yaml:1: rate: "-1" is not a rate such as 1000/s, from 0 to 10000000/s, or 70% of ceiling`},
		{"rate: 10/m\n", `x.yaml:1: rate: "10/m" is not a rate such as 1000/s, from 0 to 10000000/s, or 70% of ceiling`},
		{"rate: .nan\n", `x.yaml:1: rate: ".nan" is not a rate such as 1000/s, from 0 to 10000000/s, or 70% of ceiling`},
		{"rate: 70% of cieling\n", `x.yaml:1: rate: "70% of cieling" is a share of what is not known: "cieling": did you mean "ceiling"?`},
		{"rate: [1]\n", `x.yaml:1: rate: text is needed, not a list`},
		{"ramp: 100/s\n", `x.yaml:1: ramp: "100/s" is not a ramp such as 100/s to 5000/s, of rates from 0.001/s to 10000000/s`},
		{"steps: []\n", `x.yaml:1: steps: at least one rate is needed`},
		{"steps:\n  - 1\n  - 0\n", `x.yaml:3: steps[1]: "0" is not a rate such as 1000/s, from 0.001/s to 10000000/s`},
		{"arrivals: posson\n", `x.yaml:1: arrivals: unknown value "posson": did you mean "poisson"?`},
		{"arivals: poisson\n", `x.yaml:1: unknown key "arivals": did you mean "arrivals"?`},
		{"name: a\nconnections: 1\narrivals: poisson\n", `x.yaml:3: arrivals: takes a rate, ramp, steps or slo`},
		{"name: a\nconnections: 1\nrate: 1\nramp: 1 to 2\n", `x.yaml:4: ramp: can't be given with rate`},
		{"name: a\nconnections: 1\nsteps: [1]\nrate: 1\n", `x.yaml:3: steps: can't be given with rate`},
		{"name: a\nconnections: 1\nrequests: 2\nclose: true\n", `x.yaml:4: close: can't be given with requests`},
		{"name: a\nconnections: 1\npipeline: 2\nengine: vegeta\n", `x.yaml:3: pipeline: engine vegeta does not offer it, raw does`},
		{"name: a\nconnections: 1\nrequests: 2\nengine: vegeta\n", `x.yaml:3: requests: engine vegeta does not offer it, raw does`},
		{"pipeline: 0\n", `x.yaml:1: pipeline: "0" is not a whole number from 1 to 1000`},
		{"requests: -1\n", `x.yaml:1: requests: "-1" is not a whole number from 1 to 1000000000`},
		{"close: maybe\n", `x.yaml:1: close: true or false is needed, not text`},
		{"apps: hello\n", `x.yaml:1: apps: a list is needed, not text`},
		{"apps: []\n", `x.yaml:1: apps: at least one app is needed`},
		{"apps:\n  - hello\n  - helo\n", `x.yaml:3: apps[1]: unknown app "helo": did you mean "hello"?`},
		{"apps: [size?bytes=0]\n", `x.yaml:1: apps[0]: app size: parameter "bytes" is "0": a whole number from 1 to 100000000 is needed`},
		{"apps: [size?bytes=1, size?bytes=01]\n", `x.yaml:1: apps[1]: app size?bytes=1 is listed twice`},
		{"profiles: native\n", `x.yaml:1: profiles: a list is needed, not text`},
		{"profiles: [native]\n", `x.yaml:1: profiles: at least two profiles are needed, to be compared`},
		{"profiles:\n  - native\n  - a b\n", `x.yaml:3: profiles[1]: "a b" is not a name: a-z, 0-9, and . _ - after the first`},
		{"profiles: [native, native]\n", `x.yaml:1: profiles[1]: profile native is listed twice`},
		{"rank-by: cpu\n", `x.yaml:1: rank-by: unknown value "cpu": known are throughput, server-cpu`},
		{"name: a\nconnections: 1\nslo: p99<1ms\nrank-by: server-cpu\n", `x.yaml:4: rank-by: a search is ranked by its rate, and events and race by what is lost`},
		{"timeout: 0s\n", `x.yaml:1: timeout: "0s" is not a time with unit from 1ms to 1h0m0s`},
		{"slice: 250\n", `x.yaml:1: slice: "250" is not a time with unit from 1ms to 1h0m0s`},
		{"lead: -1s\n", `x.yaml:1: lead: "-1s" is not a time with unit from 0s to 1h0m0s`},
	} {
		if _, err := Read("x.yaml", strings.NewReader(c.data)); err == nil || err.Error() != c.want {
			t.Errorf("%q: error is\n%v\nwant\n%s", c.data, err, c.want)
		}
	}
}

func TestReadFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.yaml")
	if _, err := ReadFile(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(file, []byte("name: mine\nconnections: 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := ReadFile(file); err != nil || s.Name != "mine" {
		t.Errorf("ReadFile = %+v, %v", s, err)
	}
}

func TestFindAndWith(t *testing.T) {
	list, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	mine := Scenario{Name: "smoke", Doc: "mine"}
	more := With(With(list, mine), Scenario{Name: "new"})
	if len(more) != len(list)+1 || more[len(list)].Name != "new" {
		t.Errorf("With made %v", known(more))
	}
	got, err := Find(more, []string{"smoke", "concurrency-1"})
	if err != nil || !reflect.DeepEqual(known(got), []string{"smoke", "concurrency-1"}) || got[0].Doc != "mine" {
		t.Errorf("Find = %+v, %v", got, err)
	}
	if list[len(list)-1].Doc == "mine" {
		t.Error("With changed its list")
	}
	all := ": known are " + strings.Join(known(list), ", ")
	for name, want := range map[string]string{
		"concurency-256":    `unknown scenario "concurency-256": did you mean "concurrency-256"?`,
		"x":                 `unknown scenario "x"` + all,
		"<b>\x1b[31m":       `unknown scenario "<b>\x1b[31m"` + all,
		"concurrency-1024 ": `unknown scenario "concurrency-1024 ": did you mean "concurrency-1024"?`,
	} {
		if _, err := Find(list, []string{name}); err == nil || err.Error() != want {
			t.Errorf("Find(%q): %v, want %s", name, err, want)
		}
	}
	if _, err := Find(list, []string{"smoke", "smoke"}); err == nil || err.Error() != `scenario "smoke" is named twice` {
		t.Errorf("twice: %v", err)
	}
}

// FuzzRead holds that no scenario panics, that every error has its place, and that
// what was read is within its bounds.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"name: a\nconnections: 1\n", "name: a\nconnections: 1\nrate: 1e3/s\napps: [hello, 'size?bytes=1']\nlead: 1ms\n", "rate: .inf", "apps: [[]]", "name: a\nconnections: 1\nsteps: [1, 2/s]\narrivals: poisson\n", "ramp: 1 to 2\nclose: true\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		s, err := Read("x.yaml", strings.NewReader(data))
		var place *strict.Error
		if err != nil && !errors.As(err, &place) {
			t.Errorf("error has no place: %v", err)
		}
		if err == nil && (s.Connections < 1 || !(s.Mean() >= 0 && s.Mean() <= offered.MaxRate) || len(s.Apps) == 0 || !strict.IsName(s.Name)) {
			t.Errorf("read %+v", s)
		}
	})
}

// An event's text says all of it.
func TestEvents(t *testing.T) {
	for text, want := range map[string]Event{
		"reload at 2s":                          {Do: "reload", At: 2 * time.Second, Times: 1},
		"kill-worker at 10ms":                   {Do: KillWorker, At: 10 * time.Millisecond, Times: 1},
		"reload at 2s, 10 times every 500ms":    {Do: "reload", At: 2 * time.Second, Times: 10, Every: 500 * time.Millisecond},
		"break at 1s":                           {Do: Break, At: time.Second, Times: 1},
		"stop-graceful at 1m, 2 times every 1s": {Do: "stop-graceful", At: time.Minute, Times: 2, Every: time.Second},
	} {
		e, err := ParseEvent(text)
		again, _ := ParseEvent(e.String())
		if err != nil || e != want || again != want {
			t.Errorf("%q is %+v, %v; again %+v", text, e, err, again)
		}
	}
	e := Event{Do: "reload", At: 2 * time.Second, Times: 3, Every: time.Second}
	if got := e.Moments(); !slices.Equal(got, []time.Duration{2 * time.Second, 3 * time.Second, 4 * time.Second}) {
		t.Errorf("moments are %v", got)
	}
}

// What is broken is mended before it is broken again, in the order of time.
func TestChangesTakeTurns(t *testing.T) {
	read := func(events string) (Scenario, error) {
		return Read("x.yaml", strings.NewReader("name: x\nconnections: 1\nengine: witness\nrate: 10/s\nslice: 9s\nevents: ["+events+"]\n"))
	}
	s, err := read("mend at 3s, reload at 2s, break at 1s, break at 4s")
	want := []Moment{{Break, time.Second}, {"reload", 2 * time.Second}, {Mend, 3 * time.Second}, {Break, 4 * time.Second}}
	if got := s.Moments(); err != nil || !slices.Equal(got, want) || !s.Breaks() {
		t.Errorf("%v, %v", got, err)
	}
	const why = "x.yaml:6: events: break and mend take turns, and break is the first"
	for _, events := range []string{"mend at 1s", "break at 1s, break at 2s", "'break at 1s, 2 times every 1s'", "break at 1s, mend at 2s, mend at 3s", "break at 2s, mend at 1s"} {
		if _, err := read(events); err == nil || err.Error() != why {
			t.Errorf("%s: %v", events, err)
		}
	}
	if s, err := read("reload at 1s"); err != nil || s.Breaks() {
		t.Errorf("a reload: %+v, %v", s, err)
	}
}

// A group stands for its scenarios.
func TestGroup(t *testing.T) {
	all, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	group, err := Find(all, []string{"process-control"})
	if err != nil || len(group) < 10 || slices.ContainsFunc(group, func(s Scenario) bool { return !s.Watched() }) {
		t.Errorf("%d scenarios, %v", len(group), err)
	}
	if _, err := Find(all, []string{"process-contrl"}); err == nil || !strings.Contains(err.Error(), `did you mean "process-control"?`) {
		t.Errorf("a mistyped group: %v", err)
	}
}

// A load that races with the end of idle connections is watched, and no closed loop.
func TestRace(t *testing.T) {
	all, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	found, err := Find(all, []string{"idle-close"})
	if err != nil || len(found) != 1 {
		t.Fatalf("%d scenarios, %v", len(found), err)
	}
	l := found[0].Load
	if !l.Watched() || l.Plain() || l.Stops() || l.Race != 10*time.Second || !slices.Equal(l.Deeds(), []string{"requests within 2ms of the end of idle connections"}) {
		t.Errorf("load is %+v", l)
	}
}
