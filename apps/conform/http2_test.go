package conform_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/http1/http1test"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// rightH2 serves the suite over HTTP/2 as it should be served.
func rightH2(t *testing.T) string { return h2With(t, func(r apps.Response) apps.Response { return r }) }

// h2With serves the suite over HTTP/2 correctly but for what change does to its replies.
func h2With(t *testing.T, change func(apps.Response) apps.Response) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := suite.Mux()
	ctx, cancel := context.WithCancel(context.Background())
	if err := mux.(apps.Starter).Start(ctx); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		served <- nethttp.ServeH2C(ctx, drain.New(ln), apps.Func(func(req apps.Request, res apps.Response) error {
			return mux.Serve(req, change(res))
		}))
	}()
	t.Cleanup(func() {
		cancel()
		<-served
		_ = mux.(apps.Stopper).Stop(context.Background())
	})
	return ln.Addr().String()
}

// overHTTP2 makes the check of that id.
func overHTTP2(t *testing.T, address, id string) conform.Finding {
	return conform.One(t.Context(), conform.Target{Address: address, HTTP2: true}, id)
}

func TestARightServerPassesOverHTTP2(t *testing.T) {
	address := rightH2(t)
	for _, c := range conform.Checks() {
		if c.HTTP2 && !c.Each && c.ID != "h2-length-alone" { // which net/http takes
			if f := overHTTP2(t, address, c.ID); f.Err != nil || f.Skipped != "" {
				t.Errorf("%s: %v %s", f.ID, f.Err, f.Skipped)
			}
		}
	}
	for _, name := range append(loadable(t), "size?bytes=1", "size?bytes=2000000", "echo?bytes=300000", "stream?chunks=3&ms=2", "headers?count=0", "upload?bytes=4000000") {
		findings := conform.App(t.Context(), conform.Target{Address: address, HTTP2: true}, parse(t, name))
		if len(findings) < 6 {
			t.Errorf("%s: %d findings", name, len(findings))
		}
		for _, f := range findings {
			if f.Err != nil || !f.HTTP2 {
				t.Errorf("%s: %s: %v", name, f.ID, f.Err)
			}
		}
	}
}

// h2Conn is a connection of a server that speaks HTTP/2 as it is told. It judges no
// request and sends what it likes, whatever the windows say.
type h2Conn struct {
	net.Conn
	mu     sync.Mutex
	framer *http2.Framer
	silent bool // it acknowledges no SETTINGS
	deaf   bool // it answers no PING
	strict bool // it ends at a frame of an unknown type
}

// h2Request is a request that is whole.
type h2Request struct {
	*h2Conn
	id           uint32
	method, path string
	body         []byte
}

// head sends a header of names and values in turn.
func (r *h2Request) head(end bool, fields ...string) {
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	r.mu.Lock()
	defer r.mu.Unlock()
	enc.SetMaxDynamicTableSize(0)
	for i := 0; i < len(fields); i += 2 {
		enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	r.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: r.id, BlockFragment: block.Bytes(), EndStream: end, EndHeaders: true})
}

func (r *h2Request) data(end bool, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(text) > 16384 {
		r.framer.WriteData(r.id, false, []byte(text[:16384]))
		text = text[16384:]
	}
	r.framer.WriteData(r.id, end, []byte(text))
}

func (r *h2Request) reset(code http2.ErrCode) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.framer.WriteRSTStream(r.id, code)
}

// reply sends a whole reply.
func (r *h2Request) reply(status int, body string) {
	r.head(false, ":status", strconv.Itoa(status), "content-type", "text/plain")
	r.data(true, body)
}

// speak serves a connection, each request by handle once it is whole.
func (c *h2Conn) speak(handle func(*h2Request)) {
	if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	c.mu.Lock()
	c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
	c.framer.WriteWindowUpdate(0, 1<<30)
	c.mu.Unlock()
	dec := hpack.NewDecoder(4096, nil)
	requests := make(map[uint32]*h2Request)
	for {
		f, err := c.framer.ReadFrame()
		if err != nil {
			return
		}
		id := f.Header().StreamID
		whole := false
		switch f := f.(type) {
		case *http2.HeadersFrame:
			r := &h2Request{h2Conn: c, id: id}
			fields, _ := dec.DecodeFull(f.HeaderBlockFragment())
			for _, field := range fields {
				switch field.Name {
				case ":method":
					r.method = field.Value
				case ":path":
					r.path = field.Value
				}
			}
			requests[id], whole = r, f.StreamEnded()
		case *http2.DataFrame:
			requests[id].body = append(requests[id].body, f.Data()...)
			whole = f.StreamEnded()
		default:
			if !c.control(f) {
				return
			}
		}
		if whole {
			handle(requests[id])
		}
	}
}

// control takes a frame of no request, and reports whether the connection goes on.
func (c *h2Conn) control(f http2.Frame) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() && !c.silent {
			c.framer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !c.deaf {
			c.framer.WritePing(true, f.Data)
		}
	case *http2.UnknownFrame:
		if c.strict {
			c.framer.WriteGoAway(1, http2.ErrCodeProtocol, nil)
			return false
		}
	}
	return true
}

// h2Served serves each connection of a server that has such faults.
func h2Served(handle func(*h2Request), faults ...func(*h2Conn)) func(*testing.T) string {
	return func(t *testing.T) string {
		return http1test.Listen(t, func(conn net.Conn) {
			c := &h2Conn{Conn: conn, framer: http2.NewFramer(conn, conn)}
			for _, fault := range faults {
				fault(c)
			}
			c.speak(handle)
		})
	}
}

// h2Lenient answers any request.
func h2Lenient(r *h2Request) { r.reply(200, "Hello, World!") }

// h2Header answers with a header as it is, and the body of hello.
func h2Header(fields ...string) func(*h2Request) {
	return func(r *h2Request) {
		r.head(false, append(fields, "content-type", "text/plain")...)
		r.data(true, "Hello, World!")
	}
}

// h2Bodiless answers with a status and a body that it has not.
func h2Bodiless(status string, fields ...string) func(*h2Request) {
	return func(r *h2Request) {
		r.head(false, append([]string{":status", status}, fields...)...)
		r.data(true, "body")
	}
}

// h2Errors answers those to /error by their number, and hello.
func h2Errors(second func(*h2Request)) func(*h2Request) {
	return func(r *h2Request) {
		switch {
		case strings.HasSuffix(r.path, "at=1"):
			r.reply(500, "")
		case strings.HasPrefix(r.path, "/error"):
			second(r)
		default:
			r.reply(404, "")
		}
	}
}

// h2Reversed answers each request with the body of the one before.
func h2Reversed() func(*h2Request) {
	last := "1"
	return func(r *h2Request) {
		var n int
		fmt.Sscanf(r.path, "/size?bytes=%d", &n)
		r.reply(200, last)
		last = strings.Repeat("x", n)
	}
}

// h2OneAtATime refuses requests beside another.
func h2OneAtATime() func(*h2Request) {
	return func(r *h2Request) {
		if r.id > 1 {
			r.reset(http2.ErrCodeRefusedStream)
			return
		}
		r.reply(200, "Hello, World!")
	}
}

// h2Deaf makes all blocks of the watched stream, whoever has reset it.
func h2Deaf(t *testing.T) string {
	var blocks atomic.Int64
	return h2Served(func(r *h2Request) {
		if strings.HasPrefix(r.path, "/watched") {
			n := int(blocks.Load())
			notes := "o" + strings.Repeat(".", max(0, n-1))
			if n == 150 {
				notes += "c"
			}
			r.reply(200, notes)
			return
		}
		r.head(false, ":status", "200")
		r.data(false, strings.Repeat("x", 1024))
		go func() {
			for range 150 {
				blocks.Add(1)
				select {
				case <-t.Context().Done():
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
		}()
	})(t)
}

// h2First begins with another frame than SETTINGS.
func h2First(t *testing.T) string {
	return http1test.Listen(t, func(conn net.Conn) {
		http2.NewFramer(conn, nil).WritePing(false, [8]byte{})
		_, _ = io.Copy(io.Discard, conn)
	})
}

// h2Trailing ends a correct reply with a trailer.
func h2Trailing(r *h2Request) {
	r.head(false, ":status", "200", "content-type", "text/plain")
	r.data(false, "Hello, World!")
	r.head(true, "x-sum", "1")
}

// Each check over HTTP/2 is failed by a server that is broken in what it checks.
func TestEveryCheckOverHTTP2CanFail(t *testing.T) {
	t.Parallel()
	changed := func(change func(apps.Response) apps.Response) func(*testing.T) string {
		return func(t *testing.T) string { return h2With(t, change) }
	}
	covered := make(map[string]bool)
	for _, c := range []struct {
		check, name, want string
		serve             func(*testing.T) string
	}{
		{"h2-reply", "wrong", `wrong body: it begins "Hello, world!"`, h2Served(func(r *h2Request) { r.reply(200, "Hello, world!") })},
		{"h2-reply", "reset", "RST_STREAM with INTERNAL_ERROR", h2Served(func(r *h2Request) { r.reset(http2.ErrCodeInternal) })},
		{"h2-reply", "goes on after its end", "DATA after the end of the stream", h2Served(func(r *h2Request) { r.reply(200, "Hello, World!"); r.data(true, "more") })},
		{"h2-reply", "no header", "DATA before HEADERS", h2Served(func(r *h2Request) { r.data(true, "Hello, World!") })},
		{"h2-reply", "no SETTINGS", "the first frame is PING, not SETTINGS", h2First},
		{"h2-reply", "HTTP/1.1", "the connection ended: ", func(t *testing.T) string { return http1test.Listen(t, lenient) }},
		{"h2-fields", "Connection", `the field connection: "keep-alive"`, h2Served(h2Header(":status", "200", "connection", "keep-alive"))},
		{"h2-fields", "Transfer-Encoding", `the field transfer-encoding: "chunked"`, h2Served(h2Header(":status", "200", "transfer-encoding", "chunked"))},
		{"h2-fields", "upper case", `malformed reply: invalid header field name "X-Field"`, h2Served(h2Header(":status", "200", "X-Field", "a"))},
		{"h2-fields", "two statuses", "malformed reply: duplicate pseudo-header", h2Served(h2Header(":status", "200", ":status", "200"))},
		{"h2-fields", "no status", "a header without :status", h2Served(h2Header())},
		{"h2-fields", "a longer length", `Content-Length "14" and 13 bytes`, h2Served(h2Header(":status", "200", "content-length", "14"))},
		{"h2-fields", "a trailer", "the reply has a trailer", h2Served(h2Trailing)},
		{"h2-head", "a body", "the reply has a body of 13 bytes", h2Served(h2Lenient)},
		{"h2-fresh", "old", "Date is off by ", h2Served(h2Header(":status", "200", "date", "Thu, 01 Jan 1998 00:00:00 GMT"))},
		{"h2-not-found", "taken", "status is 200, not 404", h2Served(h2Lenient)},
		{"h2-concurrent", "one at a time", "request 2 of 16 at a time: after 0 bytes of the body: RST_STREAM with REFUSED_STREAM", h2Served(h2OneAtATime())},
		{"h2-own-reply", "those of others", "wrong reply: GET /size?bytes=", h2Served(h2Reversed())},
		{"h2-method", "taken", "status is 200", h2Served(h2Lenient)},
		{"h2-method", "without Allow", `status is 405 with Allow ""`, h2Served(func(r *h2Request) { r.reply(405, "") })},
		{"h2-no-content", "a body", "204 has a body of 4 bytes", h2Served(h2Bodiless("204"))},
		{"h2-no-content", "a length", `204 has Content-Length "0"`, h2Served(func(r *h2Request) { r.head(true, ":status", "204", "content-length", "0") })},
		{"h2-no-content", "304 with a body", "304 has a body of 4 bytes", h2Served(func(r *h2Request) {
			if strings.HasSuffix(r.path, "204") {
				r.head(true, ":status", "204")
				return
			}
			h2Bodiless("304")(r)
		})},
		{"h2-date", "none", `Date is ""`, h2Served(h2Lenient)},
		{"h2-upload", "not read", "which is not their digest", h2Served(h2Lenient)},
		{"h2-truncated", "taken", "5 of 10 bytes of a body: status is 200", h2Served(h2Lenient)},
		{"h2-stream", "held back", "the server held it back", changed(func(r apps.Response) apps.Response { return buffering{r} })},
		{"h2-closed-once", "twice", "was closed 2 times", changed(func(r apps.Response) apps.Response { return closingTwice{r} })},
		{"h2-closed-once", "ends the connection", "after a stream that was reset: ", h2Served(func(r *h2Request) {
			if strings.HasPrefix(r.path, "/watched") {
				r.Close()
				return
			}
			r.reply(200, strings.Repeat("x", 1024))
		})},
		{"h2-cancel", "not seen", "blocks were made", h2Deaf},
		{"h2-error", "before", "status is 200, not 500", h2Served(h2Lenient)},
		{"h2-error", "within", "which looks whole", h2Served(h2Errors(func(r *h2Request) { r.reply(200, "failed\n") }))},
		{"h2-error", "the connection", "and not RST_STREAM", h2Served(h2Errors(func(r *h2Request) { r.Close() }))},
		{"h2-error", "nothing after it", "after a stream that was reset: status 404", h2Served(h2Errors(func(r *h2Request) { r.reset(http2.ErrCodeInternal) }))},
		{"h2-app-length", "longer", `body "Hello, World!"`, h2Served(h2Lenient)},
		{"h2-app-length", "shorter", "which looks whole", h2Served(func(r *h2Request) { r.reply(200, "fail") })},
		{"h2-window", "ignored", "100000 bytes came where the window is 1000", h2Served(func(r *h2Request) { r.reply(200, strings.Repeat("x", 100_000)) })},
		{"h2-frames", "no acknowledgement", "an acknowledgement of SETTINGS: none in time", h2Served(h2Lenient, func(c *h2Conn) { c.silent = true })},
		{"h2-frames", "no PING", "an answer to PING: none in time", h2Served(h2Lenient, func(c *h2Conn) { c.deaf = true })},
		{"h2-frames", "unknown", "after a frame of an unknown type: ", h2Served(h2Lenient, func(c *h2Conn) { c.strict = true })},
		{"h2-malformed", "taken", "no :path: status is 200", h2Served(h2Lenient)},
		{"h2-length-alone", "taken", "and no body: status is 200", h2Served(h2Lenient)},
	} {
		covered[c.check] = true
		t.Run(c.check+" "+c.name, func(t *testing.T) {
			t.Parallel()
			f := overHTTP2(t, c.serve(t), c.check)
			if f.Err == nil || !strings.Contains(f.Err.Error(), c.want) {
				t.Errorf("%v %s, want %s", f.Err, f.Skipped, c.want)
			}
			if f.Err != nil && len(f.Transcript) == 0 {
				t.Error("no transcript")
			}
		})
	}
	for _, c := range conform.Checks() {
		if c.HTTP2 && !covered[c.ID] {
			t.Errorf("no server fails the check %s", c.ID)
		}
	}
}

// A server that answers over HTTP/2 as it answered a request like this is found out by
// requests that differ.
func TestAServerThatRemembersFailsOverHTTP2(t *testing.T) {
	var mu sync.Mutex
	known := make(map[string]string)
	address := h2Served(func(r *h2Request) {
		mu.Lock()
		defer mu.Unlock()
		like := fmt.Sprint(r.path, len(r.body))
		if known[like] == "" {
			known[like] = string(r.body)
		}
		r.head(false, ":status", "200", "content-type", "application/octet-stream")
		r.data(true, known[like])
	})(t)
	for _, f := range conform.App(t.Context(), conform.Target{Address: address, HTTP2: true}, parse(t, "echo")) {
		if wrong := f.ID == "h2-reply" || f.ID == "h2-concurrent"; wrong && f.Err == nil {
			t.Errorf("%s passes", f.ID)
		}
	}
}

// What a load does not speak is not checked for it, and not told of.
func TestChecksAreOfWhatTheLoadSpeaks(t *testing.T) {
	address := rightH2(t)
	for _, over2 := range []bool{false, true} {
		target := conform.Target{Address: address, HTTP2: over2, Carries: func(app string) bool { return app == "hello" }}
		one, two := 0, 0
		for _, f := range conform.Server(t.Context(), target) {
			if f.HTTP2 {
				two++
			} else {
				one++
			}
		}
		if one == 0 || (two > 0) != over2 {
			t.Errorf("HTTP/2 %t: %d checks over HTTP/1.1, %d over HTTP/2", over2, one, two)
		}
		for _, f := range conform.App(t.Context(), target, parse(t, "hello")) {
			if f.HTTP2 != over2 {
				t.Errorf("HTTP/2 %t: %s was made", over2, f.ID)
			}
		}
	}
}

// The transcript tells frames in words, in order.
func TestTranscriptOfHTTP2(t *testing.T) {
	f := overHTTP2(t, h2Served(h2Lenient)(t), "h2-not-found")
	var all strings.Builder
	for _, m := range f.Transcript {
		fmt.Fprintf(&all, "%t %s", m.Sent, m.Bytes)
	}
	for _, want := range []string{"preface and SETTINGS\n", "HEADERS stream=1 END_STREAM=true :method=\"GET\"", ":path=\"/no-such-app\"", ":status=\"200\"", "\"Hello, World!\""} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("no %q in\n%s", want, all.String())
		}
	}
}
