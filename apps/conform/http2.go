package conform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/benchctl/benchctl/apps/suite"
)

// http2Client is one connection that speaks HTTP/2 in cleartext with prior knowledge
// (RFC 9113 section 3.3). It sends frames as it is told, and a goroutine takes what
// comes for each stream. Its transcript tells frames in words, as their bytes are
// compressed.
type http2Client struct {
	ctx    context.Context
	conn   net.Conn
	host   string
	note   func(sent bool, frame string)
	writes sync.Mutex // of framer's side that writes, encoder and next
	framer *http2.Framer
	fields bytes.Buffer // that encoder writes
	hpack  *hpack.Encoder
	next   uint32 // stream

	mu       sync.Mutex
	changed  chan struct{} // closed when anything below changes
	streams  map[uint32]*http2Stream
	window   int64 // bytes that may be sent on the connection,
	initial  int64 // and at first on a stream
	maxFrame int64 // bytes
	most     uint32
	settled  bool // the server's settings are there
	acked    bool // it has acknowledged the client's
	pongs    int  // answers to PING
	ended    error
}

// http2Stream is a request with what came back.
type http2Stream struct {
	id      uint32
	window  int64
	fields  []hpack.HeaderField // of the reply's header
	trailer bool
	body    []byte
	ended   bool // by END_STREAM
	failed  error
}

// wide is a window that no reply of the suite fills, in bytes.
const wide = math.MaxInt32

// defaultWindow is where windows begin (RFC 9113 section 6.9.2), in bytes.
const defaultWindow = 65535

// http2 opens a connection and waits for the server's settings. window bounds what the
// server may send on a stream without more, in bytes.
func (p *probe) http2(window uint32) (*http2Client, error) {
	raw, err := p.dial()
	if err != nil {
		return nil, err
	}
	number := len(p.clients)
	c := &http2Client{
		ctx: p.ctx, conn: raw.conn, host: p.Address, next: 1,
		note: func(sent bool, frame string) { p.log.add(number, sent, []byte(frame+"\n")) },

		changed: make(chan struct{}), streams: make(map[uint32]*http2Stream),
		window: defaultWindow, initial: defaultWindow, maxFrame: 16384, most: math.MaxUint32,
	}
	if tape, ok := raw.conn.(taped); ok {
		c.conn = tape.Conn
	}
	c.framer = http2.NewFramer(c.conn, c.conn)
	c.framer.SetMaxReadFrameSize(16384) // which is what a client takes that says nothing
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.hpack = hpack.NewEncoder(&c.fields)
	c.hpack.SetMaxDynamicTableSize(0)
	go c.take()
	c.write("preface and SETTINGS", func() error {
		_, err := io.WriteString(c.conn, http2.ClientPreface)
		return errors.Join(err,
			c.framer.WriteSettings(http2.Setting{ID: http2.SettingEnablePush}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: window}),
			c.framer.WriteWindowUpdate(0, wide-defaultWindow))
	})
	return c, c.await("SETTINGS", func() bool { return c.settled })
}

// write sends frames. That the server has closed the connection shows when it is read
// from.
func (c *http2Client) write(frame string, send func() error) {
	c.writes.Lock()
	defer c.writes.Unlock()
	c.note(true, frame)
	_ = send()
}

// await waits until done, which is called with mu held, is true of what came.
func (c *http2Client) await(what string, done func() bool) error {
	for {
		c.mu.Lock()
		ok, ended, changed := done(), c.ended, c.changed
		c.mu.Unlock()
		switch {
		case ok:
			return nil
		case errors.Is(ended, os.ErrDeadlineExceeded): // the connection's, which is that of ctx
			return c.late(what)
		case ended != nil:
			return fmt.Errorf("%s: %w", what, ended)
		}
		select {
		case <-changed:
		case <-c.ctx.Done():
			return c.late(what)
		}
	}
}

// late tells what had not come when ctx ended.
func (c *http2Client) late(what string) error {
	if errors.Is(c.ctx.Err(), context.Canceled) {
		return fmt.Errorf("%s: %w", what, c.ctx.Err())
	}
	return fmt.Errorf("%s: none in time: %w", what, os.ErrDeadlineExceeded)
}

// take reads frames until the connection ends.
func (c *http2Client) take() {
	for more := true; more; {
		f, err := c.framer.ReadFrame()
		if err == nil {
			c.note(false, frameText(f))
		}
		c.mu.Lock()
		var malformed http2.StreamError
		switch {
		case errors.As(err, &malformed):
			if s := c.streams[malformed.StreamID]; s != nil {
				s.failed = fmt.Errorf("malformed reply: %w", causeOf(malformed))
			}
		case err != nil:
			c.end(fmt.Errorf("the connection ended: %w", err))
			more = false
		case !c.settled && !isSettings(f):
			c.end(fmt.Errorf("the first frame is %v, not SETTINGS", f.Header().Type))
		default:
			c.frame(f)
		}
		close(c.changed)
		c.changed = make(chan struct{})
		c.mu.Unlock()
	}
}

// causeOf is what a stream error tells most of.
func causeOf(err http2.StreamError) error {
	if err.Cause != nil {
		return err.Cause
	}
	return err
}

func isSettings(f http2.Frame) bool {
	s, ok := f.(*http2.SettingsFrame)
	return ok && !s.IsAck()
}

// end keeps the first reason for which the connection ended.
func (c *http2Client) end(why error) {
	if c.ended == nil {
		c.ended = why
	}
}

// frame takes a frame, with mu held. What is to be said to it is said by a goroutine:
// who reads must not wait for who writes.
func (c *http2Client) frame(f http2.Frame) {
	switch f := f.(type) {
	case *http2.SettingsFrame:
		c.settings(f)
	case *http2.PingFrame:
		if f.IsAck() {
			c.pongs++
		} else {
			go c.write("PING ack", func() error { return c.framer.WritePing(true, f.Data) })
		}
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			c.window += int64(f.Increment)
		} else if s := c.streams[f.StreamID]; s != nil {
			s.window += int64(f.Increment)
		}
	case *http2.GoAwayFrame:
		if f.ErrCode != http2.ErrCodeNo {
			c.end(fmt.Errorf("GOAWAY with %v %q", f.ErrCode, f.DebugData()))
		}
	case *http2.PushPromiseFrame:
		c.end(errors.New("PUSH_PROMISE to a client that takes none (RFC 9113 section 8.4)"))
	default:
		if s := c.streams[f.Header().StreamID]; s != nil {
			s.frame(f)
		}
	}
}

func (c *http2Client) settings(f *http2.SettingsFrame) {
	if f.IsAck() {
		c.acked = true
		return
	}
	c.settled = true
	if v, ok := f.Value(http2.SettingInitialWindowSize); ok {
		for _, s := range c.streams {
			s.window += int64(v) - c.initial
		}
		c.initial = int64(v)
	}
	if v, ok := f.Value(http2.SettingMaxFrameSize); ok {
		c.maxFrame = int64(v)
	}
	if v, ok := f.Value(http2.SettingMaxConcurrentStreams); ok {
		c.most = v
	}
	go c.write("SETTINGS ack", c.framer.WriteSettingsAck)
}

// frame takes a frame of the stream.
func (s *http2Stream) frame(f http2.Frame) {
	if s.ended || s.failed != nil {
		if reset, ok := f.(*http2.RSTStreamFrame); ok && reset.ErrCode == http2.ErrCodeNo {
			return // what is left of the request is not wanted (RFC 9113 section 8.1)
		}
		s.failed = errors.Join(s.failed, fmt.Errorf("%v after the end of the stream", f.Header().Type))
		return
	}
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		s.headers(f)
	case *http2.DataFrame:
		if s.fields == nil {
			s.failed = errors.New("DATA before HEADERS")
		}
		s.body = append(s.body, f.Data()...)
		s.ended = f.StreamEnded()
	case *http2.RSTStreamFrame:
		s.failed = http2Reset(f.ErrCode)
	}
}

// headers takes the header, or the trailer, after interim ones.
func (s *http2Stream) headers(f *http2.MetaHeadersFrame) {
	status := f.PseudoValue("status")
	switch {
	case s.fields != nil:
		s.trailer = true
		if !f.StreamEnded() || status != "" {
			s.failed = errors.New("a second header")
		}
	case status == "":
		s.failed = errors.New("a header without :status")
	case !strings.HasPrefix(status, "1"):
		s.fields = f.Fields
	}
	s.ended = f.StreamEnded()
}

// http2Reset is that the server reset a stream.
type http2Reset http2.ErrCode

func (r http2Reset) Error() string { return "RST_STREAM with " + http2.ErrCode(r).String() }

// over reports whether nothing more is to come on the stream.
func (s *http2Stream) over() bool { return s.ended || s.failed != nil }

// header makes the fields of a request's header. A body gets its length.
func (c *http2Client) header(r request) []hpack.HeaderField {
	all := []hpack.HeaderField{
		{Name: ":method", Value: r.method}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: c.host}, {Name: ":path", Value: r.target},
	}
	for _, h := range r.header {
		all = append(all, hpack.HeaderField{Name: strings.ToLower(h[0]), Value: h[1]})
	}
	if len(r.body) > 0 {
		all = append(all, hpack.HeaderField{Name: "content-length", Value: strconv.Itoa(len(r.body))})
	}
	return all
}

// open sends a header on a new stream, and ends it there if the request has no body.
func (c *http2Client) open(header []hpack.HeaderField, end bool) *http2Stream {
	s := &http2Stream{}
	c.writes.Lock()
	defer c.writes.Unlock()
	s.id = c.next
	c.next += 2
	c.mu.Lock()
	s.window = c.initial
	c.streams[s.id] = s
	maxFrame := int(c.maxFrame)
	c.mu.Unlock()
	c.fields.Reset()
	text := ""
	for _, f := range header {
		_ = c.hpack.WriteField(f) // to memory
		text += fmt.Sprintf(" %s=%.60q", f.Name, f.Value)
	}
	c.note(true, fmt.Sprintf("HEADERS stream=%d END_STREAM=%t%s", s.id, end, text))
	block := c.fields.Bytes()
	first := block[:min(len(block), maxFrame)]
	_ = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: s.id, BlockFragment: first, EndStream: end, EndHeaders: len(first) == len(block)})
	for rest := block[len(first):]; len(rest) > 0; {
		n := min(len(rest), maxFrame)
		_ = c.framer.WriteContinuation(s.id, n == len(rest), rest[:n])
		rest = rest[n:]
	}
	return s
}

// send sends a body, as the windows allow it, in frames of at most the given bytes, and
// ends the stream. It ends early once the stream is over.
func (c *http2Client) send(s *http2Stream, body []byte, frame int64) {
	for first := true; first || len(body) > 0; first = false {
		var n int64
		var over bool
		err := c.await("WINDOW_UPDATE", func() bool {
			n = max(0, min(int64(len(body)), frame, c.maxFrame, c.window, s.window))
			if over = s.over(); !over {
				c.window -= n
				s.window -= n
			}
			return n > 0 || len(body) == 0 || over
		})
		if err != nil || over {
			return
		}
		part, end := body[:n], int(n) == len(body)
		body = body[n:]
		c.write(fmt.Sprintf("DATA stream=%d END_STREAM=%t len=%d %.60q", s.id, end, n, part), func() error { return c.framer.WriteData(s.id, end, part) })
	}
}

// start sends a request; its body goes on while replies come.
func (c *http2Client) start(r request) *http2Stream {
	s := c.open(c.header(r), len(r.body) == 0)
	if len(r.body) > 0 {
		go c.send(s, r.body, wide)
	}
	return s
}

// reset gives up a request (RFC 9113 section 8.7).
func (c *http2Client) reset(s *http2Stream) {
	c.write(fmt.Sprintf("RST_STREAM stream=%d CANCEL", s.id), func() error { return c.framer.WriteRSTStream(s.id, http2.ErrCodeCancel) })
}

// read waits for the whole reply on a stream.
func (c *http2Client) read(s *http2Stream) (*reply, error) {
	if err := c.await("a reply", s.over); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.failed != nil {
		return nil, fmt.Errorf("after %d bytes of the body: %w", len(s.body), s.failed)
	}
	res := &reply{Header: make(http.Header), body: s.body}
	for _, f := range s.fields {
		if f.Name == ":status" {
			res.StatusCode, _ = strconv.Atoi(f.Value)
			continue
		}
		res.Header.Add(f.Name, f.Value)
	}
	return res, nil
}

// exchange makes a request and reads the whole reply.
func (c *http2Client) exchange(r request) (*reply, *http2Stream, error) {
	s := c.start(r)
	res, err := c.read(s)
	if err != nil {
		return nil, s, fmt.Errorf("%s %s: %w", r.method, r.target, err)
	}
	return res, s, nil
}

// ping waits for the answer to a PING, and so for what the server had sent before.
func (c *http2Client) ping() error {
	c.mu.Lock()
	before := c.pongs
	c.mu.Unlock()
	c.write("PING", func() error { return c.framer.WritePing(false, [8]byte([]byte("benchctl"))) })
	return c.await("an answer to PING", func() bool { return c.pongs > before })
}

// nothingFollows wants no frames behind the ends of replies. The server may end the
// connection.
func (c *http2Client) nothingFollows() error {
	if err := c.ping(); errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := uint32(1); id < c.next; id += 2 {
		if err := c.streams[id].failed; err != nil {
			return err
		}
	}
	return nil
}

// get asks for a target.
func (c *http2Client) get(target string) (*reply, *http2Stream, error) {
	return c.exchange(request{method: http.MethodGet, target: target})
}

// answers makes one exchange.
func (c *http2Client) answers(x suite.Exchange) error {
	res, _, err := c.exchange(requestOf(x))
	if err != nil {
		return err
	}
	return match(res, x)
}

// frameText tells a frame that came in words.
func frameText(f http2.Frame) string {
	text := strings.TrimSuffix(strings.TrimPrefix(f.Header().String(), "[FrameHeader "), "]")
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		for _, field := range f.Fields {
			text += fmt.Sprintf(" %s=%.60q", field.Name, field.Value)
		}
	case *http2.DataFrame:
		text += fmt.Sprintf(" %.60q", f.Data())
	case *http2.RSTStreamFrame:
		text += " " + f.ErrCode.String()
	case *http2.GoAwayFrame:
		text += fmt.Sprintf(" %v %q", f.ErrCode, f.DebugData())
	}
	return text
}
