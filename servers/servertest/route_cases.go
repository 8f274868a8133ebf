package servertest

import (
	"fmt"

	"github.com/benchctl/benchctl/apps"
)

// routeCases hold that every request is the app's, whatever a framework before it
// would do with one that it has no route for.
var routeCases = []testCase{
	{name: "S1 an unknown method is the app's", run: func(h *harness) error {
		return isTheApps(h, "BREW", "/pot", 418)
	}},
	{name: "S1 a 404 to an unknown method is the app's", run: func(h *harness) error {
		return isTheApps(h, "BREW", "/pot", 404)
	}},
	{name: "S1 a 404 is the app's", run: func(h *harness) error {
		return isTheApps(h, "GET", "/none", 404)
	}},
	{name: "S1 a 405 is the app's", run: func(h *harness) error {
		return isTheApps(h, "DELETE", "/pot", 405)
	}},
	{name: "S1 OPTIONS * is answered", run: optionsStar},
	{name: "S1 paths that routers change are the app's", run: func(h *harness) error {
		return sees(h, map[string]string{"/a/": "/a/", "/a%2Fb%20c": "/a/b c", "/%e2%82%ac": "/€", "/a:b/*c": "/a:b/*c"})
	}},
	{name: "S1 a target in absolute form is the app's", run: func(h *harness) error {
		return sees(h, map[string]string{"http://test/abs": "/abs", "http://test": "/"})
	}},
}

// isTheApps checks that an empty reply with status comes from the app, with the field
// that it set and nothing else.
func isTheApps(h *harness, method, path string, status int) error {
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		res.SetHeader("X-App", req.Method())
		return res.Reply(status, nil)
	})
	if err != nil {
		return err
	}
	for range 2 {
		r, err := c.do(method, request(method, path, ""))
		if err := want(r, err, status, ""); err != nil {
			return err
		}
		if from := r.Header.Get("X-App"); from != method {
			return fmt.Errorf("not the app's reply to %s: %q, header %v", method, from, r.Header)
		}
	}
	return nil
}

// optionsStar accepts a success of the engine's own too, since the request is about
// the server and not about what the app has (RFC 9110 section 9.3.7).
func optionsStar(h *harness) error {
	c, err := h.startAndDial(hello)
	if err != nil {
		return err
	}
	for range 2 {
		r, err := c.do("OPTIONS", request("OPTIONS", "*", ""))
		if err != nil {
			return err
		}
		if r.StatusCode/100 != 2 {
			return fmt.Errorf("status %d", r.StatusCode)
		}
	}
	return c.aligned("/", "hello")
}

// sees checks which path the app sees for each target.
func sees(h *harness, paths map[string]string) error {
	c, err := h.startAndDial(func(req apps.Request, res apps.Response) error {
		return res.Reply(200, []byte(req.Path()))
	})
	if err != nil {
		return err
	}
	for target, path := range paths {
		r, err := c.do("GET", get(target))
		if err := want(r, err, 200, path); err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
	}
	return nil
}
