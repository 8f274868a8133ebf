package vegeta

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/apps/http1"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/dial"
	"github.com/benchctl/benchctl/bench/load/wire"
)

// seqHeader is where vegeta writes a request's sequence number.
const seqHeader = "X-Vegeta-Seq"

// witness is a RoundTripper that sends each request once, or again where Raw does, without
// the additions of vegeta and net/http. It keeps the errors, of which a vegeta Result has
// only the text, and the times when bodies began, which a Result does not have.
type witness struct {
	transport *http.Transport
	requests  []wire.Request
	open      bool // requests are sent at intended times
	slice     int  // how many there were

	mu       sync.Mutex
	faults   map[string]*http1.Fault // by sequence number
	firsts   map[string]time.Time    // when a body began, of targets with Spread
	repeated uint64
}

func newWitness(c load.Config, requests []wire.Request, d *dial.Dialer) *witness {
	w := &witness{requests: requests, open: c.Paced(), transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := d.Dial(ctx)
			if err != nil {
				return nil, err
			}
			return c, nil
		},
		MaxIdleConns:        c.Connections,
		MaxIdleConnsPerHost: c.Connections,
		MaxConnsPerHost:     c.Connections,
		DisableCompression:  true,
		DisableKeepAlives:   c.Close,
	}}
	if c.H2C {
		w.transport.Protocols = new(http.Protocols)
		w.transport.Protocols.SetUnencryptedHTTP2(true)
	}
	return w
}

// reset clears the state of the last slice.
func (w *witness) reset() {
	w.mu.Lock()
	w.faults, w.firsts, w.repeated = map[string]*http1.Fault{}, map[string]time.Time{}, 0
	w.slice++
	w.mu.Unlock()
}

func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	seq := r.Header.Get(seqHeader)
	r.Header.Del(seqHeader)
	i, err := strconv.Atoi(r.URL.Fragment)
	if err != nil {
		return nil, err // no target of marked
	}
	from := &w.requests[i]
	r.Close = w.transport.DisableKeepAlives
	reply, again, err := w.send(r, from)
	for again { // until no connection is left that rested, at the latest
		w.mu.Lock()
		w.repeated++
		w.mu.Unlock()
		if len(from.Want.Body) > 0 {
			r.Body = io.NopCloser(bytes.NewReader(from.Want.Body))
		}
		reply, again, err = w.send(r, from)
	}
	if err != nil {
		w.keep(seq, err)
		return nil, err
	}
	if reply.StatusCode == http.StatusSwitchingProtocols {
		// Its body is the connection, which may never end and has no timeout.
		reply.Body.Close()
		w.keepFault(seq, http1.Switch)
		return nil, errSwitch
	}
	reply.Body = &witnessed{reply.Body, w, seq, from.Want.Spread > 0}
	return reply, nil
}

// send sends r, and reports whether it may be sent again: see load.Result.Repeated.
func (w *witness) send(r *http.Request, from *wire.Request) (reply *http.Response, again bool, err error) {
	once(r)
	if from.Want.Chunked {
		wire.Chunk(r)
	}
	if w.transport.Protocols != nil { // over HTTP/2 a connection carries all requests
		reply, err = w.transport.RoundTrip(r)
		return reply, false, err
	}
	var rested, begun atomic.Bool
	trace := &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			c := info.Conn.(*dial.Conn)
			rested.Store(info.Reused && (w.open || c.Slice != w.slice))
			c.Slice = w.slice
		},
		GotFirstResponseByte: func() { begun.Store(true) },
	}
	reply, err = w.transport.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err != nil && rested.Load() && !begun.Load() && from.Safe {
		f := wire.FaultOf(err)
		again = f.Kind == load.ErrClosed || f.Kind == load.ErrReset
	}
	return reply, again, err
}

// once keeps net/http from sending r again when a reused connection ends without a reply,
// which would hide a lost request. net/http repeats requests with GetBody, and those
// without a body whose method is idempotent (Request.isReplayable). So once removes GetBody
// and gives such a request an empty body. The coding "identity" keeps net/http from reading
// and framing that body: the bytes sent stay the same.
func once(r *http.Request) {
	r.GetBody = nil
	if r.Body != nil && r.Body != http.NoBody {
		return
	}
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		// It is not repeated, and must send "Content-Length: 0".
		return
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(nil)), 0
	r.TransferEncoding = []string{"identity"}
}

// errSwitch is the error of a request whose reply is http1.Switch.
var errSwitch = errors.New(http1.Switch.Cause)

func (w *witness) keep(seq string, err error) { w.keepFault(seq, wire.FaultOf(err)) }

func (w *witness) keepFault(seq string, f *http1.Fault) {
	w.mu.Lock()
	w.faults[seq] = f
	w.mu.Unlock()
}

// fault is the fault of a request without a reply.
func (w *witness) fault(r *vegeta.Result) *http1.Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	seq := strconv.FormatUint(r.Seq, 10)
	if f := w.faults[seq]; f != nil {
		delete(w.faults, seq)
		return f
	}
	return &http1.Fault{Kind: load.ErrMalformed, Cause: r.Error}
}

// repeats returns how many requests were sent again in this slice.
func (w *witness) repeats() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.repeated
}

// first is when the body of the reply to the request seq began, if that was kept.
func (w *witness) first(seq uint64) (at time.Time, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.firsts) == 0 {
		return at, false
	}
	key := strconv.FormatUint(seq, 10)
	at, ok = w.firsts[key]
	delete(w.firsts, key)
	return at, ok
}

func (w *witness) began(seq string) {
	w.mu.Lock()
	w.firsts[seq] = time.Now()
	w.mu.Unlock()
}

// witnessed is the body of a reply. It reports to the witness when the body began and why
// reading failed.
type witnessed struct {
	io.ReadCloser
	witness *witness
	seq     string
	spread  bool // and has not begun
}

func (b *witnessed) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 && b.spread {
		b.spread = false
		b.witness.began(b.seq)
	}
	if err != nil && err != io.EOF {
		b.witness.keep(b.seq, err)
	}
	return n, err
}
