package conform_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/http1/http1test"
	"github.com/benchctl/benchctl/apps/wsgi"
)

// header is what comes up to an empty line that ends with CR LF, as it is.
func header(conn net.Conn) string {
	var got []byte
	b := make([]byte, 1)
	for !strings.HasSuffix(string(got), "\r\n\r\n") {
		if _, err := conn.Read(b); err != nil {
			return ""
		}
		got = append(got, b[0])
	}
	return string(got[:len(got)-4])
}

func ok(conn net.Conn, body string) {
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

const (
	badRequest = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
	traced     = "HTTP/1.1 200 OK\r\nContent-Type: message/http\r\nContent-Length: 23\r\n\r\nTRACE /hello HTTP/1.1\r\n"
)

// seer answers as the app "seen" does of a field whose value see finds in a header.
func seer(see func(header string) string) func(net.Conn) {
	return func(conn net.Conn) {
		if h := header(conn); h != "" {
			_, host, _ := strings.Cut(h, "Host: ")
			host, _, _ = strings.Cut(host, "\r\n")
			ok(conn, fmt.Sprintf("Host: %x\nX-Bench-0: %x\n", host, see(h)))
		}
	}
}

// asSent finds the field anywhere, and takes for its value all that follows.
func asSent(header string) string {
	_, value, _ := strings.Cut(header, "X-Bench-0: ")
	return value
}

func nothing(string) string { return "" }

// tolerant has spaces in place of what must not be in a value, and leaves out the
// first field if there is white space before it (RFC 9112 sections 2.2 and 5.2).
func tolerant(header string) string {
	line, rest, _ := strings.Cut(header, "\r\n")
	if strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "\t") {
		_, rest, _ = strings.Cut(rest, "\r\n")
	}
	header = line + "\r\n" + strings.ReplaceAll(rest, "\r\n ", "  ")
	for field := range strings.SplitSeq(header, "\r\n") {
		if value, is := strings.CutPrefix(field, "X-Bench-0:"); is {
			return strings.Trim(strings.NewReplacer("\r", " ", "\x00", " ").Replace(value), " ")
		}
	}
	return ""
}

// sloppy sends a chunked body back, and takes what hexadecimal digits a line begins
// with for a chunk's size, and whatever comes behind the data for the end of a line.
func sloppy(conn net.Conn) {
	r := bufio.NewReader(conn)
	if _, more := head(r); !more {
		return
	}
	var body []byte
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		size := 0
		for _, c := range line {
			digit := strings.IndexRune("0123456789abcdef", c)
			if digit < 0 {
				break
			}
			size = size*16 + digit
		}
		if size == 0 {
			ok(conn, string(body))
			return
		}
		chunk := make([]byte, size)
		if _, err := io.ReadFull(r, chunk); err != nil {
			return
		}
		if _, err := r.ReadString('\n'); err != nil {
			return
		}
		body = append(body, chunk...)
	}
}

// untilEnd takes all that comes for the body.
func untilEnd(conn net.Conn) {
	if header(conn) == "" {
		return
	}
	body, err := io.ReadAll(conn)
	if err == nil {
		ok(conn, string(body))
	}
}

// untilGone ends a connection whose client sends no more.
func untilGone(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// silentToPost answers no request with a body, and all others.
func silentToPost(conn net.Conn) {
	if h := header(conn); !strings.HasPrefix(h, "POST ") {
		ok(conn, "Hello, World!")
	}
	_, _ = io.Copy(io.Discard, conn)
}

// staying refuses a request and keeps the connection, whatever the client does.
func staying(t *testing.T) func(net.Conn) {
	return func(conn net.Conn) {
		header(conn)
		io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
		<-t.Context().Done()
	}
}

// switching switches to any protocol, which begins with text.
func switching(text string) func(net.Conn) {
	return once("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n" + text)
}

// upgrading does what it was asked for, where it knows how.
func upgrading(conn net.Conn) {
	settings := binary.BigEndian.AppendUint32(nil, 4) // length 0, type SETTINGS
	switch h := header(conn); {
	case strings.Contains(h, "h2c"):
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
		conn.Write(append(settings, 0, 0, 0, 0, 0))
	case strings.Contains(h, "websocket"):
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
	default:
		ok(conn, "Hello, World!")
	}
}

// A server may make the best of a malformed request where the standard lets it, and may
// refuse what it does not like.
func TestTolerantServersPass(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		serve  func(net.Conn)
		checks []string
	}{
		"spaces instead":      {seer(tolerant), []string{"obs-fold", "bare-cr", "control-character", "space-before-field"}},
		"400 to everything":   {once(badRequest), []string{"obs-fold", "bare-cr", "control-character", "space-before-field", "field-name", "cr-line", "request-line", "request-line-space", "version", "method-case", "trace", "connect", "chunk-framing", "chunk-syntax", "trailer-syntax", "encoding-list", "encoding-syntax", "truncated-body", "truncated-chunks", "truncated-trailer", "chunked-not-final", "bad-length", "two-lengths", "length-overflow", "body-end", "upgrade"}},
		"the end":             {func(net.Conn) {}, []string{"obs-fold", "bare-cr", "control-character", "space-before-field", "field-name", "cr-line", "method-case", "trace", "connect", "chunk-framing", "chunk-syntax", "trailer-syntax", "encoding-list", "encoding-syntax", "truncated-body", "truncated-chunks", "truncated-trailer", "length-overflow", "body-end", "upgrade"}},
		"silence":             {silentToPost, []string{"chunk-framing", "length-overflow"}},
		"a reply that is cut": {once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n"), []string{"chunk-framing", "chunk-syntax", "trailer-syntax", "truncated-chunks", "encoding-list"}},
		"TRACE":               {once(traced), []string{"trace"}},
		"upgrades":            {upgrading, []string{"upgrade", "upgrade-ignored"}},
		"421":                 {once("HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\n\r\n"), []string{"absolute-host"}},
		"HTTP/1.1 in spaces":  {lenient, []string{"request-line-space", "leading-line"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := http1test.Listen(t, c.serve)
			for _, check := range c.checks {
				if f := conform.One(t.Context(), conform.Target{Address: address}, check); f.Err != nil {
					t.Errorf("%s: %v", check, f.Err)
				}
			}
		})
	}
}

// What net/http fails is known: of all other checks it passes every variant.
func TestWhatNetHTTPFails(t *testing.T) {
	t.Parallel()
	known := []string{"leading-line", "chunk-syntax", "trailer-syntax", "length-and-chunked", "encoding-in-1.0", "smuggling"}
	carries := func(app string) bool { return app != wsgi.Validate }
	for _, f := range conform.Server(t.Context(), conform.Target{Address: right(t), Carries: carries}) {
		if (f.Err != nil) != slices.Contains(known, f.ID) {
			t.Errorf("%s: %v", f.ID, f.Err)
		}
	}
}

// Of several variants the error names each that failed, and how it was answered, also
// where the server takes one connection at a time.
func TestEveryVariantIsNamed(t *testing.T) {
	turn := make(chan struct{}, 1)
	f := conform.One(t.Context(), conform.Target{Address: http1test.Listen(t, func(conn net.Conn) {
		turn <- struct{}{}
		if h := header(conn); strings.Contains(h, "X(Field") || strings.Contains(h, "X Field") {
			io.WriteString(conn, badRequest)
		} else {
			ok(conn, "Hello, World!")
		}
		_, _ = io.Copy(io.Discard, conn)
		<-turn
	})}, "field-name")
	if f.Err == nil {
		t.Fatal("passed")
	}
	const said = `: status is 200, body "Hello, World!"`
	want := []string{`": value"`, `"X-F` + "\xc3\xa9" + `ld: value"`, `"X-F\x00ld: value"`, `"X-Field"`}
	for i, w := range want {
		want[i] = "field line " + w + said
	}
	if got := f.Err.Error(); got != strings.Join(want, "\n") {
		t.Errorf("%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// A server that one request has brought to a stand is started again, so that it does not
// fail all the other checks as well.
func TestAStuckServerIsStartedAnew(t *testing.T) {
	t.Parallel()
	stuckAt := func(method string) string {
		var stuck atomic.Bool
		return http1test.Listen(t, func(conn net.Conn) {
			if stuck.Load() {
				<-t.Context().Done()
				return
			}
			for {
				h := header(conn)
				switch {
				case h == "":
					return
				case strings.HasPrefix(h, method):
					stuck.Store(true)
					<-t.Context().Done()
					return
				}
				io.WriteString(conn, badRequest)
			}
		})
	}
	only := func(app string) bool { return app == "hello" }
	starts := 0
	target := conform.Target{Address: stuckAt("TRACE"), Carries: only}
	target.Restart = func(context.Context) (conform.Target, error) {
		starts++
		return conform.Target{Address: http1test.Listen(t, once(badRequest)), Carries: only}, nil
	}
	after := false
	for _, f := range conform.Server(t.Context(), target) {
		isStuck := f.Err != nil && strings.Contains(f.Err.Error(), "after it the server answers nobody")
		if isStuck != (f.ID == "trace") {
			t.Errorf("%s: %v", f.ID, f.Err)
		}
		if f.Err != nil && strings.Contains(f.Err.Error(), "not tried") {
			t.Errorf("%s: %v", f.ID, f.Err)
		}
		after = after || isStuck
	}
	if !after || starts != 1 {
		t.Errorf("started anew %d times", starts)
	}

	// Where that can't be done, those that are left are not tried.
	tried := true
	for _, f := range conform.Server(t.Context(), conform.Target{Address: stuckAt("TRACE"), Carries: only}) {
		if f.Skipped != "" {
			continue
		}
		wasTried := f.Err == nil || !strings.Contains(f.Err.Error(), "not tried: the server answers nobody since the check trace")
		if wasTried != tried {
			t.Errorf("%s: %v", f.ID, f.Err)
		}
		tried = tried && f.ID != "trace"
	}
	if tried {
		t.Error("it was not seen to be stuck")
	}
}
