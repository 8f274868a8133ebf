package apps

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// FromHandler makes an App of an http.Handler, so that any Go app can be measured. This
// has a cost: each request takes a goroutine, a pipe and the objects of net/http, on every
// engine. For exact comparisons, write the app to this package's contract.
//
// fields names the request fields that h reads besides Host and Content-Type;
// the contract has no way to list all. Several values of a response field are
// joined to one, which does not work for Set-Cookie.
func FromHandler(h http.Handler, fields ...string) App {
	return handlerApp{h, append([]string{"Content-Type"}, fields...)}
}

type handlerApp struct {
	handler http.Handler
	fields  []string
}

// Serve implements App.
func (a handlerApp) Serve(req Request, res Response) error {
	ctx, cancel := context.WithCancel(req.Context())
	p := newPush(cancel)
	go p.run(a.handler, a.request(ctx, req))
	<-p.committed
	if p.err != nil {
		p.Close()
		return p.err
	}
	for name, values := range p.sent {
		res.SetHeader(name, strings.Join(values, ", "))
	}
	return res.Stream(p.status, p)
}

func (a handlerApp) request(ctx context.Context, req Request) *http.Request {
	r := &http.Request{
		Method:        req.Method(),
		URL:           &url.URL{Path: req.Path(), RawQuery: req.Query()},
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        make(http.Header),
		Host:          req.Header("Host"),
		ContentLength: req.ContentLength(),
		Body:          io.NopCloser(req.Body()),
	}
	r.RequestURI = r.URL.RequestURI()
	for _, name := range a.fields {
		if v := req.Header(name); v != "" {
			r.Header.Set(name, v)
		}
	}
	return r.WithContext(ctx)
}

// push turns what a handler pushes into a Body that is pulled. The handler's
// goroutine writes; it ends before Close returns, since the request is over then.
type push struct {
	header http.Header // the handler's
	status int
	sent   http.Header // what header was at the commit
	err    error       // a failure before the commit

	commit    sync.Once
	committed chan struct{}
	done      chan struct{}
	cancel    context.CancelFunc

	buf *bufio.Writer // of pw
	pw  *io.PipeWriter
	pr  *io.PipeReader
	out []byte
}

func newPush(cancel context.CancelFunc) *push {
	p := &push{
		header:    make(http.Header),
		committed: make(chan struct{}),
		done:      make(chan struct{}),
		cancel:    cancel,
		out:       make([]byte, 32<<10),
	}
	p.pr, p.pw = io.Pipe()
	p.buf = bufio.NewWriter(p.pw)
	return p
}

// run lets h write its reply and passes on how it ended.
func (p *push) run(h http.Handler, r *http.Request) {
	defer close(p.done)
	err := serveHTTP(h, pushWriter{p}, r)
	if err != nil {
		p.commit.Do(func() {
			p.err = err
			close(p.committed)
		})
		p.pw.CloseWithError(err)
		return
	}
	p.writeHeader(http.StatusOK)
	p.buf.Flush()
	p.pw.Close()
}

func serveHTTP(h http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("handler panic: %v", v)
		}
	}()
	h.ServeHTTP(w, r)
	return nil
}

func (p *push) writeHeader(status int) {
	p.commit.Do(func() {
		p.status, p.sent = status, p.header.Clone()
		close(p.committed)
	})
}

// Next implements Body.
func (p *push) Next() ([]byte, error) {
	n, err := p.pr.Read(p.out)
	if n > 0 {
		return p.out[:n], nil
	}
	return nil, err
}

// Close implements Body.
func (p *push) Close() error {
	p.cancel()
	p.pr.CloseWithError(http.ErrAbortHandler)
	<-p.done
	return nil
}

// pushWriter is the handler's side of a push.
type pushWriter struct{ p *push }

func (w pushWriter) Header() http.Header { return w.p.header }

func (w pushWriter) WriteHeader(status int) {
	if status >= 200 { // the contract has no informational replies
		w.p.writeHeader(status)
	}
}

func (w pushWriter) Write(b []byte) (int, error) {
	w.p.writeHeader(http.StatusOK)
	return w.p.buf.Write(b)
}

// Flush implements http.Flusher.
func (w pushWriter) Flush() {
	w.p.writeHeader(http.StatusOK)
	w.p.buf.Flush()
}
