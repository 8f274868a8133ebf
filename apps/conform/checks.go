package conform

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
)

// keepAliveRequests are sent on one connection by the check of that name.
const keepAliveRequests = 5

func checkReply(c *client, app suite.Instance) error {
	x := app.Exchange()
	res, err := c.exchange(requestOf(x))
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
	if x.Length >= 0 && int64(len(res.body)) != x.Length {
		return fmt.Errorf("wrong body: %d bytes long, not %d; it begins %.32q", len(res.body), x.Length, res.body)
	}
	if x.Match != nil && !x.Match(0, res.body) {
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
func checkHead(c *client, app suite.Instance) error {
	x := app.Exchange()
	if x.Method != http.MethodGet {
		return nil
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
	if err != nil {
		return fmt.Errorf("after HEAD: %w", err)
	}
	return match(again, x)
}

func checkKeepAlive(c *client, app suite.Instance) error {
	x := app.Exchange()
	for n := range keepAliveRequests {
		res, err := c.exchange(requestOf(x))
		if err != nil {
			return fmt.Errorf("request %d of a connection: %w", n+1, err)
		}
		if err := match(res, x); err != nil {
			return fmt.Errorf("request %d of a connection: %w", n+1, err)
		}
		if res.Close {
			return c.ended()
		}
	}
	return nil
}

func checkClose(c *client, app suite.Instance) error {
	x := app.Exchange()
	res, err := c.exchange(requestOf(x).with("Connection", "close"))
	if err != nil {
		return err
	}
	if err := match(res, x); err != nil {
		return err
	}
	return c.ended()
}

func checkNotFound(c *client, _ suite.Instance) error {
	res, err := c.exchange(request{method: http.MethodGet, target: "/no-such-app"})
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusNotFound {
		return fmt.Errorf("GET /no-such-app: status is %d, not 404", res.StatusCode)
	}
	return nil
}

func checkMethod(c *client, app suite.Instance) error {
	res, err := c.exchange(request{method: http.MethodDelete, target: app.Exchange().Target})
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") == "" {
		return fmt.Errorf("DELETE %s: status is %d with Allow %q, not 405 with the methods the app takes",
			app.Exchange().Target, res.StatusCode, res.Header.Get("Allow"))
	}
	return nil
}

// maxDateSkew is how far a Date may be off: it has a resolution of one second, and
// servers make a new one once a second.
const maxDateSkew = 5 * time.Second

// checkFresh takes replies without a Date: a server without a clock must not send
// one (RFC 9110 section 6.6.1), and one that only forgets it is no cache.
func checkFresh(c *client, app suite.Instance) error {
	x := app.Exchange()
	res, err := c.exchange(requestOf(x))
	if err != nil {
		return err
	}
	date, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return nil
	}
	if age := time.Since(date); age.Abs() > maxDateSkew+duration(app) {
		return fmt.Errorf("%s %s: Date is off by %v: the reply was not made for this request", x.Method, x.Target, age.Round(time.Second))
	}
	return nil
}

func checkDate(c *client, app suite.Instance) error {
	x := app.Exchange()
	res, err := c.exchange(requestOf(x))
	if err != nil {
		return err
	}
	if _, err := http.ParseTime(res.Header.Get("Date")); err != nil {
		return fmt.Errorf("%s %s: Date is %q", x.Method, x.Target, res.Header.Get("Date"))
	}
	return nil
}
