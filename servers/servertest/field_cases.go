package servertest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/benchctl/benchctl/apps"
)

// fieldCases hold that no field of a request has a character in it that no field may have (RFC 9110
// section 5.5), so that apps may pass values on.
var fieldCases = []testCase{
	{name: "S1 a field with a NUL is refused", run: func(h *harness) error {
		return refusesField(h, "a\x00b")
	}},
	{name: "S1 a field with a CR never reaches the app", run: func(h *harness) error {
		return withholdsField(h, "a\rb")
	}},
}

// asksField starts an app that tells what it sees of a field, and sends it one.
func (h *harness) asksField(value string) (*client, error) {
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		return res.Reply(200, fmt.Appendf(nil, "%q", req.Header("X-Test")))
	})
	if err != nil {
		return nil, err
	}
	return c, c.send(get("/", "X-Test: "+value))
}

// refusesField wants 400 for a field with such a value, and the connection ended.
func refusesField(h *harness, value string) error {
	c, err := h.asksField(value)
	if err != nil {
		return err
	}
	r, err := c.read("GET")
	switch {
	case err != nil:
		return err
	case r.StatusCode != 400:
		return fmt.Errorf("status %d, body %s", r.StatusCode, brief(r.body))
	}
	return c.closed()
}

// withholdsField accepts any refusal, an end without a reply, and a blank in the place of the
// character, but no app that sees it.
func withholdsField(h *harness, value string) error {
	c, err := h.asksField(value)
	if err != nil {
		return err
	}
	r, err := c.read("GET")
	switch {
	case err != nil:
		return notTimeout(err)
	case strings.Contains(r.body, fmt.Sprintf("%q", value)):
		return errors.New("the app sees it")
	}
	return nil
}
