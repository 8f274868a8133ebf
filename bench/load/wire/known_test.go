package wire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/http1"
	"github.com/benchctl/benchctl/apps/http1/http1test"
	"github.com/benchctl/benchctl/bench/load"
)

// talk feeds b to an exchange of r, in pieces as parse does, as a connection does it,
// and tells what comes of each reply.
func talk(r *Request, b []byte, cuts ...byte) (told []string) {
	var x Exchange
	x.Begin(r, 0, 0)
	for i := 0; len(b) > 0; i++ {
		piece := b
		if n := int(cuts[i%len(cuts)]); n > 0 && n < len(b) {
			piece = b[:n]
		}
		b = b[len(piece):]
		piece = bytes.Clone(piece)
		for rest := piece; ; {
			var f *http1.Fault
			if rest, f = x.Take(rest); f != nil {
				return append(told, fmt.Sprintf("%s: %s, left %d", f.Kind, f.Cause, len(rest)))
			}
			if len(rest) == 0 {
				break
			}
			told = append(told, judgement(&x))
			if x.Reply.Close {
				return append(told, fmt.Sprint("left ", len(rest)))
			}
			x.Begin(r, 0, 0)
		}
		clear(piece) // it is gone as soon as it was taken
	}
	if !x.Reply.End() {
		return append(told, fmt.Sprint("cut, headed ", x.Reply.Headed(), ", after ", x.Reply.Size))
	}
	return append(told, judgement(&x))
}

// judgement is all that is told of a whole reply.
func judgement(x *Exchange) string {
	p := &x.Reply
	text := fmt.Sprintf("status %d, %d bytes of %d, date %d, close %v, first byte %v", p.Status, p.Size, p.Wire, p.Date, p.Close, x.First)
	f := x.Check()
	if f == WrongBody {
		text += ": " + *x.differs
	}
	return fmt.Sprint(text, ": ", f)
}

// spelled matches a body that is "hello" over and over.
func spelled(off int64, block []byte) bool {
	for i, c := range block {
		if c != "hello"[(off+int64(i))%5] {
			return false
		}
	}
	return true
}

// judges are the ways to judge a body.
var judges = []load.Target{
	{Length: -1, Match: spelled},
	{Length: -1, Whole: func(b []byte) bool { return spelled(0, b) }},
	{Length: 5, Status: 200},
}

// A reply that is compared with the known one comes to the same as one that is read,
// whatever came before, and in whatever pieces it comes.
func FuzzKnown(f *testing.F) {
	for i, r := range http1test.Replies() {
		if len(r.Text) < 1000 {
			f.Add([]byte(r.Text), []byte{0, 9, '9', 0, byte(len(r.Text) - 1), 'x'}, r.Head, []byte{0}, uint8(i))
			f.Add([]byte(r.Text), []byte{0, 1, 'x'}, r.Head, []byte{0, 0, 0, 40}, uint8(i+1))
		}
	}
	dated := "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 5\r\n\r\nhello"
	for how := range judges {
		f.Add([]byte(dated), []byte{0, 41, '8', 0, 74, 'x', 0, 71, 'y'}, false, []byte{0, 0, 7}, uint8(how))
	}
	f.Fuzz(func(t *testing.T, in, changes []byte, head bool, cuts []byte, how uint8) {
		if len(cuts) == 0 {
			cuts = []byte{0}
		}
		want := judges[int(how)%len(judges)]
		read := &Request{head: head, Judged: want.Judged(), Want: &want, Now: func() time.Duration { return 1 }}
		compared := new(Request)
		*compared = *read
		compared.known = new(known)
		same := func(b []byte) {
			for _, c := range [][]byte{{0}, cuts} {
				if got, want := talk(compared, b, c...), talk(read, b, c...); strings.Join(got, "\n") != strings.Join(want, "\n") {
					t.Fatalf("%q in pieces of %v: got\n%s\nwant\n%s\nknown: %q", b, c, strings.Join(got, "\n"), strings.Join(want, "\n"), compared.known.bytes)
				}
			}
		}
		same(in)
		same(in)
		for ; len(changes) >= 3; changes = changes[3:] {
			other := bytes.Clone(in)
			if at := int(changes[0])<<8 | int(changes[1]); at < len(other) {
				other[at] = changes[2]
			}
			same(other)
			same(in)
			same(append(bytes.Clone(in), other...))
			same(append(bytes.Clone(other), in...))
			same(append(bytes.Clone(in), in...))
		}
	})
}

// A reply is known only if it is right, came in one piece, and the connection goes on.
func TestLearned(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	large := strings.Repeat("hello", maxKnown/5)
	for _, test := range []struct {
		name, in string
		cut      byte
		target   int
		known    bool
	}{
		{"sized", ok + "Content-Length: 5\r\n\r\nhello", 0, 0, true},
		{"chunked", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 0, 0, true},
		{"interim", "HTTP/1.1 103 Early Hints\r\n\r\n" + ok + "Content-Length: 5\r\n\r\nhello", 0, 0, true},
		{"not compared", ok + "Content-Length: 5\r\n\r\nhullo", 0, 2, true},
		{"in pieces", ok + "Content-Length: 5\r\n\r\nhello", 20, 0, false},
		{"wrong", ok + "Content-Length: 5\r\n\r\nhullo", 0, 0, false},
		{"of another status", "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello", 0, 0, false},
		{"of another length", ok + "Content-Length: 10\r\n\r\nhellohello", 0, 2, false},
		{"the last one", ok + "Connection: close\r\nContent-Length: 5\r\n\r\nhello", 0, 0, false},
		{"until the end", ok + "\r\nhello", 0, 0, false},
		{"malformed", ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 0, 0, false},
		{"too long", ok + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(large), large), 0, 0, false},
		{"not judged yet", ok + "Content-Length: 5\r\n\r\nhello", 0, 1, false},
	} {
		r := &Request{Judged: judges[test.target].Judged(), Want: &judges[test.target], known: new(known)}
		talk(r, []byte(test.in), test.cut)
		if got := string(r.known.bytes); test.known != (got == test.in) || !test.known && got != "" {
			t.Errorf("%s: known is %q", test.name, got)
		}
	}
	r := &Request{Judged: true, Want: &judges[1], known: new(known)}
	in := ok + "Content-Length: 5\r\n\r\nhello"
	for range 2 {
		talk(r, []byte(in), 0)
	}
	if string(r.known.bytes) != in {
		t.Error("the last right body again is not known")
	}
}
