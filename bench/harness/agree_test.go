package harness_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/http1"
	"github.com/benchctl/benchctl/apps/http1/http1test"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/engine"
	"github.com/benchctl/benchctl/scenarios"
)

// helloReplies are correct replies of the app hello, in all framings that there are.
func helloReplies() []http1test.Reply {
	const hello, plain = "Hello, World!", "Content-Type: text/plain\r\n"
	const sized = plain + "Content-Length: 13\r\n\r\n" + hello
	const chunked = "HTTP/1.1 200 OK\r\n" + plain + "Transfer-Encoding: chunked\r\n\r\n"
	var all []http1test.Reply
	add := func(name, text string, ends bool) {
		all = append(all, http1test.Reply{Name: "hello, " + name, Text: text, Status: 200, Body: hello, Close: ends})
	}
	add("sized", "HTTP/1.1 200 OK\r\n"+sized, false)
	add("no reason", "HTTP/1.1 200 \r\n"+sized, false)
	add("no reason, no space", "HTTP/1.1 200\r\n"+sized, false)
	add("the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n"+sized, false)
	add("folded", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n"+sized, false)
	add("interim replies", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 \r\n\r\nHTTP/1.1 200 OK\r\n"+sized, false)
	add("chunked", chunked+"d\r\n"+hello+"\r\n0\r\n\r\n", false)
	add("chunked with extensions and trailer", chunked+"00d;a=\"b\"\r\n"+hello+"\r\n0;c\r\nSum: 1\r\n\r\n", false)
	add("closing", "HTTP/1.1 200 OK\r\nConnection: close\r\n"+sized, true)
	add("until the end", "HTTP/1.1 200 OK\r\n"+plain+"\r\n"+hello, true)
	add("HTTP/1.0", "HTTP/1.0 200 OK\r\n"+sized, true)
	add("HTTP/1.0 until the end", "HTTP/1.0 200 OK\r\n"+plain+"\r\n"+hello, true)
	add("HTTP/1.0 keep-alive", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"+sized, false)
	return all
}

// Nothing passes the gate that the load refuses, and nothing is refused by the gate that
// the load would take: the load of an app whose framing is broken would be invalid in the end.
func TestGateAndLoadAgree(t *testing.T) {
	for _, r := range append(http1test.Replies(), helloReplies()...) {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			address := scripted(t, r)
			want := r.Fault
			if want == "" && r.Body != "Hello, World!" && !r.Head {
				want = content
			}
			if got := gated(t, address, r.Head); got != want {
				t.Errorf("gate: %q, want %q", got, want)
			}
			if got := loaded(t, address, r.Head); got != want {
				t.Errorf("load: %q, want %q", got, want)
			}
		})
	}
}

// content stands for a reply that is whole and not that of the app.
const content = "another reply"

// scripted answers each request with r. To tell how a reply to HEAD is taken, others are
// answered as they should be.
func scripted(t *testing.T, r http1test.Reply) (address string) {
	return http1test.Listen(t, func(conn net.Conn) {
		for in := bufio.NewReader(conn); ; {
			req, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			answer := r
			if r.Head && req.Method != http.MethodHead {
				answer = helloReplies()[0]
			}
			if _, err := conn.Write([]byte(answer.Text)); err != nil || answer.Close || answer.Fault == http1test.Cut {
				return
			}
		}
	})
}

// gated is why the gate refuses the replies, "" if it doesn't.
func gated(t *testing.T, address string, head bool) string {
	app, err := suite.Parse("hello")
	if err != nil {
		t.Fatal(err)
	}
	if err = conform.Probe(t.Context(), address, app); head {
		for _, f := range conform.App(t.Context(), conform.Target{Address: address}, app) {
			if f.ID == "head" {
				err = f.Err
			}
		}
	}
	var fault *http1.Fault
	switch {
	case err == nil:
		return ""
	case errors.As(err, &fault):
		// One that was cut may be whole the next time a probe asks.
		hopeless := fault.Kind != http1.Closed
		if !strings.Contains(err.Error(), fault.Error()) || !head && errors.Is(err, conform.ErrMismatch) != hopeless {
			t.Errorf("gate: %v", err)
		}
		return fault.Cause
	case strings.HasSuffix(err.Error(), ": the connection ended without a reply"):
		return http1test.Cut // of nothing
	}
	return content
}

// loaded is why the load refuses the replies, "" if it doesn't.
func loaded(t *testing.T, address string, head bool) string {
	app, err := suite.Parse("hello")
	if err != nil {
		t.Fatal(err)
	}
	c := load.Config{Address: address, Targets: agent.Targets(app, address, 1), Load: scenarios.Load{Connections: 1}}
	if head {
		c.Targets[0].Method, c.Targets[0].Length, c.Targets[0].Match = http.MethodHead, 0, nil
	}
	session, err := engine.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		r, err := session.Slice(ctx, load.Window{Span: 10 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if r.Errored() == 0 && r.Counted == 0 {
			continue // it was no one's turn
		}
		if len(r.Causes) > 1 || r.Errored() > 0 && r.Counted > 0 {
			t.Errorf("load: %d replies were right, and %v", r.Counted, r.Causes)
		}
		for cause := range r.Causes {
			kind, text, _ := strings.Cut(cause, ": ")
			switch kind {
			case load.ErrStatus, load.ErrLength, load.ErrWrongBody:
				return content
			case load.ErrMalformed, load.ErrLong, load.ErrClosed:
				return text
			}
			return fmt.Sprint(r.Causes)
		}
		return ""
	}
}
