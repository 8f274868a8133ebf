package conform

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
)

const (
	streamPause = 400 * time.Millisecond // that the app makes between two chunks
	maxLead     = streamPause / 2        // of what a server may hold back
)

const streamChunk = 1024 // bytes

// chunks awaits n chunks of a stream.
func (c *client) chunks(res *reply, n int) error {
	err := c.await(res, func() bool { return len(res.body) >= n*streamChunk })
	if err == nil && len(res.body) < n*streamChunk {
		err = fmt.Errorf("status is %d, and the body ends after %d bytes", res.StatusCode, len(res.body))
	}
	return err
}

// streamTries are made of a stream until its second block is seen to be made after the
// first had come: on a machine that is busy the client may be late to see that.
const streamTries = 3

func checkStream(p *probe) error {
	var lead time.Duration
	for range streamTries {
		var err error
		if lead, err = p.streamLead(); err != nil || lead >= maxLead {
			return err
		}
	}
	return fmt.Errorf("the first chunk came %v before one that was made %v later: the server held it back", lead.Round(time.Millisecond), streamPause)
}

// streamLead is the time between the two chunks of a reply.
func (p *probe) streamLead() (time.Duration, error) {
	c, err := p.dial()
	if err != nil {
		return 0, err
	}
	defer c.conn.Close()
	c.send(fmt.Sprintf("GET /stream?chunks=2&bytes=%d&ms=%d HTTP/1.1\r\nHost: {host}\r\n\r\n", streamChunk, streamPause.Milliseconds()))
	res := expected(http.MethodGet)
	if err := c.chunks(res, 1); err != nil {
		return 0, fmt.Errorf("first chunk: %w", err)
	}
	began := time.Now()
	if err := c.chunks(res, 2); err != nil {
		return 0, fmt.Errorf("second chunk: %w", err)
	}
	return time.Since(began), nil
}

// The stream that is watched: longer than a client's leaving goes unnoticed in
// socket buffers, and over by itself before a check is.
const (
	watchChunks = 150
	watchPause  = 10 * time.Millisecond
	watchLength = watchChunks * watchPause
)

// leave asks for the watched stream, leaves after its first chunk, and returns what
// asks for the notes.
func (p *probe) leave() (notes func() (string, error), err error) {
	id := rand.IntN(1e9)
	c, err := p.dial()
	if err != nil {
		return nil, err
	}
	c.send(fmt.Sprintf("GET /watch?id=%d&chunks=%d&ms=%d HTTP/1.1\r\nHost: {host}\r\n\r\n", id, watchChunks, watchPause.Milliseconds()))
	c.within(patience)
	if err := c.chunks(expected(http.MethodGet), 1); err != nil {
		return nil, fmt.Errorf("first chunk: %w", err)
	}
	c.conn.Close()
	return func() (string, error) {
		_, res, err := p.ask(fmt.Sprintf("GET /watched?id=%d HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", id))
		if err != nil {
			return "", err
		}
		return strings.TrimSpace(string(res.body)), nil
	}, nil
}

const noteClosed = string(rune(suite.WatchClosed))

// closed waits until the notes tell that the stream was closed, and for what a
// second closing would take.
func closed(notes func() (string, error), within time.Duration) (string, error) {
	for end := time.Now().Add(within); ; time.Sleep(watchPause * 5) {
		text, err := notes()
		if err == nil && strings.Contains(text, noteClosed) {
			time.Sleep(watchPause * 5)
			return notes()
		}
		if time.Now().After(end) {
			return text, err
		}
	}
}

// left is the notes on a stream whose client has left, once it is over.
func (p *probe) left() (string, error) {
	notes, err := p.leave()
	if err != nil {
		return "", err
	}
	return closed(notes, watchLength+patience)
}

func checkClosedOnce(p *probe) error {
	text, err := p.left()
	if err != nil {
		return err
	}
	if n := strings.Count(text, noteClosed); n != 1 || !strings.HasSuffix(text, noteClosed) {
		return fmt.Errorf("a stream whose client has left was closed %d times (%s)", n, noted(text))
	}
	return nil
}

// soon is when an app's stream should have ended after its client has left.
const soon = watchLength / 2

func checkDisconnect(p *probe) error {
	text, err := p.left()
	if err != nil {
		return err
	}
	if blocks := strings.Count(text, string(rune(suite.WatchBlock))); time.Duration(blocks)*watchPause > soon {
		return fmt.Errorf("%d of %d chunks were made, most of them for a client that had left", blocks+1, watchChunks)
	}
	return nil
}

// noted shortens notes to what they say.
func noted(text string) string {
	blocks := strings.Count(text, string(rune(suite.WatchBlock)))
	return fmt.Sprintf("notes: %q, %d blocks left out", strings.ReplaceAll(text, string(rune(suite.WatchBlock)), ""), blocks)
}

func checkError(p *probe) error {
	_, res, err := p.ask("GET /error?at=1 HTTP/1.1\r\nHost: {host}\r\n\r\n")
	if err != nil {
		return fmt.Errorf("the app fails before its reply: %w", err)
	}
	if res.StatusCode != http.StatusInternalServerError {
		return fmt.Errorf("the app fails before its reply: status is %d, not 500", res.StatusCode)
	}
	_, res, err = p.ask("GET /error?at=2 HTTP/1.1\r\nHost: {host}\r\n\r\n")
	return incomplete("the app fails within its reply", res, err)
}

// incomplete wants a reply that is a failure, or is seen to be cut.
func incomplete(when string, res *reply, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%s: the connection stays open and the client waits: %w", when, err)
	}
	if err != nil || res.StatusCode >= 500 {
		return nil
	}
	return fmt.Errorf("%s: status %d, body %.40q, which looks whole", when, res.StatusCode, res.body)
}

func checkAppLength(p *probe) error {
	c, res, err := p.ask("GET /error?at=3 HTTP/1.1\r\nHost: {host}\r\n\r\n")
	switch {
	case errors.Is(err, errNoReply), err == nil && res.StatusCode >= 500:
	case err != nil:
		return fmt.Errorf("a reply longer than its Content-Length: %w", err)
	case string(res.body) != "fail":
		return fmt.Errorf("a reply longer than its Content-Length: body %.40q", res.body)
	default:
		if err := c.goesOn(res); err != nil {
			return fmt.Errorf("after a reply longer than its Content-Length: %w", err)
		}
	}
	_, res, err = p.ask("GET /error?at=4 HTTP/1.1\r\nHost: {host}\r\n\r\n")
	return incomplete("a reply shorter than its Content-Length", res, err)
}
