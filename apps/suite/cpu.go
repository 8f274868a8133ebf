package suite

import (
	"time"

	"github.com/benchctl/benchctl/apps"
)

var burnedBody = []byte("burned\n")

func cpuSpec() Spec {
	return Spec{
		Name: "cpu", Doc: "a reply after work that takes CPU time",
		Methods: get(),
		Params:  []Param{{Name: "us", Default: 100, Min: 0, Max: 10000000, Doc: "microseconds of a thread's CPU time"}},
		handler: func() handler {
			return func(a Args, _ apps.Request, res apps.Response) error {
				burn(time.Duration(a[0]) * time.Microsecond)
				res.SetHeader("Content-Type", apps.ContentTypeText)
				return res.Reply(200, burnedBody)
			}
		},
		work:     func(a Args) time.Duration { return time.Duration(a[0]) * time.Microsecond },
		exchange: func(Args) Exchange { return whole(burnedBody) },
	}
}

// churn is about a microsecond of work that no compiler removes: it returns a
// number that depends on all of it.
func churn(x uint32) uint32 {
	for range 500 {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
	}
	return x
}
