package conform

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
)

// varied seeds the requests that differ.
const varied = 1

// checkReply makes the app's exchange, and two that differ where its reply depends on
// the request: one that is right for the first may be right by its length alone.
func checkReply(p *probe) error {
	all := []suite.Exchange{p.app.Exchange()}
	if more := p.app.Exchanges(varied); len(more) > 1 {
		all = append(all, more[:2]...)
	}
	for _, x := range all {
		if err := p.answers(x); err != nil {
			return err
		}
	}
	return nil
}

// answers makes one exchange on a new connection.
func (p *probe) answers(x suite.Exchange) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	res, err := c.exchange(requestOf(x))
	if isMalformed(err) {
		return fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	if err != nil {
		return err
	}
	return match(res, x)
}

// match compares a reply with the right one.
func match(res *reply, x suite.Exchange) error {
	if res.StatusCode != x.Status {
		return fmt.Errorf("%s %s: status is %d, not %d", x.Method, x.Target, res.StatusCode, x.Status)
	}
	if err := matchContent(res, x); err != nil {
		return fmt.Errorf("%w: %s %s: %w", ErrMismatch, x.Method, x.Target, err)
	}
	return nil
}

func matchContent(res *reply, x suite.Exchange) error {
	if got := mediaType(res.Header.Get("Content-Type")); x.Type != "" && got != x.Type {
		return fmt.Errorf("Content-Type is %q, not %q", got, x.Type)
	}
	for _, h := range x.Replied {
		if got := res.Header.Get(h[0]); got != h[1] {
			return fmt.Errorf("%s is %q, not %q", h[0], got, h[1])
		}
	}
	switch {
	case x.Length >= 0 && int64(len(res.body)) != x.Length:
		return fmt.Errorf("wrong body: %d bytes long, not %d; it begins %.32q", len(res.body), x.Length, res.body)
	case x.Match != nil && !x.Match(0, res.body), x.Whole != nil && !x.Whole(res.body):
		return fmt.Errorf("wrong body: it begins %.32q", res.body)
	}
	return nil
}

// mediaType is a Content-Type without parameters: a charset is a server's right
// to add.
func mediaType(value string) string {
	value, _, _ = strings.Cut(value, ";")
	return strings.TrimSpace(value)
}

// checkHead asks for HEAD and then again on the same connection: a body that was
// sent in spite of it would be read as the next reply.
func checkHead(p *probe) error {
	x := p.app.Exchange()
	if x.Method != http.MethodGet {
		return skipped("the app takes no HEAD")
	}
	c, err := p.dial()
	if err != nil {
		return err
	}
	head := requestOf(x)
	head.method = http.MethodHead
	res, err := c.exchange(head)
	if err != nil {
		return err
	}
	if res.StatusCode != x.Status {
		return fmt.Errorf("HEAD %s: status is %d, not %d", x.Target, res.StatusCode, x.Status)
	}
	if res.Close {
		return c.ended()
	}
	again, err := c.exchange(requestOf(x))
	if errors.Is(err, errNoReply) {
		return nil // it closed without a word, which is another check's
	}
	if err != nil {
		return fmt.Errorf("after HEAD: %w", err)
	}
	return match(again, x)
}

func checkNoContent(p *probe) error {
	c, res, err := p.ask("GET /status?code=204 HTTP/1.1\r\nHost: {host}\r\n\r\n")
	if err != nil {
		return err
	}
	switch {
	case res.StatusCode != http.StatusNoContent:
		return fmt.Errorf("status is %d, not 204", res.StatusCode)
	case res.Header.Get("Content-Length") != "":
		return fmt.Errorf("204 has Content-Length %q", res.Header.Get("Content-Length"))
	case len(res.TransferEncoding) > 0 || res.Header.Get("Transfer-Encoding") != "":
		return errors.New("204 has a Transfer-Encoding")
	}
	return c.goesOn(res)
}

func checkNotModified(p *probe) error {
	c, res, err := p.ask("GET /status?code=304 HTTP/1.1\r\nHost: {host}\r\n\r\n")
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusNotModified {
		return fmt.Errorf("status is %d, not 304", res.StatusCode)
	}
	return c.goesOn(res)
}

func checkNotFound(p *probe) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	res, err := c.exchange(request{method: http.MethodGet, target: "/no-such-app"})
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusNotFound {
		return fmt.Errorf("GET /no-such-app: status is %d, not 404", res.StatusCode)
	}
	return nil
}

func checkMethod(p *probe) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	target := p.app.Exchange().Target
	res, err := c.exchange(request{method: http.MethodDelete, target: target})
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") == "" {
		return fmt.Errorf("DELETE %s: status is %d with Allow %q, not 405 with the methods the app takes",
			target, res.StatusCode, res.Header.Get("Allow"))
	}
	return nil
}

func checkUnknownMethod(p *probe) error {
	_, res, err := p.ask("BREW /hello HTTP/1.1\r\nHost: {host}\r\n\r\n")
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusNotImplemented && res.StatusCode != http.StatusMethodNotAllowed {
		return fmt.Errorf("BREW /hello: status is %d, not 501 or 405", res.StatusCode)
	}
	return nil
}

func checkOptionsStar(p *probe) error {
	_, res, err := p.ask("OPTIONS * HTTP/1.1\r\nHost: {host}\r\n\r\n")
	if err != nil {
		return err
	}
	if res.StatusCode >= 500 && res.StatusCode != http.StatusNotImplemented {
		return fmt.Errorf("OPTIONS *: status is %d", res.StatusCode)
	}
	return nil
}

// maxDateSkew is how far a Date may be off: it has a resolution of one second, and
// servers make a new one once a second.
const maxDateSkew = 5 * time.Second

// checkFresh takes replies without a Date: a server without a clock must not send
// one (RFC 9110 section 6.6.1), and one that only forgets it is no cache.
func checkFresh(p *probe) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	x := p.app.Exchange()
	sent := time.Now()
	res, err := c.exchange(requestOf(x))
	if err != nil {
		return err
	}
	return fresh(res, x, sent)
}

// fresh wants the Date of a reply between when it was asked for and now, however long
// that is.
func fresh(res *reply, x suite.Exchange, sent time.Time) error {
	date, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return nil
	}
	off := max(0, sent.Sub(date)) + min(0, time.Since(date))
	if off.Abs() > maxDateSkew {
		return fmt.Errorf("%s %s: Date is off by %v: the reply was not made for this request", x.Method, x.Target, off.Round(time.Second))
	}
	return nil
}

// checkFoldedReply is no check of the gate: a client joins the lines of such a field, so
// that the reply is the app's in spite of it.
func checkFoldedReply(p *probe) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	x := p.app.Exchange()
	res, err := c.exchange(requestOf(x))
	if err != nil {
		return err
	}
	if res.reader.Folded {
		return fmt.Errorf("%s %s: a field of the reply goes over several lines", x.Method, x.Target)
	}
	return nil
}

func checkDate(p *probe) error {
	_, res, err := p.ask("GET /hello HTTP/1.1\r\nHost: {host}\r\n\r\n")
	if err != nil {
		return err
	}
	if _, err := http.ParseTime(res.Header.Get("Date")); err != nil {
		return fmt.Errorf("GET /hello: Date is %q", res.Header.Get("Date"))
	}
	return nil
}
