package suite

import (
	"context"
	"io"
	"time"

	"github.com/benchctl/benchctl/apps"
)

func streamSpec() Spec {
	return Spec{
		Name: "stream", Doc: "chunks of a known pattern, each sent before the next is made",
		Methods: get(),
		Params: []Param{
			{Name: "chunks", Default: 8, Min: 1, Max: 1000, Doc: "chunks of the reply's body"},
			{Name: "bytes", Default: 1024, Min: 1, Max: blockSize, Doc: "bytes of a chunk"},
			{Name: "ms", Default: 0, Min: 0, Max: 1000, Doc: "milliseconds between two chunks"},
		},
		handler: func() handler {
			return func(a Args, req apps.Request, res apps.Response) error {
				res.SetHeader("Content-Type", apps.ContentTypeText)
				s := &stream{chunks: a[0], bytes: a[1]}
				if a[2] > 0 {
					s.ctx, s.pause = req.Context(), milliseconds(a[2])
				}
				return res.Stream(200, s)
			}
		},
		exchange: func(a Args) Exchange {
			e := patterned(a[0] * a[1])
			e.Chunked = true
			e.Spread = time.Duration(a[0]-1) * milliseconds(a[2])
			e.AtLeast = e.Spread
			return e
		},
	}
}

// stream is a body of chunks without a known length.
type stream struct {
	ctx           context.Context // of the request; nil if there is no pause
	pause         time.Duration
	chunks, bytes int64
	sent          int64 // chunks
}

func (s *stream) Next() ([]byte, error) {
	if s.sent == s.chunks {
		return nil, io.EOF
	}
	if s.sent > 0 && s.pause > 0 {
		if err := wait(s.ctx, s.pause); err != nil {
			return nil, err
		}
	}
	b := block(s.sent*s.bytes, int(s.bytes))
	s.sent++
	return b, nil
}

func (s *stream) Close() error { return nil }

var sleptBody = []byte("slept\n")

func sleepSpec() Spec {
	return Spec{
		Name: "sleep", Doc: "a reply after a wait, as for a database or another server",
		Methods: get(),
		Params:  []Param{{Name: "ms", Default: 10, Min: 0, Max: 60000, Doc: "milliseconds waited"}},
		handler: func() handler {
			return func(a Args, req apps.Request, res apps.Response) error {
				if err := wait(req.Context(), milliseconds(a[0])); err != nil {
					return err
				}
				res.SetHeader("Content-Type", apps.ContentTypeText)
				return res.Reply(200, sleptBody)
			}
		},
		exchange: func(a Args) Exchange {
			e := whole(sleptBody)
			e.AtLeast = milliseconds(a[0])
			return e
		},
	}
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// wait passes d as waiting for I/O does: it takes no CPU time, and ends when the
// request does.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
