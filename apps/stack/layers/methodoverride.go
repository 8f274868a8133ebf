package layers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// MethodOverride has a POST ask with the method that a field of it names, for clients and proxies that send
// no others. A method that is not one of Methods gets 400: to take the request as a POST would do what
// the client did not ask for. Requests by other methods are not looked at.
//
// A form on another site can't send a field of its own, so that Fetch asks first (CORS); this is why no
// parameter of the query or the form is read.
type MethodOverride struct {
	Field   string   `stack:"field" default:"X-HTTP-Method-Override" doc:"field that names the method"`
	Methods []string `stack:"methods" default:"PUT PATCH DELETE" doc:"methods that a POST may ask with"`
}

// About implements stack.Layer.
func (MethodOverride) About() stack.About {
	return stack.About{Name: "method-override", Doc: "has a POST ask with the method that a field names", Allocs: 1}
}

// Check implements stack.Checker.
func (l MethodOverride) Check() error {
	for i, m := range l.Methods {
		switch {
		case !isToken(m) || m != strings.ToUpper(m):
			return fmt.Errorf("methods: %q is no method, as \"PUT\" (RFC 9110 section 9.1)", m)
		case slices.Contains([]string{"CONNECT", "GET", "HEAD", "OPTIONS", "POST", "TRACE"}, m):
			return fmt.Errorf("methods: a POST can't ask with %s, which servers and caches take in another way", m)
		case slices.Contains(l.Methods[:i], m):
			return fmt.Errorf("methods: %s is listed twice", m)
		}
	}
	return in("field", checkName(l.Field))
}

// Wrap implements stack.Layer.
func (l MethodOverride) Wrap(next apps.App) (apps.App, error) {
	methods := slices.Clone(l.Methods)
	return apps.Func(func(req apps.Request, res apps.Response) error {
		if req.Method() != "POST" {
			return next.Serve(req, res)
		}
		name := req.Header(l.Field)
		if name == "" || strings.EqualFold(name, "POST") {
			return next.Serve(req, res)
		}
		i := slices.IndexFunc(methods, func(m string) bool { return strings.EqualFold(m, name) })
		if i < 0 {
			return stack.Plain(res, 400, "no method that a POST may ask with; there are "+strings.Join(methods, ", ")+"\n")
		}
		return next.Serve(&overridden{req, methods[i]}, res)
	}), nil
}

// overridden is a request with another method.
type overridden struct {
	apps.Request
	method string
}

// Method implements apps.Request.
func (r *overridden) Method() string { return r.method }
