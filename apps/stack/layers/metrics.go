package layers

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// Metrics counts and times requests, and tells it at a path in the text format of Prometheus, version 0.0.4:
//
//	http_requests_total{method,class}      requests that have ended; class is that of the status: "2xx"
//	http_requests_in_flight                requests that have not ended
//	http_request_duration_seconds          histogram of the time until the app answered, or the stream was closed
//	http_response_body_bytes_total         bytes of bodies that the server got from the app
//
// A request that failed is of class 5xx, as servers answer it. Methods beside those of RFC 9110 and RFC 5789 are
// "other", so that clients can't make up series. Requests for the path itself are not counted. Each
// layer has a registry of its own, without metrics of the process.
type Metrics struct {
	Path    string   `stack:"path" default:"/metrics" doc:"path that tells the metrics"`
	Prefix  string   `stack:"prefix" default:"http" doc:"what the names of metrics begin with"`
	Buckets []string `stack:"buckets" default:"0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10" doc:"upper bounds of the histogram's buckets in seconds, the least first"`
}

// About implements stack.Layer.
func (Metrics) About() stack.About {
	return stack.About{Name: "metrics", Doc: "counts and times requests, and tells it at a path as Prometheus reads it"}
}

var metricName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// Check implements stack.Checker.
func (l Metrics) Check() error {
	if !metricName.MatchString(l.Prefix) {
		return fmt.Errorf("prefix: %q is no part of a metric's name", l.Prefix)
	}
	if _, err := l.bounds(); err != nil {
		return in("buckets", err)
	}
	return checkPath(l.Path)
}

func (l Metrics) bounds() ([]float64, error) {
	var all []float64
	for _, text := range l.Buckets {
		n, err := strconv.ParseFloat(text, 64)
		switch {
		case err != nil || !(n > 0 && n < 1e9):
			return nil, fmt.Errorf("%q is no number of seconds", text)
		case len(all) > 0 && n <= all[len(all)-1]:
			return nil, fmt.Errorf("%q is not more than the one before", text)
		}
		all = append(all, n)
	}
	return all, nil
}

// countedMethods are the methods that are told apart; the last is all others.
var countedMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"}

// Wrap implements stack.Layer.
func (l Metrics) Wrap(next apps.App) (apps.App, error) {
	bounds, err := l.bounds()
	if err != nil {
		return nil, err
	}
	w := &measuring{path: l.Path, registry: prometheus.NewPedanticRegistry()}
	w.observer = observed(next, w.ended)
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: l.Prefix, Name: "requests_total", Help: "Requests that have ended, by method and class of the status.",
	}, []string{"method", "class"})
	w.inFlight = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: l.Prefix, Name: "requests_in_flight", Help: "Requests that have not ended.",
	})
	w.seconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: l.Prefix, Name: "request_duration_seconds", Help: "Time until the app answered, or its stream was closed.", Buckets: bounds,
	})
	w.bytes = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: l.Prefix, Name: "response_body_bytes_total", Help: "Bytes of bodies that the server got from the app.",
	})
	for _, c := range []prometheus.Collector{requests, w.inFlight, w.seconds, w.bytes} {
		if err := w.registry.Register(c); err != nil {
			return nil, err
		}
	}
	for i, method := range countedMethods {
		for class := range w.requests[i] {
			w.requests[i][class] = requests.WithLabelValues(method, strconv.Itoa(class+1)+"xx")
		}
	}
	return w, nil
}

// measuring is the app of Metrics.
type measuring struct {
	*observer
	path     string
	registry *prometheus.Registry

	requests [8][5]prometheus.Counter // by countedMethods and class
	inFlight prometheus.Gauge
	seconds  prometheus.Histogram
	bytes    prometheus.Counter
}

// Serve implements apps.App.
func (w *measuring) Serve(req apps.Request, res apps.Response) error {
	if req.Path() == w.path {
		return w.tell(req, res)
	}
	w.inFlight.Inc()
	return w.observer.Serve(req, res)
}

// ended counts a request.
func (w *measuring) ended(x *exchange) {
	w.inFlight.Dec()
	w.seconds.Observe(x.took.Seconds())
	w.bytes.Add(float64(x.sent))
	method := 0
	for last := len(countedMethods) - 1; method < last && countedMethods[method] != x.Method(); {
		method++
	}
	w.requests[method][min(max(x.status/100, 1), 5)-1].Inc()
}

// tell answers with all metrics.
func (w *measuring) tell(req apps.Request, res apps.Response) error {
	if !isGet(req, res) {
		return stack.Plain(res, 405, "method not allowed\n")
	}
	families, err := w.registry.Gather()
	if err != nil {
		return err
	}
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	var text bytes.Buffer
	out := expfmt.NewEncoder(&text, format)
	for _, f := range families {
		if err := out.Encode(f); err != nil {
			return err
		}
	}
	res.SetHeader("Content-Type", string(format))
	res.SetHeader("Cache-Control", "no-store")
	return res.Reply(200, text.Bytes())
}
