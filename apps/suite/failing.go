package suite

import (
	"errors"
	"io"
	"strconv"

	"github.com/benchctl/benchctl/apps"
)

const nameError = "error"

// Where the app "error" fails.
const (
	failOwn   = iota // it answers 500 itself
	failFirst        // it fails before it answered
	failLater        // it fails after the first block
	failLong         // it sends more than the length it promised
	failShort        // it sends less
)

var (
	failedBody = []byte("failed\n")
	errFailed  = errors.New("failed on purpose")
)

func errorSpec() Spec {
	return Spec{
		Name: nameError, Doc: "a failure: status 500",
		Methods:    get(),
		Deviations: []apps.Deviation{{Rule: "A6", Reason: "at=3 and at=4 stream another length than they tell, to see what the server does"}},
		Params: []Param{{
			Name: "at", Default: failOwn, Min: failOwn, Max: failShort,
			Doc: "0: the app replies 500; 1: it fails before its reply; for verify only: 2: it fails after the first block; 3: it sends more, 4: less than its Content-Length",
		}},
		handler: func() handler { return fail },
		exchange: func(a Args) Exchange {
			e := Exchange{Status: 500, Length: -1}
			if a[0] == failOwn {
				e = whole(failedBody)
				e.Status = 500
			}
			return e
		},
	}
}

func fail(a Args, _ apps.Request, res apps.Response) error {
	if a[0] == failFirst {
		return errFailed
	}
	res.SetHeader("Content-Type", apps.ContentTypeText)
	switch a[0] {
	case failLater:
		return res.Stream(200, &failing{err: errFailed})
	case failLong, failShort:
		length := len(failedBody) - 3
		if a[0] == failShort {
			length = len(failedBody) + 3
		}
		res.SetHeader("Content-Length", strconv.Itoa(length))
		return res.Stream(200, &failing{err: io.EOF})
	}
	return res.Reply(500, failedBody)
}

// failing is a body of one block that ends with err.
type failing struct {
	err  error
	sent bool
}

func (f *failing) Next() ([]byte, error) {
	if f.sent {
		return nil, f.err
	}
	f.sent = true
	return failedBody, nil
}

func (f *failing) Close() error { return nil }

// statusSpec answers without a look at the request, nor at its body.
func statusSpec() Spec {
	return Spec{
		Name: "status", Doc: "a reply with this status; the body of the request is not read",
		Methods: []string{"GET", "POST"},
		Params:  []Param{{Name: "code", Default: 204, Min: 200, Max: 599, Doc: "status"}},
		handler: func() handler {
			return func(a Args, _ apps.Request, res apps.Response) error {
				if a[0] == 304 {
					res.SetHeader("ETag", `"benchctl"`)
				}
				body := statusBody(a[0])
				if body != nil {
					res.SetHeader("Content-Type", apps.ContentTypeText)
				}
				return res.Reply(int(a[0]), body)
			}
		},
		exchange: func(a Args) Exchange {
			e := whole(statusBody(a[0]))
			e.Status = int(a[0])
			return e
		},
	}
}

// statusBody is nil for statuses that have no body (RFC 9110 sections 15.3.5, 15.4.5).
func statusBody(code int64) []byte {
	if code == 204 || code == 304 {
		return nil
	}
	return []byte("status " + strconv.FormatInt(code, 10) + "\n")
}
