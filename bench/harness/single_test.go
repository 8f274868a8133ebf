package harness

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/scenarios/offered"
)

// asked is a request for a load as the command line makes it without flags.
func asked(url string, change func(*LoadRequest)) LoadRequest {
	r := LoadRequest{
		URL: url, Offer: scenarios.Load{Engine: load.Raw, Connections: 4, Pipeline: 1, Timeout: 10 * time.Second}, Duration: 100 * time.Millisecond,
		Poll: "0", ExpectLength: -1,
	}
	if change != nil {
		change(&r)
	}
	return r
}

// What is asked for wrongly is told by the option, before anything is sent.
func TestLoadRequestRefuses(t *testing.T) {
	const url = "http://127.0.0.1:1/"
	for want, r := range map[string]LoadRequest{
		"load localhost:80: not a URL of the form":               asked("localhost:80", nil),
		"load https://127.0.0.1/: not a URL of the form":         asked("https://127.0.0.1/", nil),
		"load 192.0.2.1: not a loopback address":                 asked("http://192.0.2.1/", nil),
		"load localhost.example: not a loopback address":         asked("http://localhost.example/", nil),
		`load: --engine "wrk": there are raw and vegeta`:         asked(url, func(r *LoadRequest) { r.Offer.Engine = "wrk" }),
		"load: --connections 0: not within 1 and ":               asked(url, func(r *LoadRequest) { r.Offer.Connections = 0 }),
		"load: --duration 0s: not within 1ms and 24h0m0s":        asked(url, func(r *LoadRequest) { r.Duration = 0 }),
		"load: --poisson takes a --rate":                         asked(url, func(r *LoadRequest) { r.Poisson = true }),
		"load: --body and --body-file exclude each other":        asked(url, func(r *LoadRequest) { r.Body, r.BodyFile = "a", "b" }),
		"load: --body-file: open /none: ":                        asked(url, func(r *LoadRequest) { r.BodyFile = "/none" }),
		"load: --chunked takes a body":                           asked(url, func(r *LoadRequest) { r.Chunked = true }),
		`load: --header "X": not of the form 'Name: value'`:      asked(url, func(r *LoadRequest) { r.Headers = []string{"X"} }),
		`load: --poll "2s": neither auto nor a time of up to 1s`: asked(url, func(r *LoadRequest) { r.Poll = "2s" }),
		`load: --poll "": neither auto nor a time of up to 1s`:   asked(url, func(r *LoadRequest) { r.Poll = "" }),
		"load: engine vegeta does not offer --poll":              asked(url, func(r *LoadRequest) { r.Poll, r.Offer.Engine = "1ms", load.Vegeta }),
		"engine vegeta does not offer pipelining":                asked(url, func(r *LoadRequest) { r.Offer.Pipeline, r.Offer.Engine = 4, load.Vegeta }),
	} {
		if s, err := r.Run(t.Context()); s != nil || !misuse.Is(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v", want, s, err)
		}
	}
}

// What is asked for is what the engine is told.
func TestLoadRequestConfig(t *testing.T) {
	body := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(body, []byte("of a file"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		r     LoadRequest
		right func(load.Config, load.Target) bool
	}{
		"no flags": {asked("http://127.0.0.1/a?b=c", nil), func(c load.Config, t load.Target) bool {
			return c.Address == "127.0.0.1:80" && c.Pacer == nil && c.Poll == 0 && t.Method == http.MethodGet && t.URL == "http://127.0.0.1/a?b=c" && t.Length == -1
		}},
		"IPv6":             {asked("http://[::1]:8080/", nil), func(c load.Config, _ load.Target) bool { return c.Address == net.JoinHostPort("::1", "8080") }},
		"IPv4 within IPv6": {asked("http://[::ffff:127.0.0.1]:8080/", nil), func(load.Config, load.Target) bool { return true }},
		"a name":           {asked("http://A.LocalHost.:1/", nil), func(load.Config, load.Target) bool { return true }},
		"another machine": {asked("http://192.0.2.1/", func(r *LoadRequest) { r.AllowRemote = true }), func(c load.Config, _ load.Target) bool {
			return c.Address == "192.0.2.1:80"
		}},
		"a body": {asked("http://127.0.0.1:1/", func(r *LoadRequest) { r.Body, r.Chunked = "abc", true }), func(_ load.Config, t load.Target) bool {
			return t.Method == http.MethodPost && string(t.Body) == "abc" && t.Chunked
		}},
		"a body of a file": {asked("http://127.0.0.1:1/", func(r *LoadRequest) { r.BodyFile, r.Method = body, http.MethodPut }), func(_ load.Config, t load.Target) bool {
			return t.Method == http.MethodPut && string(t.Body) == "of a file"
		}},
		"fields": {asked("http://127.0.0.1:1/", func(r *LoadRequest) { r.Headers = []string{"x-test: a:b ", "X-Test:c"} }), func(_ load.Config, t load.Target) bool {
			return slices.Equal(t.Header["X-Test"], []string{"a:b", "c"})
		}},
		"a rate": {asked("http://127.0.0.1:1/", func(r *LoadRequest) { r.Offer.Rate = 100 }), func(c load.Config, _ load.Target) bool {
			return c.Pacer != nil && c.Arrivals == ""
		}},
		"random arrivals": {asked("http://127.0.0.1:1/", func(r *LoadRequest) { r.Offer.Rate, r.Poisson = 100, true }), func(c load.Config, _ load.Target) bool {
			return c.Pacer != nil && c.Arrivals == offered.Poisson
		}},
		"polling": {asked("http://127.0.0.1:1/", func(r *LoadRequest) { r.Poll = "100us" }), func(c load.Config, _ load.Target) bool {
			return c.Poll == 100*time.Microsecond
		}},
		"nothing to poll beside": {asked("http://127.0.0.1:1/", func(r *LoadRequest) { r.Poll = AutoPoll }), func(c load.Config, _ load.Target) bool { return c.Poll == 0 }},
		"vegeta does not poll": {asked("http://127.0.0.1:1/", func(r *LoadRequest) { r.Poll, r.Offer.Engine = AutoPoll, load.Vegeta }), func(c load.Config, _ load.Target) bool {
			return c.Poll == 0
		}},
	} {
		config, err := c.r.config()
		if err != nil || len(config.Targets) != 1 || !c.right(config, config.Targets[0]) {
			t.Errorf("%s: %+v, %v", name, config, err)
		}
	}
}

// What came back is told, right or wrong.
func TestLoadRequestRun(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wrong" {
			w.WriteHeader(http.StatusBadGateway)
		}
		_, _ = w.Write([]byte("hello"))
	}))
	defer server.Close()
	for path, wrong := range map[string]bool{"/": false, "/wrong": true} {
		s, err := asked(server.URL+path, func(r *LoadRequest) { r.Duration, r.ExpectLength = time.Second, 5 }).Run(t.Context())
		if err != nil || s.URL != server.URL+path || s.Load.Connections != 4 || s.Failed() != wrong {
			t.Errorf("%s: %+v, %v", path, s, err)
			continue
		}
		if wrong && (s.Verdict != judge.Invalid || s.Errors["status"] == 0 || s.Causes["status: got 502"] == 0 || s.Requests != 0) {
			t.Errorf("%s: %+v", path, s)
		}
		if !wrong && (s.Requests == 0 || s.Throughput <= 0 || s.BytesIn != 5*s.Requests || s.Latency == nil || s.Latency.Max == nil || s.Errors == nil) {
			t.Errorf("%s: %+v", path, s)
		}
	}
}
