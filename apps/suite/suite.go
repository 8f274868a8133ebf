// Package suite holds the test apps, each an apps.App with checked parameters,
// and for each the exchange that the load engines and the conformance gate use:
// what to send and what a correct reply is.
//
// An app is named as name[?key=value&...], for example "size?bytes=10000"; the
// same text, after a slash, is its request target. The Python twins in apps/wsgi
// answer the same bytes, by WSGI and by ASGI.
package suite

import (
	"math/rand/v2"
	"time"

	"github.com/benchctl/benchctl/apps"
)

// Spec describes one test app.
type Spec struct {
	Name    string   // "size"
	Doc     string   // one line, for "benchctl list apps"
	Methods []string // taken; GET implies HEAD
	Params  []Param  // at most maxParams
	// Probe marks an app that is there for the conformance gate and makes no load.
	Probe bool
	// Deviations are duties that the app breaks on purpose.
	Deviations []apps.Deviation
	// One of them is set. handler makes what answers a request; what it holds lives
	// as long as the app is mounted. service makes it for an app that has to start and
	// stop. parts are the apps of a mix, which has no path of its own.
	handler func() handler
	service func() service
	parts   []part
	// exchange makes the request and its correct reply, without what Instance.Exchange
	// fills in for all apps alike; nil for probes and mixes.
	exchange func(Args) Exchange
	// vary makes exchanges whose requests differ, for Instance.Exchanges; nil where the
	// reply does not depend on them.
	vary func(Args, *rand.Rand) []Exchange
	work func(Args) time.Duration // for Exchange.Work; nil: none
}

// Param is one parameter of an app: a whole number with bounds.
type Param struct {
	Name              string
	Default, Min, Max int64
	Doc               string // with the unit
}

// maxParams is how many parameters an app may have.
const maxParams = 3

// Args are the values of an app's parameters, in the order of Spec.Params.
type Args [maxParams]int64

// handler answers a request whose parameters were found right.
type handler func(Args, apps.Request, apps.Response) error

// service is a handler with something to set up before and to clear after.
type service interface {
	apps.Starter
	apps.Stopper
	serve(Args, apps.Request, apps.Response) error
}

// All is every test app, in the order of their documentation.
func All() []Spec {
	return []Spec{
		helloSpec(), jsonSpec(), echoSpec(), sizeSpec(),
		streamSpec(), sleepSpec(), cpuSpec(), headersSpec(),
		sessionSpec(), templateSpec(), staticSpec("static-1k", 1<<10), staticSpec("static-1m", 1<<20),
		uploadSpec(), compressSpec(), mixedSpec(), errorSpec(), statusSpec(), ziadeSpec(),
		identSpec(), watchSpec(), watchedSpec(), seenSpec(),
	}
}

// New makes the app. It takes its parameters from each request's query and
// answers wrong ones with 400 and the text of the error. The app of a service
// implements apps.Starter and apps.Stopper; a mix has none.
func (s Spec) New() apps.App {
	if s.service == nil {
		return s.checked(s.handler())
	}
	service := s.service()
	return running{s.checked(service.serve), service}
}

// running is the app of a service.
type running struct {
	apps.App
	service
}

// checked is the app of a handler, which gets checked parameters.
func (s Spec) checked(h handler) apps.App { return &checked{s, h} }

type checked struct {
	spec    Spec
	handler handler
}

// Serve implements apps.App.
func (c *checked) Serve(req apps.Request, res apps.Response) error {
	args, err := c.spec.args(req.Query())
	if err != nil {
		res.SetHeader("Content-Type", apps.ContentTypeText)
		return res.Reply(400, []byte(err.Error()+"\n"))
	}
	return c.handler(args, req, res)
}

// Mux serves the whole suite, each app at its name: "/hello", and what is at further routes.
func Mux(further ...apps.Route) apps.App { return mux(All(), further...) }

// Only serves one app alone, or the apps of a mix, at the same path as Mux does.
// Parameters are still those of each request.
func Only(i Instance) apps.App {
	var specs []Spec
	for _, p := range i.Parts() {
		specs = append(specs, p.Spec)
	}
	return mux(specs)
}

// mux serves each app at its name, once.
func mux(specs []Spec, routes ...apps.Route) apps.App {
	seen := map[string]bool{}
	for _, s := range specs {
		if len(s.parts) == 0 && !seen[s.Name] {
			seen[s.Name] = true
			routes = append(routes, apps.Route{Path: "/" + s.Name, Methods: s.Methods, App: s.New()})
		}
	}
	return apps.NewMux(routes...)
}

// get is the methods of all apps that take no request body.
func get() []string { return []string{"GET"} }
