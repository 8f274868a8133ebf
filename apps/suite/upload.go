package suite

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"sync"

	"github.com/benchctl/benchctl/apps"
)

// uploadSpec proves that the whole body has reached the app: a server that skips
// or cuts it can't know the reply.
func uploadSpec() Spec {
	return Spec{
		Name: "upload", Doc: "the SHA-256 of the request's body, in hex",
		Methods: []string{"POST"},
		Params:  []Param{{Name: "bytes", Default: 1 << 20, Min: 1, Max: 64 << 20, Doc: "bytes that the load sends"}},
		handler: func() handler {
			blocks := &sync.Pool{New: func() any { return new([echoBlock]byte) }}
			return func(_ Args, req apps.Request, res apps.Response) error {
				block := blocks.Get().(*[echoBlock]byte)
				defer blocks.Put(block)
				sum, err := digest(req.Body(), block[:])
				if err != nil {
					return err
				}
				res.SetHeader("Content-Type", apps.ContentTypeText)
				return res.Reply(200, sum)
			}
		},
		exchange: func(a Args) Exchange { return uploaded(patternBytes(a[0])) },
		vary:     withBodies(uploaded),
	}
}

// uploaded is the exchange that sends body.
func uploaded(body []byte) Exchange {
	sum := sha256.Sum256(body)
	e := whole(hexLine(sum[:]))
	e.Header, e.Body = [][2]string{{"Content-Type", typeBytes}}, body
	return e
}

func hexLine(sum []byte) []byte { return append(hex.AppendEncode(nil, sum), '\n') }

// digest is the SHA-256 of all that r has, read by way of block.
func digest(r io.Reader, block []byte) ([]byte, error) {
	hash := sha256.New()
	for {
		n, err := r.Read(block)
		hash.Write(block[:n])
		if errors.Is(err, io.EOF) {
			return hexLine(hash.Sum(nil)), nil
		}
		if err != nil {
			return nil, err
		}
	}
}
