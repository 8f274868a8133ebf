package layers_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

func init() {
	courses["body-limit"] = func(testing.TB) course {
		return course{layer: layers.BodyLimit{}, app: text("hello"), req: appstest.Of("POST", "/", "hello")}
	}
}

// reads reads its request's body, and answers with it, as the path says.
var reads = apps.Func(func(req apps.Request, res apps.Response) error {
	res.SetHeader("X-App", "answered")
	switch req.Path() {
	case "/first":
		if err := res.Reply(200, []byte("first")); err != nil {
			return err
		}
	case "/stream":
		return res.Stream(200, &readsBody{req: req})
	}
	body := req.Body()
	if req.Path() == "/bytes" {
		body = iotest.OneByteReader(body)
	}
	all, err := io.ReadAll(body)
	switch {
	case err != nil && !errors.Is(err, layers.ErrBodyTooLarge):
		return err
	case err != nil && req.Path() == "/own":
		return res.Reply(400, all)
	case err != nil && req.Path() == "/silent":
		return nil
	case err != nil:
		return errors.New("another error")
	case req.Path() == "/first":
		return nil
	}
	return res.Reply(200, all)
})

// readsBody reads the body of the request, as it is pulled.
type readsBody struct {
	req  apps.Request
	room [4]byte
}

func (b *readsBody) Next() ([]byte, error) {
	n, err := b.req.Body().Read(b.room[:])
	if n > 0 {
		return b.room[:n], nil
	}
	return nil, err
}

func (*readsBody) Close() error { return nil }

func TestBodyLimit(t *testing.T) {
	l := layers.BodyLimit{Max: 10}
	for _, test := range []struct {
		name, path, body string
		chunked          bool
		status           int
		want             string
	}{
		{"by length", "/", "0123456789", false, 200, "0123456789"},
		{"by length, too long", "/", "0123456789a", false, 413, "request body too large\n"},
		{"by length, too long, not read", "/first", "0123456789a", false, 413, "request body too large\n"},
		{"chunked", "/", "0123456789", true, 200, "0123456789"},
		{"chunked, byte by byte", "/bytes", "0123456789", true, 200, "0123456789"},
		{"chunked, empty", "/", "", true, 200, ""},
		{"chunked, too long", "/", "0123456789a", true, 413, "request body too large\n"},
		{"chunked, too long, byte by byte", "/bytes", "0123456789ab", true, 413, "request body too large\n"},
		{"chunked, too long, error hidden", "/silent", "0123456789a", true, 413, "request body too large\n"},
		{"chunked, too long, the app answers", "/own", "0123456789a", true, 400, "0123456789"},
		{"chunked, a stream", "/stream", "0123456789", true, 200, "0123456789"},
	} {
		t.Run(test.name, func(t *testing.T) {
			req := appstest.Of("POST", test.path, test.body)
			req.Chunked = test.chunked
			r := appstest.Serve(t, wrap(t, reads, l), req)
			own := "answered"
			if test.status == 413 {
				own = ""
			}
			if expect(t, r, test.status, "X-App", own); r.Body() != test.want {
				t.Errorf("%q, want %q", r.Body(), test.want)
			}
		})
	}
	req := appstest.Of("POST", "/first", "0123456789a")
	req.Chunked = true
	if r := appstest.Serve(t, wrap(t, reads, l), req); r.Status != 200 || r.Err == nil {
		t.Errorf("%v, want the answer and the app's error", r)
	}
	req.Target = "/stream"
	if r := appstest.Serve(t, wrap(t, reads, l), req); r.Body() != "0123456789" || !errors.Is(r.Err, layers.ErrBodyTooLarge) {
		t.Errorf("%v, want a cut stream", r)
	}
}

func TestBodyLimitRefuses(t *testing.T) { refused(t, layers.BodyLimit{Max: -1}, "-1 is less than 1") }

func TestBodyLimitOverTheWire(t *testing.T) {
	onEngines(t, func(t *testing.T) apps.App { return wrap(t, reads, layers.BodyLimit{Max: 10}) }, func(t *testing.T, url string) {
		for _, test := range []struct {
			body   string
			status int
		}{{"0123456789", 200}, {"0123456789a", 413}} {
			for _, chunked := range []bool{false, true} {
				if res := post(t, url+"/", test.body, chunked); res.StatusCode != test.status {
					t.Errorf("%q, chunked %v: status %d, want %d", test.body, chunked, res.StatusCode, test.status)
				}
			}
		}
	})
}

// post sends a body.
func post(t *testing.T, url, body string, chunked bool) *http.Response {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	if chunked {
		r = io.MultiReader(r) // whose length is not known
	}
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	req, err := http.NewRequestWithContext(ctx, "POST", url, r)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		res.Body.Close()
	})
	return res
}
