package suite

import (
	"io"
	"strconv"
	"sync"

	"github.com/benchctl/benchctl/apps"
)

// echoBlock is how much of a request body is read at once, in bytes.
const echoBlock = 32 << 10

const typeBytes = "application/octet-stream"

func echoSpec() Spec {
	return Spec{
		Name: "echo", Doc: "the request's body, returned block by block as it arrives",
		Methods: []string{"POST"},
		Params:  []Param{{Name: "bytes", Default: 1024, Min: 1, Max: 4 << 20, Doc: "bytes that the load sends"}},
		handler: func() handler {
			blocks := &sync.Pool{New: func() any { return new([echoBlock]byte) }}
			return func(_ Args, req apps.Request, res apps.Response) error {
				res.SetHeader("Content-Type", typeBytes)
				if n := req.ContentLength(); n >= 0 {
					res.SetHeader("Content-Length", strconv.FormatInt(n, 10))
				}
				return res.Stream(200, &echo{from: req.Body(), blocks: blocks})
			}
		},
		exchange: func(a Args) Exchange { return echoed(patternBytes(a[0])) },
		vary:     withBodies(echoed),
	}
}

// echoed is the exchange that gets body back.
func echoed(body []byte) Exchange {
	e := whole(body)
	e.Type, e.Body = typeBytes, body
	e.Header = [][2]string{{"Content-Type", typeBytes}}
	return e
}

// echo is a reply that reads the request's body as it is pulled.
type echo struct {
	from   io.Reader
	blocks *sync.Pool
	block  *[echoBlock]byte
	err    error // of the read that brought the last block
}

func (e *echo) Next() ([]byte, error) {
	if e.err != nil {
		return nil, e.err
	}
	if e.block == nil {
		e.block = e.blocks.Get().(*[echoBlock]byte)
	}
	var n int
	n, e.err = e.from.Read(e.block[:])
	if n == 0 {
		return nil, e.err
	}
	return e.block[:n], nil
}

func (e *echo) Close() error {
	if e.block != nil {
		e.blocks.Put(e.block)
		e.block = nil
	}
	return nil
}
