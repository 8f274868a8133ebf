package conform_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/http1/http1test"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// head reads lines up to an empty one; more is false at the end of the connection.
func head(r *bufio.Reader) (lines []string, more bool) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return lines, false
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" && len(lines) > 0 {
			return lines, true
		} else if line != "" {
			lines = append(lines, line)
		}
	}
}

// lenient takes lines up to an empty one for a request, whatever they say, and
// answers all of them, on a connection that never ends.
func lenient(conn net.Conn) {
	r := bufio.NewReader(conn)
	for {
		lines, more := head(r)
		if !more {
			return
		}
		if strings.Contains(lines[0], "no-such-app") {
			io.WriteString(conn, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
			continue
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!")
	}
}

// once answers the first request of a connection with text.
func once(text string) func(net.Conn) {
	return func(conn net.Conn) {
		if _, more := head(bufio.NewReader(conn)); more {
			io.WriteString(conn, text)
		}
	}
}

// silent ends a connection that sends a line of more than 32 KiB, or many lines.
func silent(conn net.Conn) {
	r := bufio.NewReaderSize(conn, 32<<10)
	for n := 0; n < 200; n++ {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		if len(bytes.TrimSpace(line)) == 0 {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			return
		}
	}
}

// crlfOnly knows no other end of a line.
func crlfOnly(conn net.Conn) {
	var got []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(got, []byte("\r\n\r\n")) {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		got = append(got, buf[:n]...)
	}
	io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
}

// firstRead takes what comes first for the whole request.
func firstRead(conn net.Conn) {
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	if err == nil && !bytes.Contains(buf[:n], []byte("\r\n\r\n")) {
		io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn) // or the rest would reset the reply
	}
}

// closesAfter ends each connection after n replies without a word.
func closesAfter(n int) func(net.Conn) {
	return func(conn net.Conn) {
		r := bufio.NewReader(conn)
		for range n {
			if _, more := head(r); !more {
				return
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!")
		}
	}
}

// oneAtATime serves a connection only when the one before has ended.
func oneAtATime() func(net.Conn) {
	turn := make(chan struct{}, 1)
	return func(conn net.Conn) {
		turn <- struct{}{}
		lenient(conn)
		<-turn
	}
}

// reversed answers pipelined requests in the wrong order: it waits for all.
func reversed(conn net.Conn) {
	r := bufio.NewReader(conn)
	var lengths []int
	for range 16 {
		lines, more := head(r)
		if !more {
			return
		}
		var n int
		if _, err := fmt.Sscanf(lines[0], "GET /size?bytes=%d", &n); err != nil {
			return
		}
		lengths = append([]int{n}, lengths...)
	}
	for _, n := range lengths {
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", n, strings.Repeat("x", n))
	}
}

// suiteWith serves the suite correctly but for what change does to its replies.
func suiteWith(t *testing.T, change func(apps.Response) apps.Response) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := suite.Mux()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- nethttp.Serve(ctx, drain.New(ln), apps.Func(func(req apps.Request, res apps.Response) error {
			return mux.Serve(req, change(res))
		}))
	}()
	t.Cleanup(func() {
		cancel()
		<-served
	})
	return ln.Addr().String()
}

// buffering makes whole replies of streams.
type buffering struct{ apps.Response }

func (b buffering) Stream(status int, body apps.Body) error {
	var all []byte
	for {
		block, err := body.Next()
		all = append(all, block...)
		if errors.Is(err, io.EOF) {
			return errors.Join(body.Close(), b.Reply(status, all))
		}
		if err != nil {
			return errors.Join(err, body.Close())
		}
	}
}

// closingTwice closes streams twice.
type closingTwice struct{ apps.Response }

func (c closingTwice) Stream(status int, body apps.Body) error {
	return c.Response.Stream(status, twice{body})
}

type twice struct{ apps.Body }

func (b twice) Close() error { return errors.Join(b.Body.Close(), b.Body.Close()) }

// merging sees fields of the trailer as fields of the header.
func merging(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("X-Reply-0", r.Trailer.Get("X-Bench-0"))
}

// unexpecting waits for the body without a word to who expects one.
func unexpecting(conn net.Conn) {
	r := bufio.NewReader(conn)
	if _, more := head(r); more {
		if _, err := io.ReadFull(r, make([]byte, 5)); err == nil {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	}
}

// encouraging asks everyone for the body, and answers with its digest.
func encouraging(conn net.Conn) {
	r := bufio.NewReader(conn)
	if _, more := head(r); !more {
		return
	}
	for _, part := range []string{"HTTP/1.1 100 Con", "tinue\r\nA: b\r\n", "\r\n"} {
		io.WriteString(conn, part)
	}
	body := make([]byte, 5)
	if _, err := io.ReadFull(r, body); err == nil {
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n%x\n", sha256.Sum256(body))
	}
}

// Each check that is not made with every app is failed by a server that is broken
// in what it checks.
func TestEveryCheckCanFail(t *testing.T) {
	t.Parallel()
	raw := func(handle func(net.Conn)) func(*testing.T) string {
		return func(t *testing.T) string { return http1test.Listen(t, handle) }
	}
	changed := func(change func(apps.Response) apps.Response) func(*testing.T) string {
		return func(t *testing.T) string { return suiteWith(t, change) }
	}
	buffered := changed(func(r apps.Response) apps.Response { return buffering{r} })
	notFound := once("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
	covered := make(map[string]bool)
	for _, c := range []struct {
		check, name, want string
		serve             func(*testing.T) string
	}{
		{"no-content", "a length", `204 has Content-Length "0"`, raw(once("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"))},
		{"no-content", "an encoding", "204 has a Transfer-Encoding", raw(once("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))},
		{"no-content", "a body", "the next request", raw(once("HTTP/1.1 204 No Content\r\n\r\nbody"))},
		{"not-modified", "a body", "the next request", raw(once("HTTP/1.1 304 Not Modified\r\n\r\nbody"))},
		{"date", "none", `Date is ""`, raw(lenient)},
		{"date", "of no time", `Date is "today"`, raw(once("HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 0\r\n\r\n"))},
		{"unknown-method", "taken", "status is 200, not 501 or 405", raw(lenient)},
		{"options-star", "fails", "status is 500", raw(once("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"))},
		{"absolute-form", "not known", "status is 404", raw(notFound)},
		{"no-host", "taken", "status is 200, not 400", raw(lenient)},
		{"bad-host", "taken", "status is 200, not 400", raw(lenient)},
		{"space-before-colon", "taken", "status is 200, not 400", raw(lenient)},
		{"obs-fold", "kept", `value "a\r\n b": the app saw "a\r\n b"`, raw(seer(asSent))},
		{"obs-fold", "lost", `the app saw ""`, raw(seer(nothing))},
		{"obs-fold", "another app", `body "Hello, World!"`, raw(lenient)},
		{"bare-cr", "kept", `value "a\rb": the app saw "a\rb"`, raw(seer(asSent))},
		{"bare-cr", "lost", `value "a\rb": the app saw ""`, raw(seer(nothing))},
		{"bare-cr", "ends a line", `a field after a CR: the app saw "b"`, raw(seer(asSent))},
		{"cr-line", "ends a line", "status is 200", raw(lenient)},
		{"space-before-field", "taken", `white space "\t": the app saw "a`, raw(seer(asSent))},
		{"field-name", "taken", `field line "X-Field": status is 200`, raw(lenient)},
		{"bare-lf", "ignored", "no reply in time", raw(crlfOnly)},
		{"control-character", "kept", `value "a\x00b": the app saw "a\x00b"`, raw(seer(asSent))},
		{"control-character", "lost", `the app saw ""`, raw(seer(nothing))},
		{"request-line", "taken", "four words: status is 200, not 400", raw(lenient)},
		{"request-line", "method taken", `method "GE(T": status is 200, not 400 or 405 or 501`, raw(lenient)},
		{"request-line-space", "another reply", `request line "GET\t/hello\tHTTP/1.1": status is 200, body ""`, raw(once("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))},
		{"request-line-space", "no reply", "ended without a reply", raw(func(net.Conn) {})},
		{"leading-line", "refused", "status is 400", raw(once("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))},
		{"version", "taken", `version "HTTP/1.1x": status is 200`, raw(lenient)},
		{"method-case", "taken", `method "get": status is 200`, raw(lenient)},
		{"trace", "GET", `TRACE: status is 200, body "Hello, World!"`, raw(lenient)},
		{"connect", "taken", "status is 200", raw(lenient)},
		{"absolute-host", "not used", `the app saw Host "127.0.0.1`, raw(seer(asSent))},
		{"absolute-host", "refused", "status is 400, not 200 or 421", raw(once("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))},
		{"long-target", "ends the connection", "ended without a reply, not 414", raw(silent)},
		{"long-target", "another status", "status is 400, not 414", raw(once("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))},
		{"huge-field", "ends the connection", "ended without a reply", raw(silent)},
		{"many-fields", "ends the connection", "ended without a reply", raw(silent)},
		{"chunked-request", "not decoded", `body "Hello, World!"`, raw(lenient)},
		{"chunk-extension", "not decoded", `body "Hello, World!"`, raw(lenient)},
		{"chunk-size-overflow", "taken", "status is 200", raw(lenient)},
		{"trailer", "merged", `the app saw "smuggled"`, func(t *testing.T) string { return serve(t, http.HandlerFunc(merging)) }},
		{"chunk-framing", "no size", `chunk size "": status is 200, body ""`, raw(sloppy)},
		{"chunk-framing", "a prefix", `chunk size "0x2": status is 200, body ""`, raw(sloppy)},
		{"chunk-framing", "too long", `5 bytes in a chunk of 3: status is 200, body "hel"`, raw(sloppy)},
		{"chunk-syntax", "taken", `chunk size "2x": status is 200, body "he"`, raw(sloppy)},
		{"chunk-syntax", "silence", `chunk size "2x": no reply in time`, raw(silentToPost)},
		{"trailer-syntax", "taken", `line "X-Field : value": status is 200, body "he"`, raw(sloppy)},
		{"truncated-body", "taken", "5 of 10 bytes of a body: status is 200", raw(lenient)},
		{"truncated-body", "goes on", "stays open", raw(staying(t))},
		{"truncated-chunks", "taken", "cut within a chunk: status is 200", raw(untilEnd)},
		{"truncated-trailer", "taken", "cut before the empty line: status is 200", raw(untilEnd)},
		{"length-and-chunked", "goes on", "stays open", raw(once2("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))},
		{"chunked-not-final", "taken", "status is 200, not 400 or 501", raw(lenient)},
		{"encoding-list", "not decoded", `Transfer-Encoding "chunked,": status is 200, body "Hello, World!"`, raw(lenient)},
		{"encoding-list", "silence", `Transfer-Encoding "chunked,": no reply in time`, raw(silentToPost)},
		{"encoding-syntax", "taken", `Transfer-Encoding "chunked, chunked": status is 200`, raw(lenient)},
		{"encoding-in-1.0", "goes on", "stays open", raw(once2("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))},
		{"unknown-encoding", "taken", "status is 200, not 501 or 400", raw(lenient)},
		{"two-lengths", "taken", "status is 200, not 400", raw(lenient)},
		{"two-lengths", "goes on", "stays open", raw(once2("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))},
		{"bad-length", "taken", `Content-Length "0_5": status is 200, not 400 or 411`, raw(lenient)},
		{"bad-length", "goes on", "stays open", raw(once2("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))},
		{"length-list", "not taken", `Content-Length "5, 5": status is 200, body "Hello, World!"`, raw(lenient)},
		{"length-list", "white space refused", `Content-Length "5 \t": status is 400`, raw(once("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))},
		{"length-overflow", "taken", `Content-Length "18446744073709551621": status is 200`, raw(lenient)},
		{"body-end", "longer", "a request after a body of 0 bytes: the reply to what came after the body: no reply in time", raw(once2("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))},
		{"body-end", "left over", "3 bytes after a body of 2: the reply to what came after the body: status is 200", raw(once("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nheHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))},
		{"body-end", "wrong", `a request after chunks: status is 200, body "Hello, World!"`, raw(lenient)},
		{"smuggling", "answered", "2 replies to one request", raw(lenient)},
		{"unread-body", "answered", "the next request on the connection: ", raw(lenient)},
		{"continue", "never", "no reply in time", raw(unexpecting)},
		{"continue", "to HTTP/1.0", "an interim reply was sent to HTTP/1.0", raw(encouraging)},
		{"continue", "malformed", `bad header field, in "HTTP/1.1 200 OK\r\n"`, raw(once("HTTP/1.1 100 Continue\r\nHTTP/1.1 200 OK\r\n\r\n"))},
		{"http-1.0", "chunked", "has a Transfer-Encoding", raw(once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))},
		{"keep-alive-1000", "fewer", "request 11 of a connection", raw(closesAfter(10))},
		{"pipeline", "reversed", "not in the order", raw(reversed)},
		{"half-close", "gone", "ended without a reply", raw(untilGone)},
		{"upgrade", "to anything", "Upgrade: benchctl/1: status is 101", raw(switching(""))},
		{"upgrade", "to no WebSocket", `Upgrade: websocket: 101 with Sec-WebSocket-Accept ""`, raw(switching(""))},
		{"upgrade", "to no HTTP/2", `Upgrade: h2c: 101, and then "HTTP/1.1 "`, raw(switching("HTTP/1.1 200 OK\r\n\r\n"))},
		{"upgrade-ignored", "refused", "Upgrade: benchctl/1: status is 400", raw(once("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))},
		{"byte-by-byte", "the first alone", "status 400", raw(firstRead)},
		{"slow-header", "blocks", "behind 40 clients", raw(oneAtATime())},
		{"stream", "held back", "the server held it back", buffered},
		{"closed-once", "twice", "was closed 2 times", changed(func(r apps.Response) apps.Response { return closingTwice{r} })},
		{"disconnect", "not seen", "chunks were made", raw(deaf(t))},
		{"error", "before", "status is 200, not 500", raw(lenient)},
		{"error", "within", "which looks whole", raw(errorLooksWhole)},
		{"app-length", "longer", `body "Hello, World!"`, raw(lenient)},
		{"ident", "another app", `GET: status is 200, body "Hello, World!"`, raw(lenient)},
		{"ident", "no look at ids", "no id: the reply is that to request 7, not -", raw(once("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n7 2 3\n"))},
		{"ident", "the first id", "POST 2 of a connection: the reply is that to request 1, not 2", raw(rememberingID)},
		{"ident", "no POST", "POST 1 of a connection: status is 405", func(t *testing.T) string { return serve(t, http.HandlerFunc(identNoPost)) }},
	} {
		covered[c.check] = true
		t.Run(c.check+" "+c.name, func(t *testing.T) {
			t.Parallel()
			f := conform.One(t.Context(), conform.Target{Address: c.serve(t)}, c.check)
			if f.Err == nil || !strings.Contains(f.Err.Error(), c.want) {
				t.Errorf("%v %s, want %s", f.Err, f.Skipped, c.want)
			}
			if f.Err != nil && len(f.Transcript) == 0 {
				t.Error("no transcript")
			}
		})
	}
	covered["slow-reader"] = true                    // below
	covered["pep-3333"] = true                       // in TestPEP3333
	covered["close"], covered["method"] = true, true // in TestABrokenServerFails
	for _, c := range conform.Checks() {
		if !c.HTTP2 && !c.Each && !covered[c.ID] {
			t.Errorf("no server fails the check %s", c.ID)
		}
	}
}

// rememberingID takes the id of a connection's first request for that of all.
func rememberingID(conn net.Conn) {
	r, id := bufio.NewReader(conn), ""
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		if id == "" {
			id = req.Header.Get(suite.RequestID)
		}
		ok(conn, id+" 2 3\n")
	}
}

// identNoPost answers as the app "ident" does, but for POST.
func identNoPost(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	fmt.Fprintf(w, "%s 2 3\n", r.Header.Get(suite.RequestID))
}

// once2 answers the first request and keeps the connection open.
func once2(text string) func(net.Conn) {
	return func(conn net.Conn) {
		once(text)(conn)
		_, _ = io.Copy(io.Discard, conn)
	}
}

// errorLooksWhole replies 500 at first, and then as if nothing had happened.
func errorLooksWhole(conn net.Conn) {
	lines, more := head(bufio.NewReader(conn))
	switch {
	case !more:
	case strings.Contains(lines[0], "at=1"):
		io.WriteString(conn, "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")
	default:
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nfailed\n")
	}
}

// deaf makes all chunks of the watched stream, whoever is still there.
func deaf(t *testing.T) func(net.Conn) {
	var blocks atomic.Int64
	return func(conn net.Conn) {
		lines, more := head(bufio.NewReader(conn))
		switch {
		case !more:
		case strings.Contains(lines[0], "/watched"):
			n := int(blocks.Load())
			notes := "o" + strings.Repeat(".", max(0, n-1))
			if n == 150 {
				notes += "c"
			}
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(notes), notes)
		default:
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 153600\r\n\r\n"+strings.Repeat("x", 1024))
			for range 150 {
				blocks.Add(1)
				select {
				case <-t.Context().Done():
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
		}
	}
}

// A server that keeps what a slow client does not read shows it in its memory.
func TestSlowReaderIsSeen(t *testing.T) {
	t.Parallel()
	grown := 0.0
	target := conform.Target{Address: right(t), Memory: func() (float64, error) {
		grown += 50
		return grown, nil
	}}
	f := conform.One(t.Context(), target, "slow-reader")
	if f.Err == nil || !strings.Contains(f.Err.Error(), "memory grew from 50") {
		t.Errorf("%v %s", f.Err, f.Skipped)
	}
	target.Memory = func() (float64, error) { return 50, nil }
	if f := conform.One(t.Context(), target, "slow-reader"); f.Err != nil || f.Skipped != "" {
		t.Errorf("%v %s", f.Err, f.Skipped)
	}
}

// A server passes a check that it can't fail only if it is made.
func TestSkipped(t *testing.T) {
	target := conform.Target{Address: right(t), Carries: func(app string) bool { return app == "hello" }}
	for _, f := range conform.Server(t.Context(), target) {
		needs := f.Needs
		skip := false
		for _, n := range needs {
			skip = skip || n != "hello"
		}
		if (f.Skipped != "") != skip && f.Skipped != "the server's memory isn't known" {
			t.Errorf("%s: skipped %q", f.ID, f.Skipped)
		}
		if f.App != "" && f.App != "hello" {
			t.Errorf("%s was made with %s", f.ID, f.App)
		}
	}
}

// The transcript has the bytes of both directions, in order.
func TestTranscript(t *testing.T) {
	f := conform.One(t.Context(), conform.Target{Address: http1test.Listen(t, lenient)}, "no-host")
	if len(f.Transcript) != 2 {
		t.Fatalf("%d messages: %+v", len(f.Transcript), f.Transcript)
	}
	sent, received := f.Transcript[0], f.Transcript[1]
	if !sent.Sent || string(sent.Bytes) != "GET /hello HTTP/1.1\r\n\r\n" || sent.Cut != 0 {
		t.Errorf("sent %+v", sent)
	}
	if received.Sent || !strings.HasSuffix(string(received.Bytes), "\r\n\r\nHello, World!") {
		t.Errorf("received %q", received.Bytes)
	}
}
