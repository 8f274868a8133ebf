package layers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/layers"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/external"
)

// every is a layer of each type, the outermost first.
func every(t *testing.T) []stack.Layer {
	all := []stack.Layer{
		layers.AccessLog{File: "/dev/null"}, layers.Metrics{}, layers.Health{}, layers.Recover{Log: slog.New(slog.DiscardHandler)}, layers.RequestID{Trust: true}, proxied,
		layers.RateLimit{Rate: 1e9, Burst: 1e9}, layers.Timeout{}, layers.MethodOverride{}, layers.CORS{Origins: []string{ours}, Methods: []string{"GET", "PUT"}},
		layers.Headers{Set: map[string]string{"X-Frame-Options": "DENY"}, Remove: []string{"X-Powered-By"}}, guarded(t), layers.Cookies{}, session(t), layers.BodyLimit{Max: 1000},
		layers.Compress{}, layers.Range{}, layers.ETag{},
	}
	for _, l := range layers.All() {
		if !slices.ContainsFunc(all, func(o stack.Layer) bool { return o.About().Name == l.About().Name }) {
			t.Errorf("layer %s is missing", l.About().Name)
		}
	}
	return all
}

// tellsAll answers with all that it sees of a request, in the way that the query says.
var tellsAll = apps.Func(func(req apps.Request, res apps.Response) error {
	body, err := io.ReadAll(req.Body())
	if err != nil {
		return err
	}
	ctx := req.Context()
	text := fmt.Sprintf("%s %s %s %d %q %v %s %v %v %s\n%s", req.Method(), req.Path(), req.Query(), req.ContentLength(), body,
		layers.ClientOf(req), layers.UserOf(ctx), slices.Collect(names(layers.CookiesOf(ctx))), layers.SessionOf(ctx).All(), layers.RequestIDOf(ctx), long)
	res.SetHeader("Content-Type", "text/plain")
	res.SetHeader("X-Powered-By", "it")
	switch req.Query() {
	case "stream":
		return res.Stream(200, &appstest.Blocks{All: []string{text[:20], text[20:]}})
	case "dated":
		res.SetHeader("Last-Modified", date)
	case "none":
		return res.Reply(204, nil)
	case "missing":
		return res.Reply(404, []byte(text))
	}
	return res.Reply(200, []byte(text))
})

func names(c *layers.CookieSet) func(func(string) bool) {
	return func(yield func(string) bool) {
		for name := range c.All() {
			if !yield(name) {
				return
			}
		}
	}
}

// everyRequest is what the layers act on, by each kind of reply.
func everyRequest() (all []appstest.Request) {
	user := []string{"Authorization", basic("bob", "p:a:ss"), "X-Request-Id", "abc-1"}
	add := func(method, target, body string, fields ...string) {
		all = append(all, appstest.Of(method, target, body, slices.Concat(user, fields)...))
	}
	for _, target := range []string{"/a/b", "/a?stream", "/a?dated", "/a?none", "/a?missing", "/healthz"} {
		for _, fields := range [][]string{
			nil, {"Accept-Encoding", "gzip"}, {"Accept-Encoding", "br;q=0.5, zstd"}, {"Accept-Encoding", "identity;q=0"}, {"Range", "bytes=2-9"}, {"Range", "bytes=-5"}, {"Range", "bytes=90000-"},
			{"If-None-Match", "*"}, {"If-Match", `"no"`}, {"If-Modified-Since", later}, {"If-Unmodified-Since", earlier}, {"Origin", ours}, {"Origin", "https://other.example"},
			{"Cookie", "a=1; b=\"2\"; session=junk"}, {"X-Forwarded-For", "192.0.2.1, 10.0.0.1", "X-Forwarded-Proto", "https"},
		} {
			add("GET", target, "", fields...)
			add("HEAD", target, "", fields...)
		}
		add("POST", target, "hello", "X-HTTP-Method-Override", "PUT")
		add("POST", target, "hello", "Accept-Encoding", "gzip")
		add("POST", target, long) // beyond the limit
		add("OPTIONS", target, "", "Origin", ours, "Access-Control-Request-Method", "PUT")
		add("OPTIONS", target, "", "Origin", ours, "Access-Control-Request-Method", "DELETE")
	}
	chunked := appstest.Of("POST", "/a", "hello", user...)
	chunked.Chunked = true
	return append(all, chunked, appstest.Get("/a", "X-Request-Id", "abc-1"), appstest.Get("/a", "X-Request-Id", "abc-1", "Authorization", basic("bob", "wrong")))
}

// TestEveryLayerOnEveryEngine holds each engine that can run here to the replies that a stack of all layers
// gives in memory: status, fields and body.
func TestEveryLayerOnEveryEngine(t *testing.T) {
	app := wrap(t, tellsAll, every(t)...)
	if err := app.(apps.Starter).Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := app.(apps.Stopper).Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	var want []string
	for _, r := range everyRequest() {
		want = append(want, inMemory(t, app, r))
	}
	all, err := servers.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Engine == nil {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			if missing := (*external.NotInstalledError)(nil); errors.As(s.Check(t.Context()), &missing) {
				t.Skip(missing)
			}
			url := start(t, s.Serve, app)
			client := &http.Transport{DisableCompression: true, Protocols: new(http.Protocols)}
			client.Protocols.SetHTTP1(s.Protocol == "")
			client.Protocols.SetUnencryptedHTTP2(s.Protocol == servers.H2C)
			t.Cleanup(client.CloseIdleConnections)
			for i, r := range everyRequest() {
				if got := overTheWire(t, client, url, r); got != want[i] {
					t.Errorf("%s %s %v:\n%s\nin memory it is\n%s", r.Verb, r.Target, r.Fields[min(2, len(r.Fields)):], got, want[i])
				}
			}
		})
	}
}

// inMemory is the reply of an app as a client gets it, apart from the fields of a server.
func inMemory(t *testing.T, app apps.App, r appstest.Request) string {
	reply := appstest.Serve(t, app, from("127.0.0.1:1", r)) // as over the wire, but for the port
	if reply.Err != nil {
		t.Fatal(r, reply.Err)
	}
	body := reply.Body()
	if r.Verb == http.MethodHead || reply.Status == 304 {
		body = ""
	}
	header := http.Header{}
	for _, f := range reply.Fields {
		header.Add(f[0], f[1])
	}
	if !reply.Stream && header.Get("Content-Length") == "" && reply.Status != 204 && reply.Status != 304 {
		header.Set("Content-Length", strconv.Itoa(len(reply.Body())))
	}
	return said(reply.Status, header, body)
}

func overTheWire(t *testing.T, client *http.Transport, url string, r appstest.Request) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	body := io.Reader(bytes.NewReader([]byte(r.Body)))
	if r.Chunked {
		body = io.MultiReader(body) // whose length is not known
	}
	req, err := http.NewRequestWithContext(ctx, r.Verb, url+r.Target, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Fields {
		req.Header.Set(f[0], f[1])
	}
	res, err := client.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Verb, r.Target, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Verb, r.Target, err)
	}
	return said(res.StatusCode, res.Header, string(text))
}

// said is a reply in lines, without the fields that are the server's own. What libraries tell of a body that
// is empty differs: some tell no length of it to HEAD, some one with 204 and 304, and net/http/fcgi a type.
func said(status int, header http.Header, body string) string {
	var b strings.Builder
	fmt.Fprintln(&b, status)
	own := []string{"Date", "Server", "Connection", "Keep-Alive", "Transfer-Encoding"}
	if n := header.Get("Content-Length"); body == "" && (n == "" || n == "0") {
		own = append(own, "Content-Length", "Content-Type")
	}
	for _, name := range own {
		header.Del(name)
	}
	_ = header.Write(&b)
	fmt.Fprintf(&b, "%d bytes %q", len(body), body)
	return b.String()
}
