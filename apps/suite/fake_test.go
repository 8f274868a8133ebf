package suite

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"

	"github.com/benchctl/benchctl/apps"
)

// request is an apps.Request in memory.
type request struct {
	ctx    context.Context
	method string
	path   string
	query  string
	header map[string]string // by lower case name
	length int64
	body   io.Reader
}

func (r *request) Context() context.Context  { return r.ctx }
func (r *request) Method() string            { return r.method }
func (r *request) Path() string              { return r.path }
func (r *request) Query() string             { return r.query }
func (r *request) Header(name string) string { return r.header[strings.ToLower(name)] }
func (r *request) ContentLength() int64      { return r.length }
func (r *request) Peer() netip.AddrPort      { return netip.AddrPort{} }
func (r *request) Body() io.Reader           { return r.body }

// newRequest makes the request of an exchange.
func newRequest(e Exchange) *request {
	path, query, _ := strings.Cut(e.Target, "?")
	r := &request{
		ctx: context.Background(), method: e.Method, path: path, query: query, header: map[string]string{},
		length: int64(len(e.Body)), body: strings.NewReader(string(e.Body)),
	}
	for _, h := range e.Header {
		r.header[strings.ToLower(h[0])] = h[1]
	}
	return r
}

// response is an apps.Response in memory. It pulls streams as a server does.
type response struct {
	status  int
	header  map[string]string
	blocks  []string
	closed  int
	answers int
	pulled  func(n int) // called after the n-th block, if set
}

func (r *response) SetHeader(name, value string) {
	if r.header == nil {
		r.header = map[string]string{}
	}
	r.header[name] = value
}

func (r *response) Reply(status int, body []byte) error {
	if r.answers++; r.answers > 1 {
		return apps.ErrAnswered
	}
	r.status, r.blocks = status, []string{string(body)}
	return nil
}

func (r *response) Stream(status int, body apps.Body) error {
	defer func() { r.closed++; body.Close() }()
	if r.answers++; r.answers > 1 {
		return apps.ErrAnswered
	}
	r.status = status
	for {
		b, err := body.Next()
		if errors.Is(err, io.EOF) {
			if len(b) > 0 {
				panic("suite: a block came with io.EOF (A8)")
			}
			return nil
		}
		if err != nil {
			return err
		}
		r.blocks = append(r.blocks, string(b))
		if r.pulled != nil {
			r.pulled(len(r.blocks))
		}
	}
}

func (r *response) body() string { return strings.Join(r.blocks, "") }

// sink is a Response that keeps nothing, for counting allocations.
type sink struct{ status int }

func (s *sink) SetHeader(string, string)                { /* kept by a server */ }
func (s *sink) Reply(status int, _ []byte) error        { s.status = status; return nil }
func (s *sink) Stream(status int, body apps.Body) error { s.status = status; return body.Close() }
