package http1

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps/http1/http1test"
)

// outcome is all there is to know about a reply.
type outcome struct {
	status      int
	header      string
	body        string
	close       bool
	whole       bool
	kind, fault string
}

// parse parses b in pieces: cuts[i] is the length of the i-th, 0 the rest; they
// start over when there are no more. The connection ends after b.
func parse(b []byte, head bool, cuts ...byte) outcome {
	var r Reply
	r.Reset(head)
	r.Header = http.Header{}
	var body []byte
	var f *Fault
	for i := 0; len(b) > 0 && f == nil; i++ {
		piece := b
		if n := int(cuts[i%len(cuts)]); n > 0 && n < len(b) {
			piece = b[:n]
		}
		b = b[len(piece):]
		piece = bytes.Clone(piece)
		for rest := piece; len(rest) > 0 && f == nil; {
			if r.Whole() {
				f = Trailing
				break
			}
			var block []byte
			var n int
			block, n, f = r.Next(rest)
			body, rest = append(body, block...), rest[n:]
		}
		clear(piece) // it is gone as soon as it is read
	}
	if f == nil && !r.End() {
		f = Cut
	}
	if f != nil {
		return outcome{kind: f.Kind, fault: f.Cause} // what came before is of no use
	}
	return outcome{status: int(r.Status), header: told(r.Header), body: string(body), close: r.Close, whole: true}
}

// told is the fields that net/http leaves in a header, with single spaces: it makes as
// many of a fold as that has lines.
func told(h http.Header) string {
	for _, name := range []string{"Connection", "Content-Length", "Transfer-Encoding", "Trailer"} {
		h.Del(name)
	}
	for _, values := range h {
		for i, v := range values {
			values[i] = strings.Join(strings.Fields(v), " ")
		}
	}
	return fmt.Sprint(h)
}

func TestParse(t *testing.T) {
	for _, r := range http1test.Replies() {
		t.Run(r.Name, func(t *testing.T) {
			b := []byte(r.Text)
			got := parse(b, r.Head, 0)
			if got.fault != r.Fault || got.status != r.Status || got.body != r.Body || got.close != r.Close {
				t.Errorf("got %d, %q, close %v, %s; want %d, %q, close %v, %s", got.status, got.body, got.close, got.fault, r.Status, r.Body, r.Close, r.Fault)
			}
			pieces := [][]byte{{1}}
			for n := range min(len(b), 255) {
				pieces = append(pieces, []byte{byte(n), 0, 0, 0, 0, 0, 0, 0})
			}
			for _, cuts := range pieces {
				if other := parse(b, r.Head, cuts...); !other.like(got) {
					t.Fatalf("in pieces of %v: %+v, want %+v", cuts, other, got)
				}
			}
		})
	}
}

// like reports whether a reply came to the same in other pieces. The cause of a fault may
// be another where there is more than one.
func (o outcome) like(other outcome) bool {
	o.fault = other.fault
	return o == other
}

// The header is that of the final reply.
func TestHeader(t *testing.T) {
	const text = "HTTP/1.1 103 Early Hints\r\nA: not this\r\nLink: </a>\r\n\r\n" +
		"HTTP/1.1 200 OK\r\na: 1\r\nB-b:2 \t\r\nA: \r\n\t3\r\n 4\r\nC:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: nor this\r\n\r\n"
	var r Reply
	for _, whole := range []bool{true, false} {
		r.Reset(false)
		r.Header = http.Header{}
		for b := []byte(text); len(b) > 0; {
			piece := b
			if !whole {
				piece = b[:1]
			}
			_, n, f := r.Next(piece)
			if f != nil {
				t.Fatal(f)
			}
			b = b[n:]
		}
		if got, want := fmt.Sprint(r.Header), "map[A:[1 3 4] B-B:[2] C:[] Transfer-Encoding:[chunked]]"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if len(r.Header["A"]) != 2 || len(r.Header["C"]) != 1 || r.Interims != 1 || !r.Folded || !r.Chunked || !r.Whole() {
			t.Errorf("%+v", r)
		}
	}
}

// What has come of a reply is known at any byte of it.
func TestProgress(t *testing.T) {
	const text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	final, body := strings.Index(text, "HTTP/1.1 200"), strings.Index(text, "hi")
	var r Reply
	r.Reset(false)
	for at := range len(text) {
		if r.Begun() != (at > 0) || r.Headed() != (at >= body) || r.Whole() || r.Interims > 0 != (at >= final) || r.Size != int64(max(0, at-body)) {
			t.Errorf("after %q: %+v", text[:at], r)
		}
		if _, n, f := r.Next([]byte{text[at]}); n != 1 || f != nil {
			t.Fatal(n, f)
		}
	}
	if !r.Whole() || !r.End() || r.Size != 2 {
		t.Errorf("%+v", r)
	}
	if r.Reset(false); r.Cut().Error() != http1test.Cut {
		t.Error(r.Cut())
	}
	if _, _, f := r.Next([]byte("Hello, World!")); f != nil || r.Cut().Error() != http1test.Cut+`, in "Hello, World!"` {
		t.Errorf("%v, %v", f, r.Cut())
	}
}

// A reply becomes another, and can be begun again.
func TestBecome(t *testing.T) {
	var r, same Reply
	r.Reset(false)
	for b := []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"); len(b) > 0; {
		_, n, f := r.Next(b)
		if f != nil {
			t.Fatal(f)
		}
		b = b[n:]
	}
	if same.Become(&r); !same.Whole() || same.Status != 200 || same.Size != 2 {
		t.Errorf("%+v became %+v", r, same)
	}
	if r.Reset(true); r.Begun() || r.Headed() || r.Whole() || r.End() || r.Interims > 0 {
		t.Errorf("%+v", r)
	}
}

// A reply comes to the same in any pieces, and to what net/http makes of it.
func FuzzParse(f *testing.F) {
	for _, r := range http1test.Replies() {
		if len(r.Text) < 1000 {
			f.Add([]byte(r.Text), r.Head, []byte{1})
			f.Add([]byte(r.Text), r.Head, []byte{7, 2, 30, 0})
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, head bool, cuts []byte) {
		if len(cuts) == 0 {
			cuts = []byte{0}
		}
		want := parse(b, head, 0)
		if got := parse(b, head, cuts...); !got.like(want) {
			t.Fatalf("in pieces: %+v, want %+v", got, want)
		}
		if !want.whole {
			return
		}
		std, err := standard(b, head)
		switch {
		case err != nil && stricter(err):
		case err != nil:
			t.Fatalf("net/http: %v, here %+v", err, want)
		case std != want:
			t.Fatalf("net/http: %+v, here %+v", std, want)
		}
	})
}

// stricter reports whether err is of what net/http refuses though the RFC has a
// recipient accept it.
func stricter(err error) bool {
	// Space between chunk size and extension (RFC 9112 section 7.1.1), and the same length
	// in other digits: 05 and 5.
	text := err.Error()
	return text == "invalid byte in chunk length" || strings.HasPrefix(text, "http: message cannot contain multiple Content-Length headers")
}

// standard is what net/http makes of a reply.
func standard(b []byte, head bool) (outcome, error) {
	request := &http.Request{Method: http.MethodGet}
	if head {
		request.Method = http.MethodHead
	}
	in := bufio.NewReader(bytes.NewReader(b))
	for {
		r, err := http.ReadResponse(in, request)
		if err != nil {
			return outcome{}, err
		}
		if r.StatusCode < 200 {
			continue
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return outcome{}, err
		}
		if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
			return outcome{}, errors.New("bytes after the reply")
		}
		return outcome{status: r.StatusCode, header: told(r.Header), body: string(body), close: r.Close, whole: true}, nil
	}
}
