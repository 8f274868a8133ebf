package suite

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/benchctl/benchctl/apps"
)

const maxCompressed = 1000000

// prose is text that compresses as text does: numbered lines of 64 bytes.
var prose = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	for n := 0; b.Len() < maxCompressed; n++ {
		fmt.Fprintf(&b, "%07d the quick brown fox jumps over the lazy dog, and is off.\n", n)
	}
	return b.Bytes()
})

// compressSpec leaves the compressed bytes to each language's own library, which
// differ; what they decompress to does not.
func compressSpec() Spec {
	return Spec{
		Name: "compress", Doc: "text, compressed with gzip at level 6 if the request accepts it",
		Methods: get(),
		Params:  []Param{{Name: "bytes", Default: 10000, Min: 1, Max: maxCompressed, Doc: "bytes of the text before compression"}},
		handler: func() handler {
			writers := &sync.Pool{New: func() any {
				w, err := gzip.NewWriterLevel(nil, 6)
				if err != nil {
					panic("suite: gzip: " + err.Error()) // the level is right
				}
				return w
			}}
			return func(a Args, req apps.Request, res apps.Response) error {
				text := prose()[:a[0]]
				res.SetHeader("Content-Type", apps.ContentTypeText)
				res.SetHeader("Vary", "Accept-Encoding")
				if !takesGzip(req.Header("Accept-Encoding")) {
					return res.Reply(200, text)
				}
				w := writers.Get().(*gzip.Writer)
				defer writers.Put(w)
				var out bytes.Buffer
				w.Reset(&out)
				if _, err := w.Write(text); err != nil {
					return err
				}
				if err := w.Close(); err != nil {
					return err
				}
				res.SetHeader("Content-Encoding", "gzip")
				return res.Reply(200, out.Bytes())
			}
		},
		exchange: func(a Args) Exchange {
			return Exchange{
				Header: [][2]string{{"Accept-Encoding", "gzip, deflate"}}, Type: apps.ContentTypeText, Length: -1,
				Replied: [][2]string{{"Content-Encoding", "gzip"}, {"Vary", "Accept-Encoding"}},
				Whole:   func(body []byte) bool { return gunzipsTo(body, prose()[:a[0]]) },
			}
		},
	}
}

// takesGzip reports whether an Accept-Encoding field has gzip with a weight that is
// not zero (RFC 9110 section 12.5.3).
func takesGzip(accept string) bool {
	for accept != "" {
		var one string
		one, accept, _ = strings.Cut(accept, ",")
		coding, weight, _ := strings.Cut(one, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			weight = strings.ReplaceAll(weight, " ", "")
			return !strings.HasPrefix(weight, "q=0") || strings.ContainsAny(weight, "123456789")
		}
	}
	return false
}

func gunzipsTo(body, text []byte) bool {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return false
	}
	got, err := io.ReadAll(io.LimitReader(r, maxCompressed+1))
	return err == nil && bytes.Equal(got, text)
}
