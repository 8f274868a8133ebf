package conform

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Requests with bodies. "{host}" stands for the server's address.
const (
	chunkExtension = "5;name=value;other=\"quoted\"\r\nhello\r\n0;last\r\n\r\n"
	chunkOverflow  = "FFFFFFFFFFFFFFFFFFFF5\r\nhello\r\n0\r\n\r\n"
	trailer        = "GET /headers?count=1 HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Bench-0\r\n\r\n5\r\nhello\r\n0\r\nX-Bench-0: smuggled\r\n\r\n"
	encodingIn10   = "POST /status?code=200 HTTP/1.0\r\nHost: {host}\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
)

// echoes makes a check that wants "hello" back.
func echoes(text string) func(*probe) error {
	return func(p *probe) error {
		_, res, err := p.ask(text)
		if err != nil {
			return err
		}
		if res.StatusCode != http.StatusOK || string(res.body) != "hello" {
			return fmt.Errorf("status %d, body %.60q: not 200 with \"hello\"", res.StatusCode, res.body)
		}
		return nil
	}
}

// answeredAndClosed makes a check that wants any reply, and the connection closed
// then.
func answeredAndClosed(text string) func(*probe) error {
	return func(p *probe) error {
		c, _, err := p.ask(text)
		if errors.Is(err, errNoReply) {
			return nil
		}
		if err != nil {
			return err
		}
		return c.ended()
	}
}

func checkChunkOverflow(p *probe) error {
	c, res, err := p.ask(chunks(chunkOverflow))
	switch {
	case errors.Is(err, errNoReply):
		return nil
	case res != nil && err != nil:
		return nil // cut within the reply, which had begun before the chunk came
	case err != nil:
		return err
	case res.StatusCode < 400:
		return fmt.Errorf("a chunk of FFFFFFFFFFFFFFFFFFFF5 bytes: status is %d, body %.40q", res.StatusCode, res.body)
	}
	return c.ended()
}

func checkTrailer(p *probe) error {
	_, res, err := p.ask(trailer)
	if errors.Is(err, errNoReply) {
		return nil
	}
	if err != nil {
		return err
	}
	if got := res.Header.Get("X-Reply-0"); got != "" {
		return fmt.Errorf("the app saw %q, which is from the trailer", got)
	}
	return nil
}

// checkBothFramings takes a refusal and a reply by the chunks alone.
func checkBothFramings(p *probe) error {
	return answeredAndClosed(ignoring("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"))(p)
}

// hidden is a request that must not be answered: only the body's bytes are like it.
const hidden = "GET /hello HTTP/1.1\r\nHost: {host}\r\n\r\n"

// checkSmuggling hides a request where one reading of the framing sees a body and
// another one a request (RFC 9112 section 11.2).
func checkSmuggling(p *probe) error {
	var errs []error
	for _, s := range []struct{ name, text string }{
		{"Content-Length over chunks", fmt.Sprintf("POST /status?code=200 HTTP/1.1\r\nHost: {host}\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s", len("0\r\n\r\n")+p.length(hidden), hidden)},
		{"chunks over Content-Length", fmt.Sprintf("POST /status?code=200 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", p.length(hidden), hidden)},
		{"two Content-Lengths", fmt.Sprintf("POST /status?code=200 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nContent-Length: %d\r\n\r\n%s", p.length(hidden), hidden)},
	} {
		n, err := p.replies(s.text)
		if err == nil && n > 1 {
			err = fmt.Errorf("%d replies to one request", n)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	return errors.Join(errs...)
}

// length is that of text as it is sent.
func (p *probe) length(text string) int {
	return len(strings.ReplaceAll(text, "{host}", p.Address))
}

// replies counts the final replies that text gets until the connection ends, or
// nothing comes for a while.
func (p *probe) replies(text string) (n int, err error) {
	c, err := p.dial()
	if err != nil {
		return 0, err
	}
	c.send(text)
	for n < 3 {
		c.within(patience / 4)
		if _, err := c.read(http.MethodPost); err != nil {
			return n, nil
		}
		n++
	}
	return n, nil
}

// unread is more of a body than socket buffers hold.
const unread = 1 << 20

// poison is a body that looks like requests, each of which gets a reply other than
// hello's.
func poison() string {
	const one = "GET /no-such-app HTTP/1.1\r\nHost: benchctl\r\n\r\n"
	return strings.Repeat(one, unread/len(one)) + strings.Repeat("x", unread%len(one))
}

func checkUnread(p *probe) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	go c.send(fmt.Sprintf("POST /status?code=200 HTTP/1.1\r\nHost: {host}\r\nContent-Length: %d\r\n\r\n", unread) + poison())
	c.within(patience)
	res, err := c.read(http.MethodPost)
	if errors.Is(err, errNoReply) {
		return nil // closed with bytes unread: the reset may overtake the reply
	}
	if err != nil {
		return err
	}
	if res.Close {
		c.within(patience)
		_, err := c.r.Peek(1)
		if err == nil {
			return errors.New("bytes came after a reply that said it was the last")
		}
		return nil
	}
	return c.goesOn(res)
}

func checkContinue(p *probe) error {
	if err := p.expect("HTTP/1.1", true); err != nil {
		return err
	}
	return p.expect("HTTP/1.0", false)
}

// expect sends Expect: 100-continue, and the body once the server asks for it. A
// server may answer with a final status at once; one that does neither within a
// second is sent the body all the same, as clients do.
func (p *probe) expect(version string, may100 bool) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	c.send("POST /upload " + version + "\r\nHost: {host}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	if !may100 {
		c.send("hello")
	}
	c.within(patience)
	res := expected(http.MethodPost)
	if err := c.await(res, func() bool { return res.reader.Interims > 0 }); err != nil {
		return fmt.Errorf("to Expect: 100-continue from %s: %w", version, err)
	}
	if res.reader.Interims > 0 && !may100 {
		return errors.New("an interim reply was sent to HTTP/1.0")
	}
	if !res.reader.Whole() {
		c.send("hello")
	}
	c.within(patience)
	if err := c.await(res, nil); err != nil {
		return fmt.Errorf("to Expect: 100-continue from %s: %w", version, err)
	}
	const sum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n"
	if res.StatusCode == http.StatusOK && string(res.body) != sum {
		return fmt.Errorf("to Expect: 100-continue from %s: body %.70q is not the digest of \"hello\"", version, res.body)
	}
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusExpectationFailed {
		return fmt.Errorf("to Expect: 100-continue from %s: status is %d, not 200 or 417", version, res.StatusCode)
	}
	return nil
}
