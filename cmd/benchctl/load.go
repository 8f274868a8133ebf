package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/scenarios/offered"
)

type loadFlags struct {
	offer       scenarios.Load
	poisson     bool
	duration    time.Duration
	poll        string
	json        bool
	allowRemote bool
	loadRequest
}

// loadRequest is what is sent, and what is to come back.
type loadRequest struct {
	method, body, bodyFile string
	headers                []string
	chunked                bool
	expectLength           int64
}

func loadCommand(e env) *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:     "load URL",
		Short:   "Drive load at one URL and tell what came back",
		Example: "  benchctl load http://127.0.0.1:8080/hello -c 64 -d 10s\n  benchctl load http://127.0.0.1:8080/hello -c 64 --rate 1000 --poisson\n  benchctl load http://127.0.0.1:8080/echo --body-file photo.jpg --chunked --header 'X-Test: 1'",
		Args:    takes("the URL"),
		RunE:    func(cmd *cobra.Command, args []string) error { return e.load(cmd.Context(), args[0], f) },
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.IntVarP(&f.offer.Connections, "connections", "c", 64, "connections")
	fs.DurationVarP(&f.duration, "duration", "d", 10*time.Second, "how long")
	fs.Float64Var(&f.offer.Rate, "rate", 0, "requests per second at a constant pace (default: each connection as fast as it can)")
	fs.BoolVar(&f.poisson, "poisson", false, "with --rate: requests arrive independently of each other, at the same random times in every run")
	fs.IntVar(&f.offer.Pipeline, "pipeline", 1, "requests in flight on each connection; engine raw only, without --rate")
	fs.IntVar(&f.offer.Requests, "requests", 0, "replies a connection carries before it is replaced (default any number); engine raw only")
	fs.BoolVar(&f.offer.Close, "close", false, "send Connection: close, each request on a connection of its own")
	fs.StringVar(&f.method, "method", "", "request method (default GET, with a body POST)")
	fs.StringArrayVar(&f.headers, "header", nil, "header field to send, 'Name: value'; may be repeated")
	fs.StringVar(&f.body, "body", "", "body to send")
	fs.StringVar(&f.bodyFile, "body-file", "", "file with the body to send")
	fs.BoolVar(&f.chunked, "chunked", false, "send the body in chunks")
	fs.Int64Var(&f.expectLength, "expect-length", -1, "bytes a right reply's body has; -1 takes any number")
	fs.StringVar(&f.offer.Engine, "engine", load.Raw, "load engine: raw or vegeta")
	fs.DurationVar(&f.offer.Timeout, "timeout", 10*time.Second, "for one reply")
	fs.StringVar(&f.poll, "poll", autoPoll, "ask for replies over and over for so long before sleeping, such as 100us; 0: sleep at once; auto: as a run does, where the server has other processors than benchctl; engine raw on Linux only")
	fs.BoolVar(&f.json, "json", false, "print JSON")
	fs.BoolVar(&f.allowRemote, "allow-remote", false, "allow a target that is not a loopback address: only ever one of your own")
	return cmd
}

// loadReport is what "load --json" prints.
type loadReport struct {
	URL        string             `json:"url"`
	Load       scenarios.Load     `json:"load"`
	Poll       float64            `json:"poll_us,omitempty"`
	Seconds    float64            `json:"seconds"`
	Requests   uint64             `json:"requests"`
	Throughput float64            `json:"throughput_rps"`
	BytesIn    uint64             `json:"bytes_in"`
	WireIn     uint64             `json:"wire_bytes_in,omitempty"` // heads and framing included
	Latency    map[string]float64 `json:"latency_ms"`
	SendLag    map[string]float64 `json:"send_lag_ms,omitempty"`
	LoaderCPU  float64            `json:"loader_cpu_us_per_request,omitempty"`
	Reconnects uint64             `json:"reconnects"`
	Reopened   uint64             `json:"reopened,omitempty"`
	Repeated   uint64             `json:"repeated,omitempty"`
	Missed     uint64             `json:"missed,omitempty"` // intended and not sent
	Errors     map[string]uint64  `json:"errors"`
	Causes     map[string]uint64  `json:"causes,omitempty"`
	Examples   map[string]string  `json:"examples,omitempty"`
	Verdict    judge.Verdict      `json:"verdict"` // by the rules of a run's rows
	Reasons    []judge.Reason     `json:"reasons"`
}

func (e env) load(ctx context.Context, target string, f loadFlags) error {
	config, err := f.config(target)
	if err != nil {
		return err
	}
	if config.Poll, err = f.polls(config.Address); err != nil {
		return err
	}
	session, err := load.Open(ctx, config)
	if err != nil {
		return unable(cmp.Or(load.Lack(err), err))
	}
	defer session.Close()
	before, _ := measure.SelfCPU()
	res, err := session.Slice(ctx, load.Window{Span: f.duration})
	if res == nil {
		return unable(err)
	}
	after, _ := measure.SelfCPU()
	told := f.report(target, config, res, after-before)
	if err := e.printLoad(told, f.json); err != nil {
		return unable(err)
	}
	switch {
	case err != nil:
		return interrupted("load", err)
	case res.Errors[load.ErrLoader] > 0:
		return &failure{code: exitEnvironment}
	case told.Verdict == judge.Invalid || res.Errored() > 0 || res.Missed > 0:
		return &failure{code: exitFound}
	}
	return nil
}

// autoPoll is the value of --poll that leaves it to benchctl.
const autoPoll = "auto"

// polls is how long the load generator polls before it sleeps.
func (f loadFlags) polls(address string) (time.Duration, error) {
	if f.poll != autoPoll {
		d, err := time.ParseDuration(f.poll)
		switch {
		case f.poll == "0":
			return 0, nil
		case err != nil || d < 0 || d > time.Second:
			return 0, usage(fmt.Errorf("load: --poll %q: neither %s nor a time of up to 1s", f.poll, autoPoll))
		case d > 0 && f.offer.Engine != load.Raw: // a run asks for it whatever its engine is, so the engine ignores it
			return 0, usage(fmt.Errorf("load: engine %s does not offer --poll", f.offer.Engine))
		}
		return d, nil
	}
	if f.offer.Engine != load.Raw {
		return 0, nil
	}
	return agent.PollBeside(address), nil
}

// check refuses numbers that mean nothing, by the bounds of a scenario's keys.
func (f loadFlags) check() error {
	if err := f.offer.Check("pipeline", "timeout"); err != nil {
		return fmt.Errorf("load: --%w", err)
	}
	if most := 24 * time.Hour; f.duration < time.Millisecond || f.duration > most {
		return fmt.Errorf("load: --duration %v: not within %v and %v", f.duration, time.Millisecond, most)
	}
	return nil
}

func (f loadFlags) config(target string) (load.Config, error) {
	none := load.Config{}
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return none, usage(fmt.Errorf("load %s: not a URL of the form http://host:port/path", target))
	}
	if !slices.Contains([]string{load.Raw, load.Vegeta}, f.offer.Engine) {
		return none, usage(fmt.Errorf("load: --engine %q: there are %s and %s", f.offer.Engine, load.Raw, load.Vegeta))
	}
	if err := f.check(); err != nil {
		return none, usage(err)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	address := net.JoinHostPort(u.Hostname(), port)
	if err := f.allowed(u.Hostname()); err != nil {
		return none, err
	}
	c := load.Config{Address: address, Load: f.offer}
	switch {
	case f.offer.Rate > 0 && f.poisson:
		c.Arrivals, c.Pacer = offered.Poisson, load.Poisson(f.offer.Rate, 0)
	case f.offer.Rate > 0:
		c.Pacer = load.Constant(f.offer.Rate)
	case f.poisson:
		return none, usage(errors.New("load: --poisson takes a --rate"))
	}
	t, err := f.target(target)
	if err != nil {
		return none, err
	}
	c.Targets = []load.Target{t}
	return c, usage(c.Check())
}

// target is what f asks for, of url.
func (f loadRequest) target(url string) (load.Target, error) {
	t := load.Target{Length: f.expectLength, Chunked: f.chunked}
	t.Method, t.URL, t.Body = f.method, url, []byte(f.body)
	switch {
	case f.body != "" && f.bodyFile != "":
		return t, usage(errors.New("load: --body and --body-file exclude each other"))
	case f.bodyFile != "":
		body, err := os.ReadFile(f.bodyFile)
		if err != nil {
			return t, usage(fmt.Errorf("load: --body-file: %w", err))
		}
		t.Body = body
	}
	if f.chunked && len(t.Body) == 0 {
		return t, usage(errors.New("load: --chunked takes a body"))
	}
	if t.Method == "" {
		t.Method = http.MethodGet
		if len(t.Body) > 0 {
			t.Method = http.MethodPost
		}
	}
	for _, h := range f.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return t, usage(fmt.Errorf("load: --header %q: not of the form 'Name: value'", h))
		}
		if t.Header == nil {
			t.Header = http.Header{}
		}
		t.Header.Add(name, strings.TrimSpace(value))
	}
	return t, nil
}

// allowed refuses what is not this machine. Names are not looked up for that: localhost
// and those below it are this machine (RFC 6761 section 6.3).
func (f loadFlags) allowed(host string) error {
	address, err := netip.ParseAddr(host)
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if f.allowRemote || err == nil && address.Unmap().IsLoopback() || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return nil
	}
	return &failure{
		code: exitUsage, err: fmt.Errorf("load %s: not a loopback address", host),
		hint: "load on another machine takes --allow-remote, and its owner's consent",
	}
}

func (f loadFlags) report(target string, c load.Config, res *load.Result, cpu time.Duration) loadReport {
	verdict, reasons := harness.Judge(c.Load, res)
	r := loadReport{
		Missed: res.Missed, Verdict: verdict, Reasons: reasons,
		URL: target, Load: c.Load, Poll: float64(c.Poll.Nanoseconds()) / 1e3, Seconds: res.Elapsed.Seconds(),
		Requests: res.Counted, Throughput: float64(res.Counted) / res.Elapsed.Seconds(), BytesIn: res.BytesIn, WireIn: res.WireIn,
		Latency: percentiles(res.Response), SendLag: percentiles(res.SendLag), Reconnects: res.Reconnects, Reopened: res.Reopened, Repeated: res.Repeated, Errors: res.Errors, Causes: res.Causes, Examples: res.Examples,
	}
	if r.Errors == nil {
		r.Errors = map[string]uint64{}
	}
	if res.Answered > 0 {
		r.LoaderCPU = float64(cpu.Nanoseconds()) / 1e3 / float64(res.Answered)
	}
	return r
}

// quantiles that are printed, with their names.
var quantiles = []struct {
	name string
	at   float64
}{{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p999", 99.9}}

// percentiles are in ms; those with fewer than 100 samples beyond are left out.
func percentiles(h *hdrhistogram.Histogram) map[string]float64 {
	if h == nil || h.TotalCount() == 0 {
		return nil
	}
	all := map[string]float64{"max": float64(h.Max()) / 1e6}
	for _, q := range quantiles {
		if float64(h.TotalCount())*(100-q.at)/100 >= 100 {
			all[q.name] = float64(h.ValueAtQuantile(q.at)) / 1e6
		}
	}
	return all
}

func (e env) printLoad(r loadReport, asJSON bool) error {
	if asJSON {
		return e.printJSON(r)
	}
	engine := fmt.Sprintf("%s, %d connections, %.1f s", r.Load.Engine, r.Load.Connections, r.Seconds)
	if r.Load.Pipeline > 1 {
		engine += fmt.Sprintf(", %d requests in flight on each", r.Load.Pipeline)
	}
	switch {
	case r.Poll > 0:
		engine += fmt.Sprintf("; polls for %g µs before it sleeps", r.Poll)
	case r.Load.Engine == load.Raw:
		engine += "; sleeps while it waits, so that the server has to wake it"
	}
	rows := [][]string{
		{"engine", engine},
		{"throughput", fmt.Sprintf("%.0f req/s (%d requests, %.2f MiB/s of bodies)", r.Throughput, r.Requests, float64(r.BytesIn)/r.Seconds/(1<<20))},
		{"latency", milliseconds(r.Latency)},
	}
	if r.SendLag != nil {
		rows = append(rows, []string{"send lag", milliseconds(r.SendLag)})
	}
	rows = append(rows, []string{"loader CPU", fmt.Sprintf("%.1f µs/request", r.LoaderCPU)})
	if r.Reopened > 0 {
		rows = append(rows, []string{"reopened", fmt.Sprint(r.Reopened)})
	}
	if r.Reconnects > 0 {
		rows = append(rows, []string{"reconnects", fmt.Sprint(r.Reconnects)})
	}
	if r.Repeated > 0 {
		rows = append(rows, []string{"sent again", fmt.Sprintf("%d requests, whose connections the server closed after a rest", r.Repeated)})
	}
	errs := "none"
	if len(r.Errors) > 0 {
		var all results.Errors
		all.Add(r.Errors, r.Causes, r.Examples)
		errs = report.Printable(all.String())
	}
	rows = append(rows, []string{"errors", errs})
	if r.Missed > 0 {
		rows = append(rows, []string{"not sent", fmt.Sprintf("%d requests that no connection was free for", r.Missed)})
	}
	rows = append(rows, []string{"verdict", string(r.Verdict)})
	for _, why := range judge.Texts(r.Reasons) {
		rows = append(rows, []string{"", report.Printable(why)})
	}
	return e.printRows(rows)
}

func milliseconds(p map[string]float64) string {
	if p == nil {
		return "–"
	}
	text := ""
	var untold []string
	for _, q := range quantiles {
		if v, ok := p[q.name]; ok {
			text += fmt.Sprintf("%s %.3g ms, ", q.name, v)
		} else {
			untold = append(untold, q.name)
		}
	}
	text += fmt.Sprintf("max %.3g ms", p["max"])
	if len(untold) > 0 {
		text += fmt.Sprintf(" (%s left out: fewer than 100 requests are beyond)", strings.Join(untold, ", "))
	}
	return text
}
