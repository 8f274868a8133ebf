package suite

import (
	"math/rand/v2"
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
		Name: "headers", Doc: "request fields X-Bench-N, returned as X-Reply-N",
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
		exchange: func(a Args) Exchange { return askedFor(a[0], func(int) string { return "of" }) },
		vary:     varyHeaders,
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

// askedFor is the exchange with so many fields, in each of whose values is a word.
func askedFor(count int64, word func(field int) string) Exchange {
	fields := headerFields()
	e := whole(fields[count].body)
	for i, f := range fields[:count] {
		value := "value-" + word(i) + "-field-" + strconv.Itoa(i)
		e.Header = append(e.Header, [2]string{f.asked, value})
		e.Replied = append(e.Replied, [2]string{f.replied, value})
	}
	return e
}

// varyHeaders has other letters in each value of each exchange.
func varyHeaders(a Args, r *rand.Rand) []Exchange {
	if a[0] == 0 {
		return []Exchange{askedFor(0, nil)}
	}
	first, second := make([][]byte, a[0]), make([][]byte, a[0])
	for i := range first {
		first[i], second[i] = shuffled(r), shuffled(r)
	}
	all := make([]Exchange, maxVariants)
	for n := range all {
		all[n] = askedFor(a[0], func(i int) string { return string([]byte{first[i][n], second[i][n]}) })
	}
	return all
}
