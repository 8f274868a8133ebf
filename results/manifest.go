// Package results defines the records of a run: its manifest, a line for each launch and each
// slice, latency histograms, and the append-only store, which stays readable however the run
// ends. It infers nothing; package judge does.
package results

import (
	"encoding/json"
	"time"

	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/scenarios"
)

// ManifestSchema names the format of Manifest.
const ManifestSchema = "benchctl/manifest/v2"

// Manifest is the request of a run, complete enough to continue it in another process:
// manifest.json.
type Manifest struct {
	Schema   string        `json:"schema"`
	ID       string        `json:"id"`
	Started  time.Time     `json:"started"`
	Benchctl string        `json:"benchctl"`
	Command  string        `json:"command"`
	Seed     uint64        `json:"seed"`
	Launches int           `json:"launches"`
	Rounds   int           `json:"rounds"`
	Slice    time.Duration `json:"slice_ns"`            // 0: by the candidate's speed
	Budget   time.Duration `json:"budget_ns,omitempty"` // 0: none
	// Fill makes each launch continue for its share of the budget. Rounds is then an upper
	// bound or, with Usual, the number at which the run ends earlier.
	Fill      bool    `json:"fill,omitempty"`
	Usual     bool    `json:"usual,omitempty"`
	Precision float64 `json:"precision,omitempty"` // relative; at it a block ends early; 0: never
	// Passes is the number of launches, from the first on, that begin with a pass of each
	// candidate of a block. Pass is the length of a pass; 0: it follows from the candidate.
	Passes      int           `json:"passes,omitempty"`
	Pass        time.Duration `json:"pass_ns,omitempty"`
	Blocks      []Block       `json:"blocks"`
	Candidates  []Candidate   `json:"candidates"`
	ServerDirs  []string      `json:"server_dirs,omitempty"` // absolute
	Binaries    []string      `json:"binaries,omitempty"`    // VERSION=PATH of other benchctl builds
	Env         []string      `json:"env,omitempty"`         // NAME=VALUE, in the candidates' environment
	RunAs       string        `json:"run_as,omitempty"`      // user that candidates run as, but for those that have their own
	Environment Environment   `json:"environment"`
	Notes       []string      `json:"notes,omitempty"`
	Terms       []Term        `json:"terms,omitempty"`

	LoaderCeilings []LoaderCeiling `json:"loader_ceilings,omitempty"` // of the closed loops among the blocks
}

// LoaderCeiling is the load generator's limit against a sink, a minimal server that replies
// like app hello.
type LoaderCeiling struct {
	Engine      string  `json:"engine"`
	Connections int     `json:"connections"`
	Seconds     float64 `json:"seconds"`
	Throughput  float64 `json:"throughput_rps"`
	CPU         float64 `json:"cpu_us_per_request"`
	// RPS is the requests per second that the loader's processors could drive without any
	// other limit.
	RPS float64 `json:"ceiling_rps"`
	// Shares of their processors' time that loader and sink used.
	LoaderShare float64  `json:"loader_cpu_share"`
	SinkShare   *float64 `json:"sink_cpu_share,omitempty"`
}

// Fills reports whether the run takes all of its budget, as no number of rounds ends it before.
func (m Manifest) Fills() bool { return m.Fill && !m.Usual }

// Block is one scenario with one app: all candidates are measured in it, round
// by round.
type Block struct {
	Scenario string         `json:"scenario"`
	App      string         `json:"app"`
	Stack    *Stack         `json:"stack,omitempty"` // of a file, that the app is a leaf of; nil: it is of none
	Load     scenarios.Load `json:"load"`
	// Without are the candidates that do not serve the app and are not measured here.
	Without []string `json:"without,omitempty"`
	// Fields are what the requests to all candidates have on top, for the layers of some.
	Fields [][2]string `json:"fields,omitempty"`
	// Work is the least mean CPU time that the app takes for a reply, in ns; 0: unknown.
	// Spread is the least time that the body of a reply takes.
	Work   time.Duration `json:"work_ns,omitempty"`
	Spread time.Duration `json:"spread_ns,omitempty"`
	// Wait is the least time that the app takes for a reply; the longest of a mix.
	Wait time.Duration `json:"wait_ns,omitempty"`
	// RankBy is what a scenario has its rows ranked by; "": what the load is about.
	RankBy string `json:"rank_by,omitempty"`
}

// Term says what a name of a run stands for.
type Term struct {
	Of   string `json:"of"`   // what it is a name of: TermServer, ...
	Name string `json:"name"` // of a profile with its server, "gunicorn-gthread:tuned"
	Doc  string `json:"doc"`  // in a line
	// Home is the URL of the project of a server. Source is where the code is that carries it, a path.
	Home   string `json:"home,omitempty"`
	Source string `json:"source,omitempty"`
}

// What terms are names of.
const (
	TermScenario = "scenario"
	TermApp      = "app"
	TermServer   = "server"
	TermProfile  = "profile"
)

// Stack is a stack of a file, as it was when the run began.
type Stack struct {
	At     string          `json:"at,omitempty"` // path of the requests in it
	SHA256 string          `json:"sha256"`       // of its graph in the shortest form
	Graph  json.RawMessage `json:"graph"`        // in the form JSON of stacks
}

// NewBlock is a block of an app; all else is zero.
func NewBlock(scenario string, of stacked.App) Block {
	b := Block{Scenario: scenario, App: of.Name}
	if of.Stack != "" {
		b.Stack = &Stack{of.At, of.SHA256(), json.RawMessage(of.Stack)}
	}
	return b
}

// Ask is the app as a candidate with these layers serves it and is asked for it.
func (b Block) Ask(layers string) stacked.App {
	a := stacked.App{Name: b.App, Layers: layers, Fields: b.Fields}
	if b.Stack != nil {
		a.At = b.Stack.At
		a.Stack, _ = stacked.Compact(b.Stack.Graph) // it was read as JSON
	}
	return a
}

// Stacked reports whether the app has layers around it.
func (b Block) Stacked() bool { return b.Ask("").Stacked() }

// Identity identifies what is offered and to which app, see scenarios.Load.
func (b Block) Identity() string { return b.Load.Identity(b.Ask("").Identity()) }

// Candidate is a server as measured.
type Candidate struct {
	Name    string `json:"name"` // name[@version][:profile][+layers][#label], as asked for
	Server  string `json:"server"`
	Version string `json:"version,omitempty"`
	Profile string `json:"profile"`
	Class   string `json:"class"`
	Layers  string `json:"layers,omitempty"` // around all apps, as stacked.ParseLayers reads them
	Base    string `json:"base,omitempty"`   // the engine that a framework runs on, or the candidate without the layers
	// Reference is the candidate that a scenario compares it with; "": none.
	Reference string `json:"reference,omitempty"`
	RunAs     string `json:"run_as,omitempty"` // user that it runs as, if not that of the run
}

// Depth is how many layers are around all apps of the candidate.
func (c Candidate) Depth() int {
	l, err := stacked.ParseLayers(c.Layers)
	if err != nil {
		return 0
	}
	return l.Len()
}

// Launch is one start of one candidate: a line of launches.jsonl, written when
// the candidate has stopped or failed.
type Launch struct {
	Launch    int       `json:"launch"`
	Attempt   int       `json:"attempt"` // 1 more each time a run is resumed
	Candidate string    `json:"candidate"`
	Started   time.Time `json:"started"`
	StartupMS *float64  `json:"startup_ms,omitempty"`
	IdleMiB   *float64  `json:"idle_mib,omitempty"`
	AfterMiB  *float64  `json:"after_mib,omitempty"`
	// Failure is why the candidate could not be started; "" if it could. BlockFailures is
	// why it could not be measured, or not any longer, by the number of the block.
	Failure       string         `json:"failure,omitempty"`
	BlockFailures map[int]string `json:"block_failures,omitempty"`
	Exit          string         `json:"exit,omitempty"`   // how it ended when it was stopped
	Killed        bool           `json:"killed,omitempty"` // as it did not stop when asked
	// Guard is why its guard did not end it, Outside describes processes that worked for it
	// and were not measured, and Left is what could not be removed.
	Guard   string   `json:"guard,omitempty"`
	Outside []string `json:"outside,omitempty"`
	Left    string   `json:"left,omitempty"`
}

// FailureIn is why the candidate could not be measured in a block, "" if it could.
func (l Launch) FailureIn(block int) string {
	if l.Failure != "" {
		return l.Failure
	}
	return l.BlockFailures[block]
}

// Trial is one slice, a line of trials.jsonl, or one uninterrupted pass, a line of
// passes.jsonl. Times are in ns. Requests belong to it by when they were sent or, at a
// rate, intended; each is followed to its end.
type Trial struct {
	Launch    int       `json:"launch"`
	Attempt   int       `json:"attempt"`
	Block     int       `json:"block"`
	Round     int       `json:"round"`
	Position  int       `json:"position"` // in the round's order, from 0
	Of        int       `json:"of"`       // trials in this round; fewer lines mean that it was cut off
	Scenario  string    `json:"scenario"`
	App       string    `json:"app"`
	Candidate string    `json:"candidate"`
	At        time.Time `json:"at"`

	Sent      uint64        `json:"sent"`
	Answered  uint64        `json:"answered"`
	Counted   uint64        `json:"counted"`
	Lead      time.Duration `json:"lead_ns,omitempty"`       // before the counted window
	Elapsed   time.Duration `json:"elapsed_ns"`              // of the counted window
	Wall      time.Duration `json:"wall_ns"`                 // of the whole slice, lead-in and drain included
	BytesIn   uint64        `json:"bytes_in"`                // of the counted replies' bodies
	WireIn    uint64        `json:"wire_bytes_in,omitempty"` // of the counted replies, heads and framing included; 0: the engine does not tell
	ServerCPU *int64        `json:"server_cpu_ns,omitempty"` // over Wall, and what was put off to after it
	LoaderCPU *int64        `json:"loader_cpu_ns,omitempty"` // without what it polled for nothing
	Steal     *int64        `json:"steal_ns,omitempty"`      // of all processors together
	MemoryMiB *float64      `json:"memory_mib,omitempty"`
	// Counters are the counts of the candidate's processes over Wall, by name:
	// "page_faults".
	Counters map[string]uint64 `json:"counters,omitempty"`

	Rate    float64 `json:"rate_rps,omitempty"`    // offered, the mean of it over the counted window; open loop
	Ceiling float64 `json:"ceiling_rps,omitempty"` // in a closed loop, measured before the launch's rounds
	Due     uint64  `json:"due,omitempty"`         // requests intended in the counted window, sent or not; open loop
	SLO     *Search `json:"slo,omitempty"`         // of blocks with an objective

	// Errors are counted by kind, Causes by "kind: cause" for the first causes. Examples
	// has the first failed request of each kind.
	Errors   map[string]uint64 `json:"errors,omitempty"`
	Causes   map[string]uint64 `json:"causes,omitempty"`
	Examples map[string]string `json:"examples,omitempty"`

	Compared   uint64 `json:"compared"` // replies whose body was
	Wrong      uint64 `json:"wrong,omitempty"`
	WrongBody  string `json:"wrong_body,omitempty"`
	Reconnects uint64 `json:"reconnects,omitempty"`
	Repeated   uint64 `json:"repeated,omitempty"` // requests sent once more: their connection had rested, and ended
	Folded     uint64 `json:"folded,omitempty"`   // replies with header fields over several lines

	// Stale of the sampled replies carry a Date so old that they come from a cache,
	// the oldest by StaleAge.
	Stale    uint64        `json:"stale,omitempty"`
	StaleAge time.Duration `json:"stale_age_ns,omitempty"`

	// Dated of the sampled replies carry an old Date that was made for their connection,
	// the oldest by DatedAge.
	Dated    uint64        `json:"dated,omitempty"`
	DatedAge time.Duration `json:"dated_age_ns,omitempty"`

	// Busy is the sum of the response times of the window's requests, by which they were
	// Busy / Elapsed in flight on average (Little 1961). Longest is the longest response
	// time seen, also in the lead-in. Scale is the mean response time weighted by itself:
	// how long what holds a connection at a random moment holds it.
	Busy    time.Duration `json:"busy_ns,omitempty"`
	Longest time.Duration `json:"longest_ns,omitempty"`
	Scale   time.Duration `json:"scale_ns,omitempty"`
	// Hasty replies came sooner than the app allows. Spread is the mean time from the
	// first byte of bodies to their end, of apps that stream.
	Hasty  uint64         `json:"hasty,omitempty"`
	Spread *time.Duration `json:"spread_ns,omitempty"`

	// Deferred is the part of ServerCPU that the candidate used after the load, until it
	// came to rest. Restless is the share of a processor that it still used, if it did not
	// come to rest.
	Deferred *int64  `json:"deferred_cpu_ns,omitempty"`
	Restless float64 `json:"restless,omitempty"`
	// Others is the CPU time of other candidates meanwhile, if they used any. Idle is the
	// CPU time of the candidate itself in IdleWall before, while others were loaded.
	Others   map[string]int64 `json:"others_cpu_ns,omitempty"`
	Idle     *int64           `json:"idle_cpu_ns,omitempty"`
	IdleWall time.Duration    `json:"idle_wall_ns,omitempty"`
	// Pass has the further data of an uninterrupted pass; nil: it is a slice.
	Pass *Pass `json:"pass,omitempty"`

	// LoaderWait is how long the load generator's threads waited for a processor, summed
	// over Wall. LoaderRuns is how often one of them got a processor.
	LoaderWait *int64 `json:"loader_wait_ns,omitempty"`
	LoaderRuns uint64 `json:"loader_runs,omitempty"`

	// IdleKept of the idle connections beside the load were open after the slice, and
	// each took IdleKiB of resident memory when they were opened.
	IdleKept int      `json:"idle_kept,omitempty"`
	IdleKiB  *float64 `json:"idle_kib,omitempty"`

	// Deed is an action of the candidate that invalidates the row, such as moving to other
	// processors or raising its priority; "" for none.
	Deed string `json:"deed,omitempty"`

	Host *Host `json:"host,omitempty"` // since the trial before, or the round's begin
}

// Pass is the data that only an uninterrupted pass has.
type Pass struct {
	// Parts are the correct replies by the equal parts of the window in which their requests
	// were sent.
	Parts []uint64 `json:"parts"`
	// BeforeMiB is the candidate's memory before the pass.
	BeforeMiB *float64 `json:"before_mib,omitempty"`
}

// Host is the activity of the machine outside the run during a trial. Times are in ns.
type Host struct {
	Wall time.Duration `json:"wall_ns"`
	// OnServers and OnLoader are the CPU time of processes outside the run, on the
	// processors of the candidates and of the load generator. If nothing is pinned,
	// OnServers counts all processors. If the two sides share some processors but not all,
	// neither is known. Values are negative where the kernel's sampling attributed less to
	// the processors than the run has used.
	OnServers *int64 `json:"others_on_servers_ns,omitempty"`
	OnLoader  *int64 `json:"others_on_loader_ns,omitempty"`
	// Busiest are the processes that used most of it, as far as is known.
	Busiest []Foreign `json:"busiest,omitempty"`
	// Throttled is the time that the CPU quota of a control group withheld, summed over
	// processors. Heat is how often heat slowed a processor down.
	Throttled time.Duration `json:"throttled_ns,omitempty"`
	Heat      uint64        `json:"heat_throttles,omitempty"`
}

// Foreign is a process outside the run, with the CPU time that it used in a trial.
type Foreign struct {
	PID  int           `json:"pid"`
	Name string        `json:"name"`
	CPU  time.Duration `json:"cpu_ns"`
}

// Search is a slice in the search of the highest rate that meets an objective.
type Search struct {
	Percentile int64 `json:"percentile_ns"` // that the objective bounds, of response times
	Met        bool  `json:"met"`
	Reversals  int   `json:"reversals"` // of the search before this slice
}

// RoundKey names a round of a run.
type RoundKey struct{ Launch, Block, Round int }

// Key is the round that the trial belongs to.
func (t Trial) Key() RoundKey { return RoundKey{t.Launch, t.Block, t.Round} }
