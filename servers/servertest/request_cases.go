package servertest

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/benchctl/benchctl/apps"
)

const big = 8 << 20 // above every vendor's limit for a body kept in memory

var requestCases = []testCase{
	{name: "S1 serves many requests at once", run: concurrent},
	{name: "S2 the context ends with the request", run: contextEnds},
	{name: "S2 method, path and query", run: target},
	{name: "S2 header fields without regard to case", run: requestHeader},
	{name: "S2 Host is that of a target in absolute form", run: hostOfTarget},
	{name: "S16 the peer is the client of the connection", run: peer},
	{name: "S3 a request without a body has length 0", run: noBody},
	{name: "S3 a sized body ends at its length", run: sizedBody},
	{name: "S3 a chunked body is decoded", run: chunkedBody},
	{name: "S3 a large sized body", run: func(h *harness) error {
		text := strings.Repeat("0123456789abcdef", big/16)
		return echoes(h, echo, post("/echo", text), text)
	}},
	{name: "S3 a large chunked body", run: func(h *harness) error {
		chunk := strings.Repeat("0123456789abcdef", 4<<10)
		chunks := make([]string, big/len(chunk))
		for i := range chunks {
			chunks[i] = chunk
		}
		return echoes(h, echo, postChunks("/echo", chunks...), strings.Repeat(chunk, len(chunks)))
	}},
	{name: "S3 a large body is read inside Next", run: func(h *harness) error {
		text := strings.Repeat("0123456789abcdef", big/16)
		return echoes(h, echoStream, post("/echo", text), text)
	}},
	{name: "S3 a chunked body is read inside Next", run: func(h *harness) error {
		return echoes(h, echoStream, postChunks("/echo", "one", "two", "three"), "onetwothree")
	}},
	{name: "S3 a truncated sized body is an error", run: func(h *harness) error {
		return truncated(h, request("POST", "/", "0123456789", "Content-Length: 100"))
	}},
	{name: "S3 a truncated chunked body is an error", run: func(h *harness) error {
		return truncated(h, request("POST", "/", "a\r\n0123456789\r\n", "Transfer-Encoding: chunked"))
	}},
	{name: "S3 a malformed chunk is an error, and ends the connection", run: malformedChunk},
	{name: "S3 a body arrives while it is sent", run: bodyArrives},
	{name: "S3 a body arrives while it is sent in chunks, without a length", run: chunksArrive},
	{name: "S10 an unread sized body", run: func(h *harness) error {
		return unread(h, post("/", strings.Repeat("GET /x HTTP/1.1\r\n\r\n", 4<<10)))
	}},
	{name: "S10 an unread chunked body", run: func(h *harness) error {
		return unread(h, postChunks("/", strings.Repeat("GET /x HTTP/1.1\r\n\r\n", 1<<10), "end"))
	}},
	{name: "S10 a body unread by a stream", run: unreadByStream},
	{name: "S11 100-continue comes before the body", run: expectContinue},
}

func concurrent(h *harness) error {
	if err := h.start(echo); err != nil {
		return err
	}
	const clients, requests = 16, 20
	return h.atOnce(clients, func(i int, c *client) error {
		for n := range requests {
			text := fmt.Sprintf("request %d of client %d", n, i)
			r, err := c.do("POST", post("/echo", text))
			if err := want(r, err, 200, text); err != nil {
				return err
			}
		}
		return nil
	})
}

func contextEnds(h *harness) error {
	done := make(chan (<-chan struct{}), 1)
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		ctx := req.Context()
		if ctx.Err() != nil {
			return fmt.Errorf("context over at the start: %w", ctx.Err())
		}
		done <- ctx.Done()
		return hello(req, res)
	})
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("/"))
	if err := want(r, err, 200, "hello"); err != nil {
		return err
	}
	return h.wait(<-done, "end of the request's context")
}

func target(h *harness) error {
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		return res.Reply(200, []byte(req.Method()+" "+req.Path()+" "+req.Query()))
	})
	if err != nil {
		return err
	}
	r, err := c.do("PUT", request("PUT", "/a%20b/c?x=1%202&y=", "", "Content-Length: 0"))
	if err := want(r, err, 200, "PUT /a b/c x=1%202&y="); err != nil {
		return err
	}
	r, err = c.do("GET", get("/"))
	return want(r, err, 200, "GET / ")
}

func requestHeader(h *harness) error {
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		text := req.Header("x-TEST") + "," + req.Header("host") + "," + req.Header("X-Absent")
		return res.Reply(200, []byte(text))
	})
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("/", "x-test: value"))
	return want(r, err, 200, "value,test,")
}

func hostOfTarget(h *harness) error {
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		return res.Reply(200, []byte(req.Header("Host")+req.Path()))
	})
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("http://other.example:81/path"))
	return want(r, err, 200, "other.example:81/path")
}

// peer asks who is at the other end in Serve and in Next, on connections with several requests.
func peer(h *harness) error {
	err := h.start(func(req apps.Request, res apps.Response) error {
		first := req.Peer().String()
		if req.Path() != "/stream" {
			return res.Reply(200, []byte(first))
		}
		return res.Stream(200, newScript().then(func() ([]byte, error) {
			return []byte(first), nil
		}).then(func() ([]byte, error) {
			return []byte(" " + req.Peer().String()), nil
		}))
	})
	if err != nil {
		return err
	}
	return h.atOnce(3, func(_ int, c *client) error {
		self := c.LocalAddr().String()
		for range 2 {
			for path, body := range map[string]string{"/": self, "/stream": self + " " + self} {
				r, err := c.do("GET", get(path, "X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1", "X-Real-IP: 192.0.2.1"))
				if err := want(r, err, 200, body); err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
			}
		}
		return nil
	})
}

func noBody(h *harness) error {
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		body, err := io.ReadAll(req.Body())
		if err != nil {
			return err
		}
		return res.Reply(200, fmt.Appendf(nil, "%d %d", req.ContentLength(), len(body)))
	})
	if err != nil {
		return err
	}
	for _, method := range []string{"GET", "POST", "DELETE"} {
		r, err := c.do(method, request(method, "/", ""))
		if err := want(r, err, 200, "0 0"); err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
	}
	return nil
}

func sizedBody(h *harness) error {
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		body, err := io.ReadAll(req.Body())
		if err != nil {
			return err
		}
		return res.Reply(200, fmt.Appendf(body, " %d", req.ContentLength()))
	})
	if err != nil {
		return err
	}
	// The next request is in the same segment, where a careless read finds it.
	if err := c.send(post("/", "first"), post("/", "the second")); err != nil {
		return err
	}
	r, err := c.read("POST")
	if err := want(r, err, 200, "first 5"); err != nil {
		return err
	}
	r, err = c.read("POST")
	return want(r, err, 200, "the second 10")
}

func chunkedBody(h *harness) error {
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		body, err := io.ReadAll(req.Body())
		if err != nil {
			return err
		}
		return res.Reply(200, fmt.Appendf(body, " %d", req.ContentLength()))
	})
	if err != nil {
		return err
	}
	if err := c.send(postChunks("/", "one", "two"), postChunks("/", "three")); err != nil {
		return err
	}
	r, err := c.read("POST")
	if err := want(r, err, 200, "onetwo -1"); err != nil {
		return err
	}
	r, err = c.read("POST")
	return want(r, err, 200, "three -1")
}

// echoes sends a request while it reads the reply, since neither side need keep
// a whole body in memory.
func echoes(h *harness, app apps.Func, raw, text string) error {
	c, err := h.startAndDial(app)
	if err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() { sent <- c.send(raw) }()
	r, err := c.read("POST")
	if err := errors.Join(want(r, err, 200, text), <-sent); err != nil {
		return err
	}
	return c.aligned("/", "hello")
}

func truncated(h *harness, raw string) error {
	read := make(chan error, 1)
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		_, err := io.ReadAll(req.Body())
		read <- err
		return err
	})
	if err != nil {
		return err
	}
	if err := c.send(raw); err != nil {
		return err
	}
	if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, c.br); notTimeout(err) != nil {
		return err
	}
	select {
	case err := <-read:
		if err == nil {
			return errors.New("the app saw a complete body")
		}
	default: // the app was not called at all
	}
	return nil
}

// malformedChunk accepts that the engine answers before the app is called.
func malformedChunk(h *harness) error {
	c, err := h.startAndDial(echo)
	if err != nil {
		return err
	}
	r, err := c.do("POST", request("POST", "/echo", "FFFFFFFFFFFFFFFFFFFF5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked"))
	switch {
	case err != nil:
		return notTimeout(err)
	case r.StatusCode < 400:
		return fmt.Errorf("status %d, body %s", r.StatusCode, brief(r.body))
	}
	return c.closed()
}

// bodyArrives sends the second half of a body when the app has seen some of the
// first. Halves are larger than what engines read ahead.
func bodyArrives(h *harness) error {
	half := strings.Repeat("x", 64<<10)
	seen := make(chan struct{})
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		if _, err := io.ReadFull(req.Body(), make([]byte, 1)); err != nil {
			return err
		}
		close(seen)
		n, err := io.Copy(io.Discard, req.Body())
		if err != nil {
			return err
		}
		return res.Reply(200, fmt.Append(nil, n+1))
	})
	if err != nil {
		return err
	}
	if err := c.send(request("POST", "/", half, fmt.Sprintf("Content-Length: %d", 2*len(half)))); err != nil {
		return err
	}
	if err := h.wait(seen, "first byte of the body in the app"); err != nil {
		return err
	}
	r, err := c.do("POST", half)
	return want(r, err, 200, fmt.Sprint(2*len(half)))
}

// chunksArrive sends the second half of a chunked body when the app has seen the first. A server that
// has to know the length of a body has no other one to tell then.
func chunksArrive(h *harness) error {
	seen := make(chan struct{})
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		length := req.ContentLength()
		first := make([]byte, 3)
		if _, err := io.ReadFull(req.Body(), first); err != nil {
			return err
		}
		close(seen)
		rest, err := io.ReadAll(req.Body())
		if err != nil {
			return err
		}
		return res.Reply(200, fmt.Appendf(nil, "%s%s %d", first, rest, length))
	})
	if err != nil {
		return err
	}
	if err := c.send(request("POST", "/", "3\r\none\r\n", "Transfer-Encoding: chunked")); err != nil {
		return err
	}
	if err := h.wait(seen, "first chunk of the body in the app"); err != nil {
		return err
	}
	r, err := c.do("POST", "3\r\ntwo\r\n0\r\n\r\n")
	return want(r, err, 200, "onetwo -1")
}

func unread(h *harness, raw string) error {
	c, err := h.startAndDial(hello)
	if err != nil {
		return err
	}
	r, err := c.do("POST", raw)
	if err := want(r, err, 200, "hello"); err != nil {
		return err
	}
	return c.alignedOrClosed("/", "hello")
}

func unreadByStream(h *harness) error {
	c, err := h.startAndDial(stream(blocks("one", "two")))
	if err != nil {
		return err
	}
	r, err := c.do("POST", post("/stream", strings.Repeat("GET /x HTTP/1.1\r\n\r\n", 4<<10)))
	if err := want(r, err, 200, "onetwo"); err != nil {
		return err
	}
	return c.alignedOrClosed("/", "hello")
}

func expectContinue(h *harness) error {
	c, err := h.startAndDial(echo)
	if err != nil {
		return err
	}
	if err := c.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		return err
	}
	line, err := c.br.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		return fmt.Errorf("got line %q (%w), want status 100", line, err)
	}
	if line, err = c.br.ReadString('\n'); err != nil || line != "\r\n" {
		return fmt.Errorf("got line %q (%w) after status 100, want none", line, err)
	}
	r, err := c.do("POST", "hello")
	return want(r, err, 200, "hello")
}
