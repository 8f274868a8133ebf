package wsgi_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/benchctl/benchctl/apps/appstest"
)

// reaction is what a client gets of either world, without what may differ:
//
//   - the order of fields, and the case of their names;
//   - ids and boundaries, which are random;
//   - encoded bytes and their number, which are those of a library: bodies are decoded;
//   - the text of a failure, which no client sees.
type reaction struct {
	status int
	fields []string // "Name: value", in order
	body   string
	failed bool
}

func (a reaction) String() string {
	return fmt.Sprintf("%d %q %.300q failed %v", a.status, a.fields, a.body, a.failed)
}

// ofGo is the answer of a stack in Go, with what a server adds to it (S7).
func ofGo(t *testing.T, to appstest.Request, r appstest.Reply) reaction {
	t.Helper()
	if r.Err != nil && !r.Stream {
		return reaction{failed: true} // a server sends nothing of it (S9)
	}
	if !r.Stream && r.Field("Content-Length") == "" && r.Status != 204 && r.Status != 304 {
		r.Fields = append(r.Fields, [2]string{"Content-Length", strconv.Itoa(len(r.Body()))})
	}
	return newAnswer(t, to, r.Status, r.Fields, r.Body(), r.Err != nil)
}

func ofPython(t *testing.T, to appstest.Request, a pythonAnswer) reaction {
	t.Helper()
	if a.Status == 0 {
		return reaction{failed: true}
	}
	return newAnswer(t, to, a.Status, a.Fields, string(bytes.Join(a.Blocks, nil)), a.Failed != nil)
}

var (
	madeID   = regexp.MustCompile(`^[A-Z2-7]{26}$`)
	boundary = regexp.MustCompile(`^multipart/byteranges; boundary=([A-Z2-7]{26})$`)
)

func newAnswer(t *testing.T, to appstest.Request, status int, fields [][2]string, body string, failed bool) reaction {
	t.Helper()
	a := reaction{status: status, failed: failed}
	if to.Verb != "HEAD" && status != 204 && status != 304 {
		a.body = body
	}
	encoded := false
	for _, f := range fields {
		if decode := decoders[f[1]]; f[0] == "Content-Encoding" && decode != nil {
			if encoded = true; a.body != "" {
				a.body = decoded(t, decode, a.body, failed)
			}
		}
		if m := boundary.FindStringSubmatch(f[1]); m != nil {
			a.body = strings.ReplaceAll(a.body, m[1], "BOUNDARY")
		}
	}
	for _, f := range fields {
		name, value := http.CanonicalHeaderKey(f[0]), f[1]
		switch {
		case name == "Content-Length" && encoded:
			continue
		case madeID.MatchString(value):
			value = "ID"
		case boundary.MatchString(value):
			value = "multipart/byteranges; boundary=BOUNDARY"
		}
		a.fields = append(a.fields, name+": "+value)
	}
	slices.Sort(a.fields)
	return a
}

// decoders are those of the codings of the layer compress.
var decoders = map[string]func(io.Reader) (io.Reader, error){
	"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"br":   func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
	"zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) },
}

// decoded is what a body was before it was encoded. It may be cut off if that is so.
func decoded(t *testing.T, decode func(io.Reader) (io.Reader, error), body string, cut bool) string {
	t.Helper()
	r, err := decode(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil && !cut {
		t.Errorf("a body does not decode: %v", err)
	}
	return string(text)
}
