package load

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/apps/http1"
)

// seqHeader is where vegeta writes a request's sequence number.
const seqHeader = "X-Vegeta-Seq"

// witness is a RoundTripper that sends each request once, without what vegeta
// and net/http add to it, and keeps the errors, of which a vegeta Result has
// only the text, and when bodies began, of which it has nothing.
type witness struct {
	transport *http.Transport
	targets   []Target

	mu     sync.Mutex
	faults map[string]*fault    // by sequence number
	firsts map[string]time.Time // when a body began, of targets with Spread
}

func newWitness(c Config, d *dialer) *witness {
	w := &witness{targets: c.Targets, transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := d.dial(ctx)
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

// reset forgets what was kept in the last slice.
func (w *witness) reset() {
	w.mu.Lock()
	w.faults, w.firsts = map[string]*fault{}, map[string]time.Time{}
	w.mu.Unlock()
}

func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	seq := r.Header.Get(seqHeader)
	r.Header.Del(seqHeader)
	once(r)
	spread := false
	if i, err := strconv.Atoi(r.URL.Fragment); err == nil {
		if w.targets[i].Chunked {
			chunk(r)
		}
		spread = w.targets[i].Spread > 0
	}
	r.Close = w.transport.DisableKeepAlives
	reply, err := w.transport.RoundTrip(r)
	if err != nil {
		w.keep(seq, err)
		return nil, err
	}
	if reply.StatusCode == http.StatusSwitchingProtocols {
		// Its body is the connection, which may never end, and no timeout bounds it.
		reply.Body.Close()
		w.keepFault(seq, http1.Switch)
		return nil, errSwitch
	}
	reply.Body = &witnessed{reply.Body, w, seq, spread}
	return reply, nil
}

// once keeps net/http from sending r again when a connection that was used
// before ends without a reply, which would hide a lost request. It does so for
// requests it can send again: those with GetBody, and those without a body and
// with a method that may be repeated (Request.isReplayable). So GetBody goes, and
// such a request gets an empty body. The coding "identity" keeps that from being
// looked into and framed: the bytes sent stay the same.
func once(r *http.Request) {
	r.GetBody = nil
	if r.Body != nil && r.Body != http.NoBody {
		return
	}
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		// Not repeated, and "Content-Length: 0" is to be sent.
		return
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(nil)), 0
	r.TransferEncoding = []string{"identity"}
}

// errSwitch is what becomes of a request whose reply is http1.Switch.
var errSwitch = errors.New(http1.Switch.Cause)

func (w *witness) keep(seq string, err error) { w.keepFault(seq, faultOf(err)) }

func (w *witness) keepFault(seq string, f *fault) {
	w.mu.Lock()
	w.faults[seq] = f
	w.mu.Unlock()
}

// fault is what went wrong with a request that has no reply.
func (w *witness) fault(r *vegeta.Result) *fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	seq := strconv.FormatUint(r.Seq, 10)
	if f := w.faults[seq]; f != nil {
		delete(w.faults, seq)
		return f
	}
	return &fault{Kind: ErrMalformed, Cause: r.Error}
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

// witnessed is a reply's body; it tells the witness how reading it failed, and when it
// began.
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

// isEnd tells whether err means that the connection ended. net/http does not
// export the error for one that ended before the first byte of a reply.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		strings.Contains(err.Error(), "server closed idle connection")
}
