package load

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// outcome is all there is to know about a parsed reply.
type outcome struct {
	status int
	body   string
	close  bool
	whole  bool
	fault  *fault
}

// parse parses b in pieces: cuts[i] is the length of the i-th, 0 the rest; they
// start over when there are no more. The connection ends after b.
func parse(b []byte, head bool, cuts ...byte) (o outcome) {
	var p parser
	p.reset(head)
	var body []byte
	for i := 0; len(b) > 0 && o.fault == nil; i++ {
		piece := b
		if n := int(cuts[i%len(cuts)]); n > 0 && n < len(b) {
			piece = b[:n]
		}
		b = b[len(piece):]
		// A piece is gone as soon as it is parsed.
		piece = bytes.Clone(piece)
		for rest := piece; len(rest) > 0 && o.fault == nil; {
			if p.whole() {
				o.fault = faultTrailing
				break
			}
			var block []byte
			var n int
			block, n, o.fault = p.next(rest)
			body, rest = append(body, block...), rest[n:]
		}
		clear(piece)
	}
	if o.fault != nil {
		o.fault = &fault{kind: o.fault.kind, cause: o.fault.cause} // the line it was found in may be cut
	}
	o.whole = o.fault == nil && p.end()
	o.status, o.close, o.body = p.status, p.close, string(body)
	if !o.whole {
		// What came before is of no use.
		o.status, o.close, o.body = 0, false, ""
	}
	return o
}

func ok(status int, body string, close bool) outcome {
	return outcome{status: status, body: body, close: close, whole: true}
}

func bad(f *fault) outcome { return outcome{fault: f} }

// is tells whether two outcomes are alike.
func (o outcome) is(other outcome) bool {
	if o.fault != nil && other.fault != nil && *o.fault == *other.fault {
		o.fault = other.fault
	}
	return o == other
}

var replies = []struct {
	name string
	head bool
	in   string
	want outcome
}{
	{"sized", false, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", ok(200, "hello", false)},
	{"sized, odd case and space", false, "HTTP/1.1 200 OK\r\ncOnTent-lEngth:5\t \r\n\r\nhello", ok(200, "hello", false)},
	{"same length twice", false, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", ok(200, "hello", false)},
	{"empty", false, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ok(200, "", false)},
	{"no reason", false, "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", ok(200, "", false)},
	{"no reason, no space", false, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", ok(200, "", false)},
	{"close", false, "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 1\r\n\r\nx", ok(200, "x", true)},
	{"until close", false, "HTTP/1.1 200 OK\r\n\r\nhello", ok(200, "hello", true)},
	{"1.0", false, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", ok(200, "x", true)},
	{"1.0 keep-alive", false, "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx", ok(200, "x", false)},
	{"204", false, "HTTP/1.1 204 No Content\r\n\r\n", ok(204, "", false)},
	{"304 with length", false, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", ok(304, "", false)},
	{"HEAD", true, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", ok(200, "", false)},
	{"HEAD chunked", true, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ok(200, "", false)},
	{"interim", false, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", ok(200, "x", false)},
	{"chunked", false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", ok(200, "hello!", false)},
	{"chunked, extensions and trailer", false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0005;a=b\r\nhello\r\nA ;c=\"d\"\r\n0123456789\r\n0;e\r\nSum: 1\r\nX:\r\n\r\n", ok(200, "hello0123456789", false)},

	{"nothing", false, "", outcome{}},
	{"cut head", false, "HTTP/1.1 200 OK\r\nContent-Len", outcome{}},
	{"cut body", false, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", outcome{}},
	{"cut chunks", false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", outcome{}},
	{"cut trailer", false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", outcome{}},

	{"version", false, "HTTP/2.0 200 OK\r\n\r\n", bad(faultStatusLine)},
	{"version 1.2", false, "HTTP/1.2 200 OK\r\n\r\n", bad(faultStatusLine)},
	{"no HTTP", false, "220 mail ESMTP\r\n\r\n", bad(faultStatusLine)},
	{"status", false, "HTTP/1.1 20x OK\r\n\r\n", bad(faultStatusLine)},
	{"status too long", false, "HTTP/1.1 2000 OK\r\n\r\n", bad(faultStatusLine)},
	{"status too low", false, "HTTP/1.1 099 OK\r\n\r\n", bad(faultStatusLine)},
	{"bare LF", false, "HTTP/1.1 200 OK\nContent-Length: 0\n\n", bad(faultLine)},
	{"bare CR", false, "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", bad(faultField)},
	{"folded", false, "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 1\r\n\r\nx", ok(200, "x", false)},
	{"folded length", false, "HTTP/1.1 200 OK\r\nContent-Length:\r\n\t 1\r\n\r\nx", ok(200, "x", false)},
	{"folded coding", false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: \r\n \r\n chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\n", ok(200, "", false)},
	{"folded bare LF", false, "HTTP/1.1 200 OK\r\nA: b\n c\r\n\r\n", bad(faultLine)},
	{"folded status line", false, "HTTP/1.1 200 OK\r\n A: b\r\n\r\n", bad(faultField)},
	{"space before colon", false, "HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\nx", bad(faultField)},
	{"no colon", false, "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n", bad(faultField)},
	{"NUL", false, "HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n", bad(faultField)},
	{"length sign", false, "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", bad(faultLengthField)},
	{"length empty", false, "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", bad(faultLengthField)},
	{"length list", false, "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello", bad(faultLengthField)},
	{"length overflow", false, "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n", bad(faultLengthField)},
	{"lengths differ", false, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", bad(faultLengthField)},
	{"length and chunked", false, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", bad(faultBoth)},
	{"other coding", false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", bad(faultEncoding)},
	{"chunked twice", false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", bad(faultEncoding)},
	{"1.0 chunked", false, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", bad(faultEncoding)},
	{"101", false, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", bad(faultSwitch)},
	{"chunk size", false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n", bad(faultChunk)},
	{"chunk size empty", false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n;a\r\n", bad(faultChunk)},
	{"chunk size overflow", false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8000000000000000\r\n", bad(faultChunk)},
	{"chunk end", false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", bad(faultLong)},
	{"trailer", false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n", bad(faultField)},
	{"long line", false, "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", maxHead) + "\r\n\r\n", bad(faultLong)},
	{"long head", false, "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", maxHead/6) + "\r\n", bad(faultLong)},
	{"interim for ever", false, strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", maxHead/25+1), bad(faultLong)},
	{"trailing", false, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy", bad(faultTrailing)},
	{"trailing 204", false, "HTTP/1.1 204 OK\r\n\r\nx", bad(faultTrailing)},
	{"trailing HEAD", true, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", bad(faultTrailing)},
	{"trailing chunked", false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\r\n", bad(faultTrailing)},
}

func TestParse(t *testing.T) {
	for _, r := range replies {
		t.Run(r.name, func(t *testing.T) {
			b := []byte(r.in)
			if got := parse(b, r.head, 0); !got.is(r.want) {
				t.Errorf("got %+v %v, want %+v", got, got.fault, r.want)
			}
			for n := range min(len(b), 255) {
				if got := parse(b, r.head, byte(n), 0, 0, 0, 0, 0, 0, 0); kind(got) != kind(r.want) || got.body != r.want.body {
					t.Fatalf("split at %d: got %+v %v, want %+v", n, got, got.fault, r.want)
				}
			}
			if got := parse(b, r.head, 1); kind(got) != kind(r.want) || got.body != r.want.body {
				t.Errorf("split at all: got %+v %v, want %+v", got, got.fault, r.want)
			}
		})
	}
}

// kind is what must not depend on how a reply is split; the cause may.
func kind(o outcome) string {
	if o.fault == nil {
		return ""
	}
	return o.fault.kind
}

func FuzzParse(f *testing.F) {
	for _, r := range replies {
		if len(r.in) < 1000 {
			f.Add([]byte(r.in), r.head, []byte{1})
			f.Add([]byte(r.in), r.head, []byte{7, 2, 30, 0})
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, head bool, cuts []byte) {
		if len(cuts) == 0 {
			cuts = []byte{0}
		}
		want := parse(b, head, 0)
		got := parse(b, head, cuts...)
		if kind(got) != kind(want) {
			t.Fatalf("split: got %v, want %v", got.fault, want.fault)
		}
		got.fault, want.fault = nil, nil
		if !got.is(want) {
			t.Fatalf("split: got %+v, want %+v", got, want)
		}
		if want.whole {
			std, err := standard(b, head)
			if err != nil && stricter(err) {
				return
			}
			if err != nil {
				t.Fatalf("net/http: %v, here %+v", err, want)
			}
			if std != want {
				t.Fatalf("net/http: %+v, here %+v", std, want)
			}
		}
	})
}

// stricter tells whether err is of what net/http refuses though the RFC has a
// recipient accept it.
func stricter(err error) bool {
	// Space between chunk size and extension (RFC 9112 section 7.1.1).
	return err.Error() == "invalid byte in chunk length"
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
		return ok(r.StatusCode, string(body), r.Close), nil
	}
}

func BenchmarkParse(b *testing.B) {
	for name, in := range map[string]string{
		"sized":   "HTTP/1.1 200 OK\r\nServer: fasthttp\r\nDate: Mon, 23 Nov 2026 09:00:00 GMT\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 13\r\n\r\n" + hello,
		"chunked": "HTTP/1.1 200 OK\r\nServer: x\r\nDate: Mon, 23 Nov 2026 09:00:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n" + hello + "\r\n0\r\n\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			reply := []byte(in)
			r := &request{want: &Target{Length: int64(len(hello))}}
			var x exchange
			b.ReportAllocs()
			b.SetBytes(int64(len(reply)))
			for b.Loop() {
				x.begin(r, 0, 0)
				if rest, f := x.take(reply); !x.reply.whole() || len(rest) > 0 || f != nil {
					b.Fatal(len(rest), f)
				}
			}
		})
	}
}
