package layers

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// CORS tells browsers which other origins may read replies, as the Fetch standard has it ("HTTP CORS
// protocol"). It answers preflights itself, with 204, and never refuses a request:
// the browser does, where a field is missing. The fields Access-Control-* that
// the app sets are dropped.
type CORS struct {
	Origins     []string      `stack:"origins" required:"true" doc:"origins that may read, as \"https://example.org\"; \"https://*.example.org\" is all hosts below; * is all"`
	Methods     []string      `stack:"methods" default:"GET HEAD POST" doc:"methods that other origins may use; * is all"`
	Headers     []string      `stack:"headers" doc:"request fields that other origins may send, beside those that need no leave; * is all but Authorization"`
	Expose      []string      `stack:"expose" doc:"reply fields that other origins may read, beside those that need no leave; * is all"`
	Credentials bool          `stack:"credentials" doc:"whether requests may carry cookies and other credentials"`
	MaxAge      time.Duration `stack:"max-age" default:"5s" min:"1s" max:"24h" doc:"how long a browser may remember the answer to a preflight"`
}

// About implements stack.Layer.
func (CORS) About() stack.About {
	return stack.About{Name: "cors", Doc: "lets other origins read replies, and answers preflights (Fetch, HTTP CORS protocol)"}
}

// Check implements stack.Checker.
func (c CORS) Check() error {
	for _, o := range c.Origins {
		if err := checkOrigin(o); err != nil {
			return err
		}
	}
	for _, list := range []struct {
		field  string
		values []string
	}{{"origins", c.Origins}, {"methods", c.Methods}, {"headers", c.Headers}, {"expose", c.Expose}} {
		switch all := slices.Contains(list.values, "*"); {
		case all && c.Credentials:
			return fmt.Errorf("%s: * does not go with credentials", list.field)
		case all && len(list.values) > 1:
			return fmt.Errorf("%s: * is all, and stands alone", list.field)
		}
		if list.field == "origins" {
			continue
		}
		for _, v := range list.values {
			if !isToken(v) {
				return fmt.Errorf("%s: %q is no token (RFC 9110 section 5.6.2)", list.field, v)
			}
		}
	}
	return nil
}

// checkOrigin reads an origin (RFC 6454 section 6.2).
func checkOrigin(o string) error {
	if o == "*" {
		return nil
	}
	scheme, host, _ := strings.Cut(o, "://")
	host = strings.TrimPrefix(host, "*.")
	if u, err := url.Parse(scheme + "://" + host); err != nil || scheme == "" || host == "" || u.Host != host || strings.Contains(host, "*") || o != strings.ToLower(o) {
		return fmt.Errorf("origins: %q is no origin, as \"https://example.org\" or \"https://*.example.org:8443\", in small letters", o)
	}
	return nil
}

// Wrap implements stack.Layer.
func (c CORS) Wrap(next apps.App) (apps.App, error) {
	w := &sharing{
		any: slices.Contains(c.Origins, "*"), anyMethod: slices.Contains(c.Methods, "*"), anyHeader: slices.Contains(c.Headers, "*"),
		credentials: c.Credentials, allowed: c.Methods, headers: c.Headers,
		methods: strings.Join(c.Methods, ", "), fields: strings.Join(c.Headers, ", "), expose: strings.Join(c.Expose, ", "),
		maxAge: strconv.Itoa(int(c.MaxAge / time.Second)),
	}
	for _, o := range c.Origins {
		if scheme, below, wild := strings.Cut(o, "*"); wild && !w.any {
			w.below = append(w.below, [2]string{scheme, below})
		} else {
			w.exact = append(w.exact, o)
		}
	}
	w.editor = stack.Editor{Next: next, Files: true, Fields: w.filter, Edit: unedited}
	return w, nil
}

// unedited is the Edit of a stack.Editor that changes fields alone.
func unedited(apps.Request, apps.Response, *stack.Answer) error { return nil }

// sharing is the app of CORS.
type sharing struct {
	editor stack.Editor

	any, anyMethod, anyHeader, credentials bool

	exact            []string    // origins
	below            [][2]string // what an origin begins and ends with
	allowed, headers []string

	methods, fields, expose, maxAge string // values of fields
}

// Serve implements apps.App. Vary says that the reply depends on the origin, even if there is none, so
// that no cache gives it to another one (Fetch, "CORS protocol and HTTP caches").
func (w *sharing) Serve(req apps.Request, res apps.Response) error {
	origin, method := req.Header("Origin"), req.Header("Access-Control-Request-Method")
	if origin != "" && method != "" && req.Method() == "OPTIONS" {
		return w.preflight(req, res, origin, method)
	}
	if !w.any {
		res.SetHeader("Vary", "Origin")
	}
	if w.allow(res, origin) && w.expose != "" {
		res.SetHeader("Access-Control-Expose-Headers", w.expose)
	}
	return w.editor.Serve(req, res)
}

// allow lets an origin read the reply, if it may.
func (w *sharing) allow(res apps.Response, origin string) bool {
	switch {
	case origin == "" || !w.may(origin):
		return false
	case w.any:
		origin = "*"
	}
	res.SetHeader("Access-Control-Allow-Origin", origin)
	if w.credentials {
		res.SetHeader("Access-Control-Allow-Credentials", "true")
	}
	return true
}

func (w *sharing) may(origin string) bool {
	if w.any || slices.Contains(w.exact, origin) {
		return true
	}
	for _, o := range w.below {
		if len(origin) > len(o[0])+len(o[1]) && strings.HasPrefix(origin, o[0]) && strings.HasSuffix(origin, o[1]) {
			return true
		}
	}
	return false
}

// preflight answers whether a request may be made (Fetch, "CORS-preflight request").
func (w *sharing) preflight(req apps.Request, res apps.Response, origin, method string) error {
	vary := "Access-Control-Request-Method, Access-Control-Request-Headers"
	if !w.any {
		vary = "Origin, " + vary
	}
	res.SetHeader("Vary", vary)
	if w.may(origin) && w.takes(method, req.Header("Access-Control-Request-Headers")) {
		w.allow(res, origin)
		res.SetHeader("Access-Control-Allow-Methods", w.methods)
		if w.fields != "" {
			res.SetHeader("Access-Control-Allow-Headers", w.fields)
		}
		res.SetHeader("Access-Control-Max-Age", w.maxAge)
	}
	return res.Reply(204, nil)
}

// takes tells whether a method and fields are allowed. Methods are compared with regard to case.
func (w *sharing) takes(method, fields string) bool {
	if !w.anyMethod && !slices.Contains(w.allowed, method) {
		return false
	}
	for name := range listed(fields) {
		if w.anyHeader && !strings.EqualFold(name, "Authorization") {
			continue
		}
		if !slices.ContainsFunc(w.headers, func(h string) bool { return strings.EqualFold(h, name) }) {
			return false
		}
	}
	return true
}

// filter drops what only the layer says, and completes Vary.
func (w *sharing) filter(_ apps.Request, name, value string) (string, bool) {
	const prefix = "Access-Control-"
	switch {
	case len(name) == len("Vary") && strings.EqualFold(name, "Vary") && !w.any:
		return varying(value, "Origin"), true
	case len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix):
		return "", false
	}
	return value, true
}
