package load

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/http1/http1test"
)

// talk feeds b to an exchange of r, in pieces as parse does, as a connection does it,
// and tells what comes of each reply.
func talk(r *request, b []byte, cuts ...byte) (told []string) {
	var x exchange
	x.begin(r, 0, 0)
	for i := 0; len(b) > 0; i++ {
		piece := b
		if n := int(cuts[i%len(cuts)]); n > 0 && n < len(b) {
			piece = b[:n]
		}
		b = b[len(piece):]
		piece = bytes.Clone(piece)
		for rest := piece; ; {
			var f *fault
			if rest, f = x.take(rest); f != nil {
				return append(told, fmt.Sprint(causeOf(f), ", left ", len(rest)))
			}
			if len(rest) == 0 {
				break
			}
			told = append(told, judgement(&x))
			if x.reply.Close {
				return append(told, fmt.Sprint("left ", len(rest)))
			}
			x.begin(r, 0, 0)
		}
		clear(piece) // it is gone as soon as it was taken
	}
	if !x.reply.End() {
		return append(told, fmt.Sprint("cut, headed ", x.reply.Headed(), ", after ", x.reply.Size))
	}
	return append(told, judgement(&x))
}

// judgement is all that is told of a whole reply.
func judgement(x *exchange) string {
	p := &x.reply
	text := fmt.Sprintf("status %d, %d bytes of %d, date %d, close %v, first byte %v", p.Status, p.Size, p.Wire, p.Date, p.Close, x.first)
	f := x.check()
	if f == faultWrongBody {
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
var judges = []Target{
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
		read := &request{head: head, judged: want.judged(), want: &want, now: func() time.Duration { return 1 }}
		compared := new(request)
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
		r := &request{judged: judges[test.target].judged(), want: &judges[test.target], known: new(known)}
		talk(r, []byte(test.in), test.cut)
		if got := string(r.known.bytes); test.known != (got == test.in) || !test.known && got != "" {
			t.Errorf("%s: known is %q", test.name, got)
		}
	}
	r := &request{judged: true, want: &judges[1], known: new(known)}
	in := ok + "Content-Length: 5\r\n\r\nhello"
	for range 2 {
		talk(r, []byte(in), 0)
	}
	if string(r.known.bytes) != in {
		t.Error("the last right body again is not known")
	}
}

// The raw engine compares a reply that is always the same with the known one, the
// others read each. A reply with which the connection ends is read as well.
func TestKnownIsNotRead(t *testing.T) {
	const last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\n" + hello
	const n = 100
	for _, in := range []string{helloReply, last} {
		eachEngine(t, func(t *testing.T, open opener) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var replies, asked atomic.Int64
			s := serve(t, func(c net.Conn, _ int, _ string) bool {
				if replies.Add(1) == n {
					cancel()
				}
				return says(in)(c, 0, "") && in != last
			})
			defer s.close()
			c := helloConfig(s, 4)
			match := c.Targets[0].Match
			c.Targets[0].Match = func(off int64, b []byte) bool { asked.Add(1); return match(off, b) }
			r := untilCancelled(t, open, c, ctx)
			got := uint64(asked.Load())
			if few := uint64(runtime.GOMAXPROCS(0)); knows(t) && in != last && got > few {
				t.Errorf("asked %d times, want once for each of %d workers", got, few)
			} else if (!knows(t) || in == last) && got < r.Answered {
				t.Errorf("asked %d times about %d replies", got, r.Answered)
			}
			if r.Errored() > 0 || r.Compared != r.Answered || r.Answered == 0 {
				t.Errorf("%v", summary(r))
			}
		})
	}
}

// A reply that stays the same while time goes on comes from a cache. The time to the
// first byte of a known reply is told as of any other.
func TestKnownGetsStale(t *testing.T) {
	t.Parallel()
	for _, name := range []string{Raw, "sync"} {
		date := time.Now().Add(time.Hour)
		s := serve(t, says(strings.Replace(helloReply, "\r\n", "\r\nDate: "+date.UTC().Format(http.TimeFormat)+"\r\n", 1)))
		c := helloConfig(s, 2)
		c.FirstByte = true
		load := mustOpen(t, openers()[name], c)
		for _, stale := range []bool{false, true} {
			if stale {
				load.(*raw).setup.wall = func() time.Time { return date.Add(time.Hour) }
			}
			r := slicesUntil(t, load, Window{Span: 20 * time.Millisecond}, func(r *Result) bool { return r.Answered > 10 })
			if r.Answered < 10 || stale && (r.Stale != r.Answered || r.StaleAge < time.Hour) || !stale && r.Errored() > 0 {
				t.Errorf("%s, stale %v: %d by %v: %v", name, stale, r.Stale, r.StaleAge, summary(r))
			}
			if n := r.First.TotalCount(); n != int64(r.Counted) {
				t.Errorf("%s: %d first bytes of %d replies", name, n, r.Counted)
			}
		}
		load.Close()
		s.close()
	}
}
