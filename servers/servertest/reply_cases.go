package servertest

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/benchctl/benchctl/apps"
)

var replyCases = []testCase{
	{name: "S7 a reply has a length", run: func(h *harness) error {
		return replies(h, 5)
	}},
	{name: "S7 an empty reply has a length", run: func(h *harness) error {
		return replies(h, 0)
	}},
	{name: "S7 a large reply has a length", run: func(h *harness) error {
		return replies(h, big)
	}},
	{name: "S7 a large reply on a Unix socket is whole", run: onUnixSocket},
	{name: "S7 a reply longer than its length never gets out of step", run: func(h *harness) error {
		return wrongLength(h, "3")
	}},
	{name: "S7 a reply shorter than its length never looks like another", run: func(h *harness) error {
		return wrongLength(h, "100")
	}},
	{name: "S7 status codes", run: statusCodes},
	{name: "S8 HEAD of a reply", run: func(h *harness) error {
		return headOf(h, func(res apps.Response) error { return res.Reply(200, []byte("hello")) }, "5")
	}},
	{name: "S8 HEAD of a large reply", run: func(h *harness) error {
		return headOf(h, func(res apps.Response) error { return res.Reply(200, make([]byte, 100_000)) }, "100000")
	}},
	{name: "S8 HEAD of a stream", run: func(h *harness) error {
		return headOf(h, func(res apps.Response) error { return res.Stream(200, blocks("one")) }, "")
	}},
	{name: "S8 HEAD of a sized stream", run: func(h *harness) error {
		return headOf(h, func(res apps.Response) error {
			res.SetHeader("Content-Length", "3")
			return res.Stream(200, blocks("one"))
		}, "3")
	}},
	{name: "S8 204 and 304 have no body", run: noContent},
	{name: "S8 204 has no Content-Length", run: noContentLength},
	{name: "S9 an error of the app is a 500", run: func(h *harness) error {
		return fails(h, func(apps.Response) error { return errApp })
	}},
	{name: "S9 a panic of the app is a 500", run: func(h *harness) error {
		return fails(h, func(apps.Response) error { panic("app panics on purpose") })
	}},
	{name: "S9 no answer is a 500", run: func(h *harness) error {
		return fails(h, func(apps.Response) error { return nil })
	}},
	{name: "S9 an error after the headers were set is a clean 500", run: func(h *harness) error {
		return fails(h, func(res apps.Response) error {
			res.SetHeader("Content-Length", "100")
			return errApp
		})
	}},
	{name: "S12 Date is now", run: date},
	{name: "S15 a field set again replaces the earlier one", run: setTwice},
	{name: "S15 each Set-Cookie is a field of its own", run: setCookies},
	{name: "A2 a second answer is ErrAnswered", run: secondReply},
}

func replies(h *harness, size int) error {
	text := strings.Repeat("x", size)
	c, err := h.startAndDial(func(_ apps.Request, res apps.Response) error {
		return res.Reply(200, []byte(text))
	})
	if err != nil {
		return err
	}
	for range 2 {
		r, err := c.do("GET", get("/"))
		if err := want(r, err, 200, text); err != nil {
			return err
		}
		if r.Header.Get("Content-Length") != fmt.Sprint(size) {
			return fmt.Errorf("content-length %q, want %d", r.Header.Get("Content-Length"), size)
		}
	}
	return nil
}

// wrongLength answers "hello" with a false Content-Length. An engine may correct
// the length, keep it and cut the body, or cut the connection.
func wrongLength(h *harness, length string) error {
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		if req.Path() == "/" {
			return hello(req, res)
		}
		res.SetHeader("Content-Length", length)
		return res.Reply(200, []byte("hello"))
	})
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("/wrong"))
	if err != nil {
		return notTimeout(err)
	}
	if r.body != "hello" && r.body != "hel" {
		return fmt.Errorf("body %s", brief(r.body))
	}
	return c.alignedOrClosed("/", "hello")
}

func setTwice(h *harness) error {
	c, err := h.startAndDial(func(_ apps.Request, res apps.Response) error {
		res.SetHeader("X-Test", "one")
		res.SetHeader("x-test", "two")
		res.SetHeader("Content-Type", "text/html")
		res.SetHeader("Content-Type", "text/plain")
		return res.Reply(200, nil)
	})
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("/"))
	if err := want(r, err, 200, ""); err != nil {
		return err
	}
	for name, value := range map[string]string{"X-Test": "two", "Content-Type": "text/plain"} {
		if got := r.Header.Values(name); len(got) != 1 || got[0] != value {
			return fmt.Errorf("%s %q, want %q", name, got, value)
		}
	}
	return nil
}

// setCookies sets cookies, and none in the next reply on the connection, nor in a 500.
func setCookies(h *harness) error {
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		if req.Path() == "/" {
			return hello(req, res)
		}
		setHeaders(res, []string{"Set-Cookie", "a=1; Path=/", "X-Test", "one", "set-cookie", "b=2", "X-Test", "two", "Set-Cookie", "a=3, 4"})
		switch req.Path() {
		case "/stream":
			return res.Stream(200, blocks("one"))
		case "/fail":
			return errApp
		}
		return res.Reply(200, []byte("one"))
	})
	if err != nil {
		return err
	}
	for _, path := range []string{"/reply", "/stream"} {
		r, err := c.do("GET", get(path))
		if err := want(r, err, 200, "one"); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if got := r.Header.Values("Set-Cookie"); !slices.Equal(got, []string{"a=1; Path=/", "b=2", "a=3, 4"}) {
			return fmt.Errorf("%s: Set-Cookie %q", path, got)
		}
		if got := r.Header.Values("X-Test"); !slices.Equal(got, []string{"two"}) {
			return fmt.Errorf("%s: X-Test %q", path, got)
		}
	}
	for _, path := range []string{"/", "/fail"} { // the last may end the connection
		r, err := c.do("GET", get(path))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if got := r.Header.Values("Set-Cookie"); got != nil {
			return fmt.Errorf("%s: Set-Cookie %q", path, got)
		}
	}
	return nil
}

// onUnixSocket replies with more than a Unix socket takes at once, which is less than a TCP socket does.
func onUnixSocket(h *harness) error {
	dir, err := os.MkdirTemp("", "servertest-") // a test's own is too long for a socket's path
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	large := strings.Repeat("0123456789abcdef", 256<<10)
	err = h.startOn("unix", filepath.Join(dir, "s"), func(req apps.Request, res apps.Response) error {
		if req.Path() == "/" {
			return hello(req, res)
		}
		return res.Reply(200, []byte(large))
	})
	if err != nil {
		return err
	}
	c, err := h.dial()
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("/large"))
	if err := want(r, err, 200, large); err != nil {
		return err
	}
	return c.aligned("/", "hello")
}

func statusCodes(h *harness) error {
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		status, err := strconv.Atoi(req.Query())
		if err != nil {
			return err
		}
		return res.Reply(status, []byte("body"))
	})
	if err != nil {
		return err
	}
	for _, status := range []int{200, 201, 302, 404, 405, 500, 503} {
		r, err := c.do("GET", get(fmt.Sprint("/?", status)))
		if err := want(r, err, status, "body"); err != nil {
			return err
		}
	}
	return nil
}

// headOf checks a reply to HEAD: the header of GET, no body, in step.
func headOf(h *harness, answer func(apps.Response) error, length string) error {
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		if req.Path() == "/" {
			return hello(req, res)
		}
		return answer(res)
	})
	if err != nil {
		return err
	}
	// The next request goes out at once, so that stray bytes stand before its
	// reply and not after everything was read.
	if err := c.send(request("HEAD", "/head", ""), get("/")); err != nil {
		return err
	}
	r, err := c.read("HEAD")
	if err := want(r, err, 200, ""); err != nil {
		return err
	}
	if got := r.Header.Get("Content-Length"); got != length {
		return fmt.Errorf("content-length %q, want %q", got, length)
	}
	return c.nextReply()
}

// nextReply checks that exactly a reply "hello" comes next.
func (c *client) nextReply() error {
	if b, err := c.br.Peek(5); err != nil || string(b) != "HTTP/" {
		return fmt.Errorf("%q (%w) before the next reply", b, err)
	}
	r, err := c.read("GET")
	return want(r, err, 200, "hello")
}

func noContent(h *harness) error {
	for _, status := range []int{204, 304} {
		if err := noContentOf(h, status); err != nil {
			return fmt.Errorf("%d: %w", status, err)
		}
		if err := h.stop(); err != nil {
			return err
		}
	}
	return nil
}

func noContentOf(h *harness, status int) error {
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		switch req.Path() {
		case "/reply":
			return res.Reply(status, []byte("must not be sent"))
		case "/stream":
			return res.Stream(status, blocks("must not be sent"))
		}
		return hello(req, res)
	})
	if err != nil {
		return err
	}
	for _, path := range []string{"/reply", "/stream"} {
		if err := c.send(get(path), get("/")); err != nil {
			return err
		}
		r, err := c.read("GET")
		if err := want(r, err, status, ""); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := c.nextReply(); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// noContentLength checks RFC 9110 section 8.6 and RFC 9112 section 6.1.
func noContentLength(h *harness) error {
	c, err := h.startAndDial(func(_ apps.Request, res apps.Response) error {
		return res.Reply(204, nil)
	})
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("/"))
	if err := want(r, err, 204, ""); err != nil {
		return err
	}
	if r.Header.Get("Content-Length") != "" || len(r.TransferEncoding) > 0 {
		return fmt.Errorf("content-length %q, transfer encoding %q", r.Header.Get("Content-Length"), r.TransferEncoding)
	}
	return nil
}

func fails(h *harness, answer func(apps.Response) error) error {
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		if req.Path() == "/" {
			return hello(req, res)
		}
		return answer(res)
	})
	if err != nil {
		return err
	}
	r, err := c.do("GET", get("/fail"))
	if err != nil {
		return err
	}
	if r.StatusCode != 500 {
		return fmt.Errorf("status %d, want 500", r.StatusCode)
	}
	return c.alignedOrClosed("/", "hello")
}

func date(h *harness) error {
	c, err := h.startAndDial(stream(blocks("one")))
	if err != nil {
		return err
	}
	for _, path := range []string{"/", "/stream"} {
		sent := time.Now()
		r, err := c.do("GET", get(path))
		if err != nil {
			return err
		}
		at, err := http.ParseTime(r.Header.Get("Date"))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if off := max(sent.Sub(at), time.Until(at)); off > 5*time.Second { // it is made anew once a second, or so
			return fmt.Errorf("%s: date is off by %v", path, off)
		}
	}
	return nil
}

func secondReply(h *harness) error {
	second := make(chan error, 1)
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		err := hello(req, res)
		second <- res.Reply(404, []byte("again"))
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
	return nil
}
