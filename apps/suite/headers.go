package suite

import (
	"strconv"

	"github.com/benchctl/benchctl/apps"
)

// maxHeaders is the most fields asked of one request. Python's http.server and
// gunicorn refuse more than 100 by default, those of every request among them.
const maxHeaders = 90

// field is the n-th field that "headers" reads and the one it replies with.
type field struct {
	asked, replied string
	body           []byte // of a request for n fields
}

func headersSpec() Spec {
	return Spec{
		Name: "headers", Doc: "request fields X-Bench-N back as X-Reply-N",
		Methods: get(),
		Params:  []Param{{Name: "count", Default: 20, Min: 0, Max: maxHeaders, Doc: "fields"}},
		handler: func() handler {
			fields := headerFields()
			return func(a Args, req apps.Request, res apps.Response) error {
				res.SetHeader("Content-Type", apps.ContentTypeText)
				for _, f := range fields[:a[0]] {
					if v := req.Header(f.asked); v != "" {
						res.SetHeader(f.replied, v)
					}
				}
				return res.Reply(200, fields[a[0]].body)
			}
		},
		exchange: headersExchange,
	}
}

func headerFields() []field {
	out := make([]field, maxHeaders+1)
	for i := range out {
		n := strconv.Itoa(i)
		out[i] = field{"X-Bench-" + n, "X-Reply-" + n, []byte(n + "\n")}
	}
	return out
}

func headersExchange(a Args) Exchange {
	fields := headerFields()
	e := whole(fields[a[0]].body)
	for i, f := range fields[:a[0]] {
		value := "value-of-field-" + strconv.Itoa(i)
		e.Header = append(e.Header, [2]string{f.asked, value})
		e.Replied = append(e.Replied, [2]string{f.replied, value})
	}
	return e
}
