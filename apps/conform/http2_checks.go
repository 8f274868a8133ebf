package conform

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
)

// http2Checks are made where the load speaks HTTP/2, in the order they are made.
func http2Checks() []Check {
	all := []Check{
		{ID: "h2-reply", Level: Gate, Source: "RFC 9113 section 8.1; " + appSemantics, Each: true,
			Rule: "the reply over HTTP/2 has exactly the app's status, type, length and body, and answers this request, not a similar one", run: checkH2Reply},
		{ID: "h2-fields", Level: Gate, Source: "RFC 9113 sections 8.2, 8.2.2 and 8.3.2", Each: true,
			Rule: "a reply has one :status, no field of a connection, no trailer, and the Content-Length of its body, if any", run: checkH2Fields},
		{ID: "h2-head", Level: Gate, Source: "RFC 9110 section 9.3.2, RFC 9113 section 8.1", Each: true,
			Rule: "a reply to HEAD has no DATA with content", run: checkH2Head},
		{ID: "h2-fresh", Level: Gate, Source: "RFC 9110 section 6.6.1", Each: true,
			Rule: "Date, if present, is the time of the reply: no cache answers for the app", run: checkH2Fresh},
		{ID: "h2-not-found", Level: Gate, Source: appSemantics, Each: true,
			Rule: "an unknown path is answered 404", run: checkH2NotFound},
		{ID: "h2-concurrent", Level: Gate, Source: "RFC 9113 section 5; " + appSemantics, Each: true,
			Rule: "16 requests at a time on one connection are answered, each with its own reply", run: checkH2Concurrent},
		{ID: "h2-own-reply", Level: Gate, Source: "RFC 9113 section 5; " + appSemantics, Needs: []string{"size"},
			Rule: "16 different requests at a time are answered, each with its own reply", run: checkH2OwnReply},
		{ID: "h2-method", Level: Gate, Source: "RFC 9110 section 15.5.6", Needs: []string{"hello"},
			Rule: "a method that the app does not accept is answered 405 with Allow", run: checkH2Method},
		{ID: "h2-no-content", Level: Gate, Source: "RFC 9110 sections 8.6 and 15.4.5", Needs: []string{"status"}, Concerns: []string{"status"},
			Rule: "204 has no body and no Content-Length, 304 has no body", run: checkH2NoContent},
		{ID: "h2-date", Level: Report, Source: "RFC 9110 section 6.6.1", Needs: []string{"hello"},
			Rule: "replies carry a Date", run: checkH2Date},
		{ID: "h2-upload", Level: Gate, Source: "RFC 9113 sections 6.9 and 8.1.1", Needs: []string{"upload"}, Concerns: []string{"upload", "echo"},
			Rule: "a body without a length, longer than the first window, is read to its end", run: checkH2Upload},
		{ID: "h2-truncated", Level: Gate, Source: "RFC 9113 section 8.1.1", Needs: []string{"upload"},
			Rule: "a body shorter than its Content-Length does not count as complete", run: checkH2Truncated},
		{ID: "h2-stream", Level: Gate, Source: "PEP 3333, \"Buffering and Streaming\"; " + appSemantics, Needs: []string{"watch", "watched"}, Concerns: []string{"stream"},
			Rule: "a block is sent before the next one is made", run: checkH2Stream},
		{ID: "h2-closed-once", Level: Gate, Source: "PEP 3333, \"Specification Details\"; " + appSemantics, Needs: []string{"watch", "watched"}, Concerns: []string{"stream"},
			Rule: "a body is closed exactly once, also when the client has reset the stream, and the connection stays open", run: checkH2ClosedOnce},
		{ID: "h2-cancel", Level: Report, Source: "RFC 9113 section 8.7; " + appSemantics, Needs: []string{"watch", "watched"},
			Rule: "the app's stream ends soon after the client has reset it", run: checkH2Cancel},
		{ID: "h2-error", Level: Gate, Source: "RFC 9113 section 8.1; " + appSemantics, Needs: []string{"error", "hello"}, Concerns: []string{"error"},
			Rule: "an app that fails before its reply gives 500; one that fails within it gives RST_STREAM; the connection stays open", run: checkH2Error},
		{ID: "h2-app-length", Level: Report, Source: "RFC 9113 section 8.1.1, PEP 3333", Needs: []string{"error"},
			Rule: "a reply longer than its Content-Length is cut; a shorter one does not look complete", run: checkH2AppLength},
		{ID: "h2-window", Level: Gate, Source: "RFC 9113 section 6.9", Needs: []string{"size"},
			Rule: "the server sends only what the window allows, and the rest once it opens", run: checkH2Window},
		{ID: "h2-frames", Level: Gate, Source: "RFC 9113 sections 4.1, 6.5.3 and 6.7", Needs: []string{"hello"},
			Rule: "SETTINGS are acknowledged, PING is answered, and a frame of an unknown type is ignored", run: checkH2Frames},
		{ID: "h2-malformed", Level: Report, Source: "RFC 9113 sections 8.1.1, 8.2 and 8.3.1", Needs: []string{"hello"},
			Rule: "a malformed request is refused by a reset or with an error", run: checkH2Malformed},
		{ID: "h2-length-alone", Level: Report, Source: "RFC 9113 section 8.1.1", Needs: []string{"hello"},
			Rule: "a request with a Content-Length and no body is refused by a reset or with an error", run: checkH2LengthAlone},
	}
	for i := range all {
		all[i].HTTP2 = true
	}
	return all
}

// varieties are exchanges of the app, n at most, which differ where its reply depends
// on the request.
func varieties(app suite.Instance, n int) []suite.Exchange {
	if all := app.Exchanges(varied); len(all) > 1 {
		return all[:min(n, len(all))]
	}
	return []suite.Exchange{app.Exchange()}
}

func checkH2Reply(p *probe) error {
	c, err := p.http2(wide)
	if err != nil {
		return err
	}
	for _, x := range append([]suite.Exchange{p.app.Exchange()}, varieties(p.app, 2)...) {
		if err := c.answers(x); err != nil {
			return err
		}
	}
	return c.nothingFollows()
}

// ofConnections are the fields that mean a connection of HTTP/1.1 (RFC 9113 section
// 8.2.2).
var ofConnections = []string{"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}

func checkH2Fields(p *probe) error {
	c, err := p.http2(wide)
	if err != nil {
		return err
	}
	res, s, err := c.exchange(requestOf(p.app.Exchange()))
	if err != nil {
		return err
	}
	statuses := 0
	for _, f := range s.fields { // the framer takes no upper case, nor pseudo-fields after others
		switch {
		case f.Name == ":status":
			statuses++
		case slices.Contains(ofConnections, f.Name):
			return fmt.Errorf("the reply has the field %s: %.40q", f.Name, f.Value)
		}
	}
	length := res.Header.Get("Content-Length")
	switch {
	case statuses != 1:
		return fmt.Errorf("the reply has %d fields :status", statuses)
	case s.trailer:
		return errors.New("the reply has a trailer, of which the app knows nothing")
	case length != "" && length != strconv.Itoa(len(res.body)) && !bodiless(res.StatusCode):
		return fmt.Errorf("the reply has Content-Length %.20q and %d bytes", length, len(res.body))
	}
	return nil
}

// bodiless reports whether replies of a status have no body, whatever their length says.
func bodiless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

func checkH2Head(p *probe) error {
	x := p.app.Exchange()
	if x.Method != http.MethodGet {
		return skipped("the app takes no HEAD")
	}
	c, err := p.http2(wide)
	if err != nil {
		return err
	}
	head := requestOf(x)
	head.method = http.MethodHead
	res, _, err := c.exchange(head)
	switch {
	case err != nil:
		return err
	case res.StatusCode != x.Status:
		return fmt.Errorf("HEAD %s: status is %d, not %d", x.Target, res.StatusCode, x.Status)
	case len(res.body) > 0:
		return fmt.Errorf("HEAD %s: the reply has a body of %d bytes", x.Target, len(res.body))
	}
	return c.answers(x)
}

func checkH2Fresh(p *probe) error {
	c, err := p.http2(wide)
	if err != nil {
		return err
	}
	x := p.app.Exchange()
	sent := time.Now()
	res, _, err := c.exchange(requestOf(x))
	if err != nil {
		return err
	}
	return fresh(res, x, sent)
}

// h2Get asks for a target on a new connection.
func (p *probe) h2Get(target string) (*reply, error) {
	c, err := p.http2(wide)
	if err != nil {
		return nil, err
	}
	res, _, err := c.get(target)
	return res, err
}

func checkH2Date(p *probe) error {
	res, err := p.h2Get("/hello")
	if err != nil {
		return err
	}
	if _, err := http.ParseTime(res.Header.Get("Date")); err != nil {
		return fmt.Errorf("GET /hello: Date is %q", res.Header.Get("Date"))
	}
	return nil
}

func checkH2NotFound(p *probe) error {
	res, err := p.h2Get("/no-such-app")
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusNotFound {
		return fmt.Errorf("GET /no-such-app: status is %d, not 404", res.StatusCode)
	}
	return nil
}

func checkH2Method(p *probe) error {
	c, err := p.http2(wide)
	if err != nil {
		return err
	}
	res, _, err := c.exchange(request{method: http.MethodDelete, target: "/hello"})
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") == "" {
		return fmt.Errorf("DELETE /hello: status is %d with Allow %q, not 405 with the methods the app takes", res.StatusCode, res.Header.Get("Allow"))
	}
	return nil
}

func checkH2NoContent(p *probe) error {
	for _, status := range []int{http.StatusNoContent, http.StatusNotModified} {
		res, err := p.h2Get("/status?code=" + strconv.Itoa(status))
		switch {
		case err != nil:
			return err
		case res.StatusCode != status:
			return fmt.Errorf("status is %d, not %d", res.StatusCode, status)
		case len(res.body) > 0:
			return fmt.Errorf("%d has a body of %d bytes", status, len(res.body))
		case status == http.StatusNoContent && res.Header.Get("Content-Length") != "":
			return fmt.Errorf("204 has Content-Length %q", res.Header.Get("Content-Length"))
		}
	}
	return nil
}

// concurrent is how many requests are sent before a reply is read.
const concurrent = 16

// together makes exchanges at a time on one connection, as many as the server takes.
func (p *probe) together(all []suite.Exchange) error {
	c, err := p.http2(wide)
	if err != nil {
		return err
	}
	all = all[:min(len(all), int(c.atOnce()))]
	streams := make([]*http2Stream, len(all))
	for i, x := range all {
		streams[i] = c.start(requestOf(x))
	}
	for i, x := range all {
		res, err := c.read(streams[i])
		if err == nil {
			err = match(res, x)
		}
		if err != nil {
			return fmt.Errorf("request %d of %d at a time: %w", i+1, len(all), err)
		}
	}
	return nil
}

// atOnce is how many requests the server takes at a time, concurrent at most.
func (c *http2Client) atOnce() uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return min(c.most, concurrent)
}

func checkH2Concurrent(p *probe) error {
	various := varieties(p.app, concurrent)
	all := make([]suite.Exchange, concurrent)
	for i := range all {
		all[i] = various[i%len(various)]
	}
	return p.together(all)
}

func checkH2OwnReply(p *probe) error {
	var all []suite.Exchange
	for n := range concurrent {
		app, err := suite.Parse("size?bytes=" + strconv.Itoa(n*n*1000+1))
		if err != nil {
			return err
		}
		all = append(all, app.Exchange())
	}
	return p.together(all)
}
