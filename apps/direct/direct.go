// Package direct asks apps in memory, without a server. It does as a server does that sends after the
// app returned: a stream is pulled then.
package direct

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/benchctl/benchctl/apps"
)

// Request is an apps.Request in memory. Its zero value is "GET /".
type Request struct {
	Ctx    context.Context //nolint:containedctx // a request carries its context
	Verb   string          // "" is GET
	Target string          // path and query; "" is "/"
	Fields [][2]string     // header fields
	Body   string
	// Peer is who is at the other end. Its zero value is nobody who is known.
	Peer netip.AddrPort
	// Chunked has the request tell no length.
	Chunked bool
}

// Reply is what a client gets.
type Reply struct {
	Status int
	Fields [][2]string // header fields, in the order of their setting
	Blocks []string    // of the body; one, if it came whole
	File   string      // path, if the app answered with a file
	Stream bool
	// Err is of Serve, or of the stream.
	Err error
	// Broken tells a duty that the app broke, "" if none shows.
	Broken string
}

// Body is the whole body.
func (r Reply) Body() string { return strings.Join(r.Blocks, "") }

// Field is the value of a header field, "" if there is none.
func (r Reply) Field(name string) string {
	for _, f := range r.Fields {
		if strings.EqualFold(f[0], name) {
			return f[1]
		}
	}
	return ""
}

// String is the reply in one line, with its fields but no line breaks of its own.
func (r Reply) String() string {
	return fmt.Sprintf("%d %v %q %v", r.Status, r.Fields, r.Body(), r.Err)
}

// Ask has app answer r, and tells in Reply.Broken which duty it broke.
func Ask(app apps.App, r Request) Reply {
	res := &response{}
	return res.end(app.Serve(r.request(), res))
}

// AskFiles is Ask by a server that offers apps.FileReplier.
func AskFiles(app apps.App, r Request) Reply {
	res := &response{}
	return res.end(app.Serve(r.request(), fileResponse{res}))
}

// request is what an app sees of a Request.
type request struct {
	Request
	path, query string
	body        io.Reader
}

func (r Request) request() *request {
	if r.Ctx == nil {
		r.Ctx = context.Background()
	}
	if r.Verb == "" {
		r.Verb = "GET"
	}
	path, query, _ := strings.Cut(r.Target, "?")
	if path == "" {
		path = "/"
	}
	return &request{r, path, query, strings.NewReader(r.Body)}
}

func (r *request) Context() context.Context { return r.Ctx }
func (r *request) Method() string           { return r.Verb }
func (r *request) Path() string             { return r.path }
func (r *request) Query() string            { return r.query }
func (r *request) Body() io.Reader          { return r.body }
func (r *request) Peer() netip.AddrPort     { return r.Request.Peer }

func (r *request) Header(name string) string {
	return Reply{Fields: r.Fields}.Field(name)
}

func (r *request) ContentLength() int64 {
	if r.Chunked {
		return -1
	}
	return int64(len(r.Request.Body))
}

// response takes the answer.
type response struct {
	reply    Reply
	body     apps.Body
	answered int
}

// fileResponse is a response of a server that sends files.
type fileResponse struct{ *response }

func (r *response) SetHeader(name, value string) {
	for i, f := range r.reply.Fields {
		if !apps.Repeats(name) && strings.EqualFold(f[0], name) {
			r.reply.Fields[i][1] = value
			return
		}
	}
	r.reply.Fields = append(r.reply.Fields, [2]string{name, value})
}

func (r *response) Reply(status int, body []byte) error {
	if r.answered++; r.answered > 1 {
		return apps.ErrAnswered
	}
	r.reply.Status, r.reply.Blocks = status, []string{string(body)}
	return nil
}

func (r *response) Stream(status int, body apps.Body) error {
	if r.answered++; r.answered > 1 {
		return errors.Join(apps.ErrAnswered, body.Close())
	}
	r.reply.Status, r.reply.Stream, r.body = status, true, body
	return nil
}

func (r fileResponse) File(status int, path string) error {
	if r.answered++; r.answered > 1 {
		return apps.ErrAnswered
	}
	r.reply.Status, r.reply.File = status, path
	return nil
}

// end pulls the stream and tells what the client got.
func (r *response) end(err error) Reply {
	reply := &r.reply
	if err == nil && r.answered != 1 {
		reply.Broken = fmt.Sprintf("answered %d times (A2)", r.answered)
	}
	reply.Err = err
	if r.body == nil {
		return *reply
	}
	for reply.Err == nil {
		block, err := r.body.Next()
		if errors.Is(err, io.EOF) {
			if len(block) > 0 {
				reply.Broken = "a block with the end (A8)"
			}
			break
		}
		if reply.Err = err; err == nil {
			reply.Blocks = append(reply.Blocks, string(block))
		}
	}
	if err := r.body.Close(); err != nil {
		reply.Broken = fmt.Sprintf("close: %v", err)
	}
	return *reply
}
