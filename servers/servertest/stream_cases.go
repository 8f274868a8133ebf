package servertest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/apps"
)

var streamCases = []testCase{
	{name: "S4 a failure before the first block is not a success", run: func(h *harness) error {
		return failsEarly(h, newScript().then(emptyBlock).thenFail())
	}},
	{name: "S4 a panic before the first block is not a success", run: func(h *harness) error {
		return failsEarly(h, newScript().thenPanic())
	}},
	{name: "S5 each block is sent before the next is asked for", run: func(h *harness) error {
		return lockstep(h)
	}},
	{name: "S5 each block of a sized stream is sent before the next is asked for", run: func(h *harness) error {
		return lockstep(h, "Content-Length", "9")
	}},
	{name: "S5 empty blocks send nothing", run: emptyBlocks},
	{name: "S5 blocks of a mebibyte", run: largeBlocks},
	{name: "S5 large blocks to many clients at once are not mixed up", run: largeBlocksAtOnce},
	{name: "S6 a stream is closed once", run: func(h *harness) error {
		return closes(h, "GET", blocks("one", "two"))
	}},
	{name: "S6 an empty stream is closed once", run: func(h *harness) error {
		return closes(h, "GET", blocks())
	}},
	{name: "S6 a stream is closed once for HEAD", run: func(h *harness) error {
		return closes(h, "HEAD", blocks("one", "two"))
	}},
	{name: "S6 a stream is closed once after its length", run: func(h *harness) error {
		return closes(h, "GET", blocks("one", "two"), "Content-Length", "3")
	}},
	{name: "S6 a stream is closed once after an error", run: func(h *harness) error {
		return closes(h, "GET", blocks("one").thenFail())
	}},
	{name: "S6 a stream is closed once after a panic", run: func(h *harness) error {
		return closes(h, "GET", blocks("one").thenPanic())
	}},
	{name: "S6 a stream is closed once when the client is gone", run: clientGone},
	{name: "S6 a stream is closed once when the app fails after it", run: failsAfterStream},
	{name: "S6 a stream that comes second is closed", run: secondStream},
	{name: "S7 a stream is chunked", run: streamChunked},
	{name: "S7 a stream with a length is not chunked", run: streamSized},
	{name: "S7 a stream with length 0", run: func(h *harness) error {
		return streamCut(h, blocks(), "0", "")
	}},
	{name: "S7 a stream is cut at its length", run: func(h *harness) error {
		return streamCut(h, blocks("0123", "4567", "89"), "6", "012345")
	}},
	{name: "S7 a stream short of its length is seen to fail", run: func(h *harness) error {
		return breaks(h, blocks("0123"), "Content-Length", "100")
	}},
	{name: "S7 a stream to an HTTP/1.0 client is not chunked", run: streamHTTP10},
	{name: "S9 an error within a stream is seen to fail", run: func(h *harness) error {
		return breaks(h, blocks("0123").thenFail())
	}},
	{name: "S9 an error within a sized stream is seen to fail", run: func(h *harness) error {
		return breaks(h, blocks("0123").thenFail(), "Content-Length", "100")
	}},
	{name: "S9 a panic within a stream is seen to fail", run: func(h *harness) error {
		return breaks(h, blocks("0123").thenPanic())
	}},
}

func emptyBlock() ([]byte, error) { return nil, nil }

// failsEarly accepts a 500 and a cut connection.
func failsEarly(h *harness, body *script) error {
	c, err := h.startAndDial(stream(body))
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("/stream"))
	if err != nil {
		return notTimeout(err)
	}
	if r.StatusCode != 500 {
		return fmt.Errorf("status %d, want 500 or the connection cut", r.StatusCode)
	}
	return body.closedOnce(h)
}

// lockstep produces a block only when the client has read the one before.
func lockstep(h *harness, header ...string) error {
	got := make(chan struct{}, 1)
	body := blocks("one")
	for _, text := range []string{"two", "end"} {
		body.then(func() ([]byte, error) { return []byte(text), h.wait(got, "block at the client") })
	}
	c, err := h.startAndDial(stream(body, header...))
	if err != nil {
		return err
	}
	if err := c.send(get("/stream")); err != nil {
		return err
	}
	res, err := c.open("GET")
	if err != nil {
		return err
	}
	for _, text := range []string{"one", "two", "end"} {
		buf := make([]byte, len(text))
		if _, err := io.ReadFull(res.Body, buf); err != nil || string(buf) != text {
			return fmt.Errorf("block %q (%w), want %q", buf, err, text)
		}
		got <- struct{}{}
	}
	rest, err := io.ReadAll(res.Body)
	if err != nil || len(rest) > 0 {
		return fmt.Errorf("%q (%w) after the last block", rest, err)
	}
	return c.aligned("/", "hello")
}

func emptyBlocks(h *harness) error {
	body := newScript().then(emptyBlock).
		then(func() ([]byte, error) { return []byte("one"), nil }).then(emptyBlock).
		then(func() ([]byte, error) { return []byte("two"), nil }).then(emptyBlock)
	c, err := h.startAndDial(stream(body))
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("/stream"))
	if err := want(r, err, 200, "onetwo"); err != nil {
		return err
	}
	return c.aligned("/", "hello")
}

func largeBlocks(h *harness) error {
	block := strings.Repeat("0123456789abcdef", 64<<10)
	c, err := h.startAndDial(stream(blocks(block, block, block)))
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("/stream"))
	if err := want(r, err, 200, strings.Repeat(block, 3)); err != nil {
		return err
	}
	return c.aligned("/", "hello")
}

// largeBlocksAtOnce streams blocks of another letter to each client.
func largeBlocksAtOnce(h *harness) error {
	const clients, requests, size, blocksEach = 8, 10, 100_000, 3
	err := h.start(func(req apps.Request, res apps.Response) error {
		block := strings.Repeat(req.Query(), size)
		return res.Stream(200, blocks(slices.Repeat([]string{block}, blocksEach)...))
	})
	if err != nil {
		return err
	}
	return h.atOnce(clients, func(i int, c *client) error {
		letter := string(rune('a' + i))
		for range requests {
			r, err := c.do("GET", get("/?"+letter))
			if err := want(r, err, 200, strings.Repeat(letter, blocksEach*size)); err != nil {
				return fmt.Errorf("client %s: %w", letter, err)
			}
		}
		return nil
	})
}

func closes(h *harness, method string, body *script, header ...string) error {
	c, err := h.startAndDial(stream(body, header...))
	if err != nil {
		return err
	}
	if _, err := c.do(method, request(method, "/stream", "")); err != nil {
		if err := notTimeout(err); err != nil {
			return err
		}
	}
	return body.closedOnce(h)
}

// clientGone streams without an end to a client that leaves after a block.
func clientGone(h *harness) error {
	body := newScript()
	block := make([]byte, 64<<10)
	for range 1 << 16 { // 4 GiB: no socket takes that
		body.then(func() ([]byte, error) { return block, nil })
	}
	c, err := h.startAndDial(stream(body))
	if err != nil {
		return err
	}
	if err := c.send(get("/stream")); err != nil {
		return err
	}
	res, err := c.open("GET")
	if err != nil {
		return err
	}
	if _, err := io.ReadFull(res.Body, make([]byte, len(block))); err != nil {
		return err
	}
	c.Close()
	return body.closedOnce(h)
}

func failsAfterStream(h *harness) error {
	body := blocks("one")
	c, err := h.startAndDial(func(_ apps.Request, res apps.Response) error {
		if err := res.Stream(200, body); err != nil {
			return err
		}
		return errApp
	})
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("/"))
	if err == nil && r.StatusCode != 500 {
		return fmt.Errorf("status %d, want 500 or the connection cut", r.StatusCode)
	}
	return errors.Join(notTimeout(err), body.closedOnce(h))
}

func secondStream(h *harness) error {
	body := blocks("two")
	second := make(chan error, 1)
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		err := hello(req, res)
		second <- res.Stream(200, body)
		return err
	})
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("/"))
	if err := want(r, err, 200, "hello"); err != nil {
		return err
	}
	if err := <-second; !errors.Is(err, apps.ErrAnswered) {
		return fmt.Errorf("second answer: %w, want ErrAnswered", err)
	}
	return body.closedOnce(h)
}

func streamChunked(h *harness) error {
	c, err := h.startAndDial(stream(blocks("one", "two")))
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("/stream"))
	if err := want(r, err, 200, "onetwo"); err != nil {
		return err
	}
	if len(r.TransferEncoding) != 1 || r.Header.Get("Content-Length") != "" {
		return fmt.Errorf("transfer encoding %q, header %v", r.TransferEncoding, r.Header)
	}
	return c.aligned("/", "hello")
}

func streamSized(h *harness) error {
	c, err := h.startAndDial(stream(blocks("one", "two"), "content-length", "6"))
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("/stream"))
	if err := want(r, err, 200, "onetwo"); err != nil {
		return err
	}
	if len(r.TransferEncoding) != 0 || r.ContentLength != 6 {
		return fmt.Errorf("transfer encoding %q, length %d", r.TransferEncoding, r.ContentLength)
	}
	return c.aligned("/", "hello")
}

func streamCut(h *harness, body *script, length, text string) error {
	c, err := h.startAndDial(stream(body, "Content-Length", length))
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("/stream"))
	if err := want(r, err, 200, text); err != nil {
		return err
	}
	return c.aligned("/", "hello")
}

func breaks(h *harness, body *script, header ...string) error {
	c, err := h.startAndDial(stream(body, header...))
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("/stream"))
	if err := incomplete(r, err); err != nil {
		return err
	}
	if err := c.closed(); err != nil {
		return err
	}
	return body.closedOnce(h)
}

func streamHTTP10(h *harness) error {
	c, err := h.startAndDial(stream(blocks("one", "two")))
	if err != nil {
		return err
	}
	r, err := c.do("GET", "GET /stream HTTP/1.0\r\n\r\n")
	if err := want(r, err, 200, "onetwo"); err != nil {
		return err
	}
	if r.Header.Get("Transfer-Encoding") != "" || len(r.TransferEncoding) > 0 {
		return fmt.Errorf("transfer encoding %q", r.TransferEncoding)
	}
	return c.closed()
}
