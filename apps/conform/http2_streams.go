package conform

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/benchctl/benchctl/apps/suite"
)

// unsized is a body of several windows, and frames that divide nothing evenly.
const (
	unsizedBody  = 200_000
	unsizedFrame = 7001
)

func checkH2Upload(p *probe) error {
	c, err := p.http2(wide)
	if err != nil {
		return err
	}
	body := bytes.Repeat([]byte("0123456"), unsizedBody/7)
	s := c.open(c.header(request{method: http.MethodPost, target: "/upload"}), false)
	go c.send(s, body, unsizedFrame)
	res, err := c.read(s)
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("%x\n", sha256.Sum256(body)); res.StatusCode != http.StatusOK || string(res.body) != want {
		return fmt.Errorf("%d bytes without a length: status %d, body %.70q, which is not their digest", len(body), res.StatusCode, res.body)
	}
	return nil
}

func checkH2Truncated(p *probe) error {
	c, err := p.http2(wide)
	if err != nil {
		return err
	}
	s := c.open(c.header(request{method: http.MethodPost, target: "/upload", body: []byte("helloworld")}), false)
	go c.send(s, []byte("hello"), wide)
	return c.refuses("5 of 10 bytes of a body", s)
}

// refuses wants a request reset, or answered with an error.
func (c *http2Client) refuses(what string, s *http2Stream) error {
	res, err := c.read(s)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", what, err)
	case err == nil && res.StatusCode < 400:
		return fmt.Errorf("%s: status is %d, body %.70q", what, res.StatusCode, res.body)
	}
	return nil
}

// h2Watch asks for a watched stream, and returns what asks for the notes on it, on
// another connection: this one may serve one stream after the other.
func (p *probe) h2Watch(chunks int, pause time.Duration) (*http2Client, *http2Stream, func() (string, error), error) {
	c, err := p.http2(wide)
	if err != nil {
		return nil, nil, nil, err
	}
	other, err := p.http2(wide)
	if err != nil {
		return nil, nil, nil, err
	}
	id := rand.IntN(1e9)
	s := c.start(request{method: http.MethodGet, target: fmt.Sprintf("/watch?id=%d&chunks=%d&ms=%d", id, chunks, pause.Milliseconds())})
	err = c.await("the first block", func() bool { return len(s.body) >= 1024 || s.over() })
	return c, s, func() (string, error) {
		res, _, err := other.get(fmt.Sprintf("/watched?id=%d", id))
		if err != nil {
			return "", err
		}
		return strings.TrimSpace(string(res.body)), nil
	}, err
}

// lookedPause is between the two blocks of a stream that is looked at.
const lookedPause = time.Second

// checkH2Stream looks what was made of a stream when its first block is there.
func checkH2Stream(p *probe) error {
	text := ""
	for range streamTries {
		c, s, notes, err := p.h2Watch(2, lookedPause)
		if err != nil {
			return err
		}
		if text, err = notes(); err != nil {
			return err
		}
		c.reset(s)
		if text == string(rune(suite.WatchOpened)) {
			return nil
		}
	}
	return fmt.Errorf("the first block came when the second had been made (%s): the server held it back", noted(text))
}

// h2Left is the notes on a stream that the client has reset, once it is over. The
// connection goes on.
func (p *probe) h2Left() (string, error) {
	c, s, notes, err := p.h2Watch(watchChunks, watchPause)
	if err != nil {
		return "", err
	}
	c.reset(s)
	if _, _, err := c.get("/watched"); err != nil {
		return "", fmt.Errorf("after a stream that was reset: %w", err)
	}
	return closed(notes, watchLength+patience)
}

func checkH2ClosedOnce(p *probe) error {
	text, err := p.h2Left()
	if err != nil {
		return err
	}
	if n := strings.Count(text, noteClosed); n != 1 || !strings.HasSuffix(text, noteClosed) {
		return fmt.Errorf("a stream that the client has reset was closed %d times (%s)", n, noted(text))
	}
	return nil
}

func checkH2Cancel(p *probe) error {
	text, err := p.h2Left()
	if err != nil {
		return err
	}
	if blocks := strings.Count(text, string(rune(suite.WatchBlock))); time.Duration(blocks)*watchPause > soon {
		return fmt.Errorf("%d of %d blocks were made, most of them for a client that had reset the stream", blocks+1, watchChunks)
	}
	return nil
}

func checkH2Error(p *probe) error {
	c, err := p.http2(wide)
	if err != nil {
		return err
	}
	res, _, err := c.get("/error?at=1")
	if err != nil {
		return fmt.Errorf("the app fails before its reply: %w", err)
	}
	if res.StatusCode != http.StatusInternalServerError {
		return fmt.Errorf("the app fails before its reply: status is %d, not 500", res.StatusCode)
	}
	res, _, err = c.get("/error?at=2")
	var reset http2Reset
	switch {
	case err == nil:
		return fmt.Errorf("the app fails within its reply: status %d, body %.40q, which looks whole", res.StatusCode, res.body)
	case !errors.As(err, &reset):
		return fmt.Errorf("the app fails within its reply: %w, and not RST_STREAM", err)
	}
	if res, _, err = c.get("/hello"); err != nil {
		return fmt.Errorf("after a stream that was reset: %w", err)
	}
	if res.StatusCode != http.StatusOK || string(res.body) != "Hello, World!" {
		return fmt.Errorf("after a stream that was reset: status %d, body %.40q", res.StatusCode, res.body)
	}
	return nil
}

func checkH2AppLength(p *probe) error {
	c, err := p.http2(wide)
	if err != nil {
		return err
	}
	res, _, err := c.get("/error?at=3")
	var reset http2Reset
	if err != nil && !errors.As(err, &reset) {
		return fmt.Errorf("a reply longer than its Content-Length: %w", err)
	}
	if err == nil && res.StatusCode < 500 && string(res.body) != "fail" {
		return fmt.Errorf("a reply longer than its Content-Length: body %.40q", res.body)
	}
	res, _, err = c.get("/error?at=4")
	if err != nil && !errors.As(err, &reset) {
		return fmt.Errorf("a reply shorter than its Content-Length: %w", err)
	}
	if err == nil && res.StatusCode < 500 {
		return fmt.Errorf("a reply shorter than its Content-Length: status %d, body %.40q, which looks whole", res.StatusCode, res.body)
	}
	return nil
}

// narrow is a window that a reply of windowed bytes does not fit into.
const (
	narrow   = 1000
	windowed = 100_000
)

// checkH2Window gives a server the time of a PING to send too much.
func checkH2Window(p *probe) error {
	c, err := p.http2(narrow)
	if err != nil {
		return err
	}
	app, err := suite.Parse("size?bytes=" + strconv.Itoa(windowed))
	if err != nil {
		return err
	}
	s := c.start(requestOf(app.Exchange()))
	if err := c.await("a reply", func() bool { return s.fields != nil || s.over() }); err != nil {
		return err
	}
	if err := c.ping(); err != nil {
		return err
	}
	c.mu.Lock()
	got := len(s.body)
	c.mu.Unlock()
	if got > narrow {
		return fmt.Errorf("%d bytes came where the window is %d", got, narrow)
	}
	c.write("WINDOW_UPDATE", func() error { return c.framer.WriteWindowUpdate(s.id, windowed) })
	res, err := c.read(s)
	if err != nil {
		return err
	}
	return match(res, app.Exchange())
}

func checkH2Frames(p *probe) error {
	c, err := p.http2(wide)
	if err != nil {
		return err
	}
	if err := c.await("an acknowledgement of SETTINGS", func() bool { return c.acked }); err != nil {
		return err
	}
	if err := c.ping(); err != nil {
		return err
	}
	const unknown = http2.FrameType(0xbe)
	c.write("unknown frame", func() error { return c.framer.WriteRawFrame(unknown, 0xff, 0, []byte("unknown")) })
	res, _, err := c.get("/hello")
	if err != nil {
		return fmt.Errorf("after a frame of an unknown type: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("after a frame of an unknown type: status is %d", res.StatusCode)
	}
	return nil
}

// checkH2Malformed takes the end of the connection for a refusal as well, but not
// silence.
func checkH2Malformed(p *probe) error {
	var errs []error
	for _, m := range []struct {
		what   string
		change func(header []hpack.HeaderField) []hpack.HeaderField
	}{
		{"a name in upper case", with("X-Field", "a")},
		{"Connection", with("connection", "close")},
		{"Transfer-Encoding", with("transfer-encoding", "chunked")},
		{"Upgrade", with("upgrade", "h2c")},
		{"TE other than trailers", with("te", "gzip")},
		{"an unknown pseudo-field", with(":field", "a")},
		{"a pseudo-field of replies", with(":status", "200")},
		{"a pseudo-field after others", func(header []hpack.HeaderField) []hpack.HeaderField {
			return append(with("x-field", "a")(header[:len(header)-1:len(header)-1]), header[len(header)-1])
		}},
		{"two :path", with(":path", "/hello")},
		{"no :path", without(":path")},
		{"no :method", without(":method")},
		{"a line end in a value", with("x-field", "a\r\nb: c")},
		{"a NUL in a value", with("x-field", "a\x00b")},
		{"a space in a name", with("x field", "a")},
	} {
		c, err := p.http2(wide)
		if err != nil {
			return err
		}
		header := c.header(request{method: http.MethodGet, target: "/hello"})
		if err := c.refuses(m.what, c.open(m.change(header), true)); err != nil {
			errs = append(errs, err)
		}
		if p.ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

func checkH2LengthAlone(p *probe) error {
	c, err := p.http2(wide)
	if err != nil {
		return err
	}
	header := with("content-length", "5")(c.header(request{method: http.MethodGet, target: "/hello"}))
	return c.refuses("Content-Length: 5 and no body", c.open(header, true))
}

func with(name, value string) func([]hpack.HeaderField) []hpack.HeaderField {
	return func(header []hpack.HeaderField) []hpack.HeaderField {
		return append(header[:len(header):len(header)], hpack.HeaderField{Name: name, Value: value})
	}
}

func without(name string) func([]hpack.HeaderField) []hpack.HeaderField {
	return func(header []hpack.HeaderField) []hpack.HeaderField {
		return slices.DeleteFunc(header, func(f hpack.HeaderField) bool { return f.Name == name })
	}
}
