package layers_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

func init() {
	courses["metrics"] = func(testing.TB) course { return course{layer: layers.Metrics{}, app: text("hello")} }
}

// told is what the path of metrics tells, line by line.
func told(t *testing.T, a apps.App) map[string]bool {
	t.Helper()
	r := appstest.Serve(t, a, appstest.Get("/metrics"))
	expect(t, r, 200, "Content-Type", "text/plain; version=0.0.4; charset=utf-8", "Cache-Control", "no-store")
	all := map[string]bool{}
	for line := range strings.Lines(r.Body()) {
		all[strings.TrimSuffix(line, "\n")] = true
	}
	return all
}

func holdLines(t *testing.T, got map[string]bool, want ...string) {
	t.Helper()
	for _, line := range want {
		if !got[line] {
			t.Errorf("no line %q in %v", line, got)
		}
	}
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := wrap(t, apps.Func(func(req apps.Request, res apps.Response) error {
			switch req.Path() {
			case "/slow":
				return slow(text("hello")).Serve(req, res)
			case "/stream":
				return slow(app{blocks: []string{"abc", "de"}}).Serve(req, res)
			case "/fail":
				return errBody
			case "/none":
				return res.Reply(404, []byte("none"))
			}
			return text("hello").Serve(req, res)
		}), layers.Metrics{Buckets: []string{"0.5", "2"}})
		for _, r := range []appstest.Request{
			appstest.Get("/"), appstest.Get("/slow"), appstest.Get("/stream"), appstest.Get("/fail"), appstest.Get("/none"),
			appstest.Of("HEAD", "/", ""), appstest.Of("PURGE", "/", ""), appstest.Of("other", "/", ""), appstest.Get("/metrics"),
		} {
			appstest.Serve(t, a, r)
		}
		holdLines(t, told(t, a),
			`http_requests_total{class="2xx",method="GET"} 3`,
			`http_requests_total{class="4xx",method="GET"} 1`,
			`http_requests_total{class="5xx",method="GET"} 1`,
			`http_requests_total{class="2xx",method="HEAD"} 1`,
			`http_requests_total{class="2xx",method="POST"} 0`,
			`http_requests_total{class="2xx",method="other"} 2`,
			`http_requests_in_flight 0`,
			`http_request_duration_seconds_bucket{le="0.5"} 6`,
			`http_request_duration_seconds_bucket{le="2"} 7`,
			`http_request_duration_seconds_bucket{le="+Inf"} 8`,
			`http_request_duration_seconds_sum 4`,
			`http_request_duration_seconds_count 8`,
			`http_response_body_bytes_total 29`,
			`# TYPE http_request_duration_seconds histogram`,
		)
	})
}

func TestMetricsInFlight(t *testing.T) {
	var a apps.App
	a = wrap(t, apps.Func(func(_ apps.Request, res apps.Response) error {
		holdLines(t, told(t, a), `app_requests_in_flight 1`, `app_requests_total{class="2xx",method="GET"} 0`)
		return res.Stream(200, &appstest.Blocks{})
	}), layers.Metrics{Prefix: "app"})
	k := &keeper{}
	if err := a.Serve(memory{}, k); err != nil {
		t.Fatal(err)
	}
	holdLines(t, told(t, a), `app_requests_in_flight 1`)
	k.body.Close()
	holdLines(t, told(t, a), `app_requests_in_flight 0`, `app_requests_total{class="2xx",method="GET"} 1`)
	expect(t, appstest.Serve(t, a, appstest.Of("POST", "/metrics", "")), 405, "Allow", "GET, HEAD")
}

// TestMetricsApart has two layers count apart.
func TestMetricsApart(t *testing.T) {
	a := wrap(t, text("hello"), []stack.Layer{layers.Metrics{Path: "/outer"}, layers.Metrics{}}...)
	appstest.Serve(t, a, appstest.Get("/"))
	holdLines(t, told(t, a), `http_requests_total{class="2xx",method="GET"} 1`)
}

func TestMetricsRefuses(t *testing.T) {
	for want, l := range map[string]layers.Metrics{
		`prefix: "a-b" is no part of a metric's name`:  {Prefix: "a-b"},
		`buckets: "x" is no number of seconds`:         {Buckets: []string{"x"}},
		`buckets: "NaN" is no number of seconds`:       {Buckets: []string{"NaN"}},
		`buckets: "1" is not more than the one before`: {Buckets: []string{"1", "1"}},
		`path: "metrics" is no path, as "/healthz"`:    {Path: "metrics"},
	} {
		refused(t, l, want)
	}
}

func TestMetricsOverTheWire(t *testing.T) {
	onEngines(t, func(t *testing.T) apps.App { return wrap(t, app{blocks: []string{"abc", "de"}}, layers.Metrics{}) }, func(t *testing.T, url string) {
		read(t, ask(t, "GET", url+"/"))
		res := ask(t, "GET", url+"/metrics")
		if got := read(t, res); !strings.Contains(got, "http_response_body_bytes_total 5\n") {
			t.Error(got)
		}
	})
}
