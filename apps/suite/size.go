package suite

import (
	"io"
	"strconv"

	"github.com/benchctl/benchctl/apps"
)

// sizeSpec is CherryPy's sizer: the size of a reply against its rate.
func sizeSpec() Spec {
	return Spec{
		Name: "size", Doc: "a number of bytes of a known pattern, with a Content-Length",
		Methods: get(),
		Params:  []Param{{Name: "bytes", Default: 10000, Min: 1, Max: 100000000, Doc: "bytes of the reply's body"}},
		handler: func() handler {
			return func(a Args, _ apps.Request, res apps.Response) error {
				res.SetHeader("Content-Type", apps.ContentTypeText)
				if a[0] <= blockSize {
					return res.Reply(200, block(0, int(a[0])))
				}
				res.SetHeader("Content-Length", strconv.FormatInt(a[0], 10))
				return res.Stream(200, &sized{length: a[0]})
			}
		},
		exchange: func(a Args) Exchange { return patterned(a[0]) },
	}
}

// sized is a body of length bytes of the pattern.
type sized struct{ length, sent int64 }

func (s *sized) Next() ([]byte, error) {
	if s.sent == s.length {
		return nil, io.EOF
	}
	b := block(s.sent, int(min(s.length-s.sent, blockSize)))
	s.sent += int64(len(b))
	return b, nil
}

func (s *sized) Close() error { return nil }
