// Package suite holds the test apps, each an apps.App with checked parameters,
// and for each the exchange that the load engines and the conformance gate use:
// what to send and what a right reply is.
//
// An app is named as name[?key=value&...], for example "size?bytes=10000"; the
// same text, after a slash, is its request target. The Python twins in apps/wsgi
// answer the same bytes.
package suite

import "github.com/benchctl/benchctl/apps"

// Spec describes one test app.
type Spec struct {
	Name    string   // "size"
	Doc     string   // one line, for "benchctl list apps"
	Methods []string // taken; GET implies HEAD
	Params  []Param  // at most maxParams
	// handler makes what answers a request; what it holds lives as long as the
	// app is mounted.
	handler func() handler
	// exchange makes the request and its right reply, without what Instance.Exchange
	// fills in for all apps alike.
	exchange func(Args) Exchange
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

// All is every test app, in the order of their documentation.
func All() []Spec {
	return []Spec{
		helloSpec(), jsonSpec(), echoSpec(), sizeSpec(),
		streamSpec(), sleepSpec(), cpuSpec(), headersSpec(),
	}
}

// New makes the app. It takes its parameters from each request's query and
// answers wrong ones with 400 and the text of the error.
func (s Spec) New() apps.App {
	h := s.handler()
	return apps.Func(func(req apps.Request, res apps.Response) error {
		args, err := s.args(req.Query())
		if err != nil {
			res.SetHeader("Content-Type", apps.ContentTypeText)
			return res.Reply(400, []byte(err.Error()+"\n"))
		}
		return h(args, req, res)
	})
}

func (s Spec) route() apps.Route {
	return apps.Route{Path: "/" + s.Name, Methods: s.Methods, App: s.New()}
}

// Mux serves the whole suite, each app at its name: "/hello".
func Mux() apps.App {
	var routes []apps.Route
	for _, s := range All() {
		routes = append(routes, s.route())
	}
	return apps.NewMux(routes...)
}

// Only serves one app alone, at the same path as Mux does. Its parameters are
// still those of each request.
func Only(i Instance) apps.App { return apps.NewMux(i.Spec.route()) }

// get is the methods of all apps that take no request body.
func get() []string { return []string{"GET"} }
