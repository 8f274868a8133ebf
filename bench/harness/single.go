package harness

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

	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/engine"
	"github.com/benchctl/benchctl/bench/load/pace"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/scenarios/offered"
)

// LoadRequest is the request of a single load on one URL. Its fields are the options of
// "benchctl load", which its errors name.
type LoadRequest struct {
	URL         string
	Offer       scenarios.Load
	Poisson     bool // with Offer.Rate: requests arrive independently of each other
	Duration    time.Duration
	Poll        string // how long to ask for replies before sleeping; "0" is not at all, or AutoPoll
	AllowRemote bool   // the target may be another machine

	Method         string // "" is GET, with a body POST
	Headers        []string
	Body, BodyFile string // one of them at most
	Chunked        bool
	ExpectLength   int64 // bytes of a correct reply's body; -1 takes any number
}

// AutoPoll leaves it to agent.PollBeside how long the load generator polls.
const AutoPoll = "auto"

// maxDuration and maxPoll bound a request.
const (
	maxDuration = 24 * time.Hour
	maxPoll     = time.Second
)

// Run drives the load and summarizes the replies. An error of usage is a misuse.Error. If ctx
// ends early, it returns the summary so far beside the error.
func (r LoadRequest) Run(ctx context.Context) (*judge.LoadSummary, error) {
	config, err := r.config()
	if err != nil {
		return nil, misuse.Of(err)
	}
	session, err := engine.Open(ctx, config)
	if err != nil {
		return nil, cmp.Or(load.Lack(err), err)
	}
	defer session.Close()
	before, _ := measure.SelfCPU()
	res, err := session.Slice(ctx, load.Window{Span: r.Duration})
	if res == nil {
		return nil, err
	}
	after, _ := measure.SelfCPU()
	s := summarizeLoad(config, res, after-before)
	s.URL = r.URL
	return &s, err
}

// summarizeLoad tells of a load that the load generator used so much CPU time for.
func summarizeLoad(c load.Config, res *load.Result, cpu time.Duration) judge.LoadSummary {
	s := judge.LoadSummary{
		Load: c.Load, Poll: float64(c.Poll.Nanoseconds()) / 1e3, Seconds: res.Elapsed.Seconds(),
		Requests: res.Counted, Throughput: float64(res.Counted) / res.Elapsed.Seconds(), BytesIn: res.BytesIn, WireIn: res.WireIn,
		Latency: judge.NewLatency(res.Response), SendLag: judge.NewLatency(res.SendLag),
		Reconnects: res.Reconnects, Reopened: res.Reopened, Repeated: res.Repeated, Missed: res.Missed,
		Errors: res.Errors, Causes: res.Causes, Examples: res.Examples,
	}
	if s.Errors == nil {
		s.Errors = map[string]uint64{}
	}
	if res.Answered > 0 {
		s.LoaderCPU = float64(cpu.Nanoseconds()) / 1e3 / float64(res.Answered)
	}
	s.Verdict, s.Reasons = Judge(c.Load, res)
	return s
}

// config checks the whole request before anything is sent.
func (r LoadRequest) config() (load.Config, error) {
	none := load.Config{}
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return none, fmt.Errorf("load %s: not a URL of the form http://host:port/path", r.URL)
	}
	if err := r.check(); err != nil {
		return none, err
	}
	if err := r.allowed(u.Hostname()); err != nil {
		return none, err
	}
	c := load.Config{Address: net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80")), Load: r.Offer}
	switch {
	case r.Offer.Rate > 0 && r.Poisson:
		c.Arrivals, c.Pacer = offered.Poisson, pace.Poisson(r.Offer.Rate, 0)
	case r.Offer.Rate > 0:
		c.Pacer = pace.Constant(r.Offer.Rate)
	case r.Poisson:
		return none, errors.New("load: --poisson takes a --rate")
	}
	t, err := r.target()
	if err != nil {
		return none, err
	}
	c.Targets = []load.Target{t}
	if err := engine.Check(c); err != nil {
		return none, err
	}
	c.Poll, err = r.poll(c.Address)
	return c, err
}

// check refuses numbers that mean nothing, by the bounds of a scenario's keys.
func (r LoadRequest) check() error {
	if !slices.Contains([]string{load.Raw, load.Vegeta}, r.Offer.Engine) {
		return fmt.Errorf("load: --engine %q: there are %s and %s", r.Offer.Engine, load.Raw, load.Vegeta)
	}
	if err := r.Offer.Check("pipeline", "timeout"); err != nil {
		return fmt.Errorf("load: --%w", err)
	}
	if r.Duration < time.Millisecond || r.Duration > maxDuration {
		return fmt.Errorf("load: --duration %v: not within %v and %v", r.Duration, time.Millisecond, maxDuration)
	}
	return nil
}

// allowed refuses what is not this machine. Names are not looked up for that: localhost
// and those below it are this machine (RFC 6761 section 6.3).
func (r LoadRequest) allowed(host string) error {
	address, err := netip.ParseAddr(host)
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if r.AllowRemote || err == nil && address.Unmap().IsLoopback() || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return nil
	}
	return &misuse.Error{
		Err:    fmt.Errorf("load %s: not a loopback address", host),
		Remedy: "load on another machine takes --allow-remote, and its owner's consent",
	}
}

// poll is how long the load generator polls before it sleeps.
func (r LoadRequest) poll(address string) (time.Duration, error) {
	raw := r.Offer.Engine == load.Raw
	if r.Poll == AutoPoll {
		if !raw {
			return 0, nil
		}
		return agent.PollBeside(address), nil
	}
	d, err := time.ParseDuration(r.Poll)
	switch {
	case err != nil || d < 0 || d > maxPoll:
		return 0, fmt.Errorf("load: --poll %q: neither %s nor a time of up to 1s", r.Poll, AutoPoll)
	case d > 0 && !raw: // a run asks for it whatever its engine is, so the engine ignores it
		return 0, fmt.Errorf("load: engine %s does not offer --poll", r.Offer.Engine)
	}
	return d, nil
}

// target is the request that is sent, and the expected reply.
func (r LoadRequest) target() (load.Target, error) {
	t := load.Target{Length: r.ExpectLength, Chunked: r.Chunked}
	t.Method, t.URL, t.Body = r.Method, r.URL, []byte(r.Body)
	switch {
	case r.Body != "" && r.BodyFile != "":
		return t, errors.New("load: --body and --body-file exclude each other")
	case r.BodyFile != "":
		body, err := os.ReadFile(r.BodyFile)
		if err != nil {
			return t, fmt.Errorf("load: --body-file: %w", err)
		}
		t.Body = body
	}
	switch {
	case r.Chunked && len(t.Body) == 0:
		return t, errors.New("load: --chunked takes a body")
	case t.Method == "" && len(t.Body) > 0:
		t.Method = http.MethodPost
	case t.Method == "":
		t.Method = http.MethodGet
	}
	for _, h := range r.Headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return t, fmt.Errorf("load: --header %q: not of the form 'Name: value'", h)
		}
		if t.Header == nil {
			t.Header = http.Header{}
		}
		t.Header.Add(name, strings.TrimSpace(value))
	}
	return t, nil
}
