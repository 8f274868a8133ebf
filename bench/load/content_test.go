package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// untilCancelled runs a slice that lasts until cancel is called.
func untilCancelled(t *testing.T, open opener, c Config, ctx context.Context) *Result {
	t.Helper()
	load := mustOpen(t, open, c)
	defer load.Close()
	r, err := load.Slice(ctx, Window{Span: time.Hour})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return r
}

// A server that is wrong once in 10,000 replies is caught, right after a reply that
// was the same for long.
func TestWrongOnce(t *testing.T) {
	const wrong = 10_000
	eachEngine(t, func(t *testing.T, open opener) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := serve(t, func(c net.Conn, n int, _ string) bool {
			switch n {
			case wrong:
				return says(strings.Replace(helloReply, "World", "Wurld", 1))(c, n, "")
			case wrong + 1: // the client has the one before
				cancel()
			}
			return says(helloReply)(c, n, "")
		})
		defer s.close()
		r := untilCancelled(t, open, helloConfig(s, 1), ctx)
		if r.Wrong != 1 || r.Errors[ErrWrongBody] != 1 || r.Errored() != 1 || r.Compared != r.Answered || r.Counted != r.Answered-1 || r.Answered < wrong {
			t.Errorf("%v", summary(r))
		}
		if want := `GET /hello: other content at offset 8, in "Hello, Wurld!", of 13 bytes`; r.WrongBody != want {
			t.Errorf("described as %s, want %s", r.WrongBody, want)
		}
	})
}

// knows tells whether the engine that eachEngine tests remembers replies.
func knows(t *testing.T) bool {
	return runtime.GOOS == "linux" && strings.Contains(t.Name(), "/"+Raw)
}

// Whole is asked again only about a body that is not the last right one.
func TestWhole(t *testing.T) {
	bodies := []string{"", hello, hello, "Hello", hello, "Hello, World!!", "Hallo", hello, hello}
	for _, framing := range []string{"sized", "chunked"} {
		eachEngine(t, func(t *testing.T, open opener) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := serve(t, func(c net.Conn, n int, _ string) bool {
				if n > len(bodies) {
					cancel()
				}
				body := bodies[min(n, len(bodies))-1]
				reply := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				if framing == "chunked" {
					reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
					for _, b := range []byte(body) {
						reply += "1\r\n" + string(b) + "\r\n"
					}
					reply += "0\r\n\r\n"
				}
				return says(reply)(c, n, "")
			})
			defer s.close()
			c := helloConfig(s, 1)
			var judged []string // in one goroutine, or under a lock
			c.Targets[0].Length = -1
			c.Targets[0].Whole = func(b []byte) bool {
				judged = append(judged, string(b))
				return len(b) != len("Hallo") || b[1] != 'a'
			}
			r := untilCancelled(t, open, c, ctx)
			want := []string{"", hello, "Hello", hello, "Hello, World!!", "Hallo", hello}
			if knows(t) { // the reply with hello since its second time
				want = []string{"", hello, "Hello", "Hello, World!!", "Hallo"}
			}
			if !slices.Equal(judged, want) {
				t.Errorf("%s: judged %q, want %q", framing, judged, want)
			}
			if r.Wrong != 1 || r.Errored() != 1 || r.WrongBody != `GET /hello: other content, which begins with "Hallo", of 5 bytes` {
				t.Errorf("%s: %v %s", framing, summary(r), r.WrongBody)
			}
		})
	}
}

func TestDifference(t *testing.T) {
	right := []byte(strings.Repeat("0123456789", 10))
	match := func(off int64, b []byte) bool { return bytes.HasPrefix(right[off:], b) }
	for _, test := range []struct {
		off  int64
		at   int // in the block
		want string
	}{
		{0, 0, `offset 0, in "x123456789012345678901234567890123456789"`},
		{0, 20, `offset 20, in "01234567890123456789x1234567890123456789"`},
		{0, 99, `offset 99, in "012345678901234567890123456789012345678x"`},
		{40, 25, `offset 65, in "56789012345678901234x6789012345678901234"`},
		{98, 1, `offset 99, in "8x"`},
		{99, 0, `offset 99, in "x"`},
	} {
		block := bytes.Clone(right[test.off:])
		block[test.at] = 'x'
		if got := difference(match, test.off, block); got != "other content at "+test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

// More than 16 MiB are not kept.
func TestWholeTooLong(t *testing.T) {
	x := exchange{}
	x.begin(&request{judged: true, want: &Target{Status: 200, Length: -1, Whole: func([]byte) bool { return true }}}, 0, 0)
	x.reply.Status = 200
	block := make([]byte, 1<<20)
	for off := range int64(maxWhole/len(block) + 1) {
		x.compare(off*int64(len(block)), block)
	}
	if f := x.check(); f != faultWrongBody {
		t.Errorf("fault %v", f)
	}
}

// The wrong replies of all connections are counted, and the first is described.
func TestWrongEverywhere(t *testing.T) {
	eachEngine(t, func(t *testing.T, open opener) {
		var wrong atomic.Uint64
		s := serve(t, func(c net.Conn, n int, _ string) bool {
			if n%7 != 0 {
				return says(helloReply)(c, n, "")
			}
			wrong.Add(1)
			return says(strings.Replace(helloReply, "Hello", "Hullo", 1))(c, n, "")
		})
		defer s.close()
		load := mustOpen(t, open, helloConfig(s, 5))
		defer load.Close()
		r := patient(Window{Span: 20 * time.Millisecond}, func(w Window) *Result {
			wrong.Store(0)
			r, err := load.Slice(t.Context(), w)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}, func(r *Result) bool { return r.Wrong >= 5 })
		if r.Wrong != wrong.Load() || r.Errored() != r.Wrong || !strings.Contains(r.WrongBody, `offset 1, in "Hullo, World!"`) {
			t.Errorf("%d wrong, told %d, %s", wrong.Load(), r.Wrong, r.WrongBody)
		}
	})
}
