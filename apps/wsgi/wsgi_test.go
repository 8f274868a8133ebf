package wsgi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/apps/wsgi"
)

// question is a request that both sides are asked.
type question struct {
	name    string
	method  string
	path    string
	query   string
	header  [][2]string
	body    []byte
	chunked bool
}

// answer is what of a reply must be equal.
type answer struct {
	Status  int
	Length  int64 // -1: none given
	Type    string
	Allow   string
	Replied map[string]string
	Body    string
}

func ask(t *testing.T, base string, q question) answer {
	t.Helper()
	u, err := url.Parse(base + q.path)
	if err != nil {
		t.Fatal(err)
	}
	u.RawQuery = q.query
	req := &http.Request{Method: q.method, URL: u, Header: http.Header{}}
	for _, h := range q.header {
		req.Header.Set(h[0], h[1])
	}
	req.Host = req.Header.Get("Host")
	req.Body = http.NoBody
	if len(q.body) > 0 {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(q.body)), int64(len(q.body))
	}
	if q.chunked {
		req.ContentLength = -1
	}
	client := http.Client{Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s: %v", q.name, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s: %v", q.name, err)
	}
	length := res.ContentLength
	if res.Header.Get("Content-Encoding") == "gzip" { // what compresses it may differ
		body, length = gunzip(t, body), -1
	}
	if q.path == "/ident" && res.StatusCode == http.StatusOK && q.method != http.MethodHead { // who answers differs
		told, ok := suite.ParseIdent(body)
		if !ok || told.PID == 0 || told.Born == 0 {
			t.Errorf("%s: body is %q", q.name, body)
		}
		body, length = []byte(told.ID), -1
	}
	if q.path == "/ident" && q.method == http.MethodHead {
		length = -1
	}
	a := answer{res.StatusCode, length, res.Header.Get("Content-Type"), res.Header.Get("Allow"), map[string]string{}, string(body)}
	for name := range res.Header {
		if strings.HasPrefix(name, "X-Reply-") || slices.Contains([]string{"Set-Cookie", "Etag", "Vary", "Content-Encoding"}, name) {
			a.Replied[name] = res.Header.Get(name)
		}
	}
	return a
}

func gunzip(t *testing.T, body []byte) []byte {
	t.Helper()
	if len(body) == 0 { // HEAD
		return nil
	}
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// questions are every app's exchange, and what is wrong or unusual.
func questions(t *testing.T) []question {
	var out []question
	for _, name := range []string{
		"hello", "json", "echo", "echo?bytes=1", "echo?bytes=100000", "size", "size?bytes=1", "size?bytes=65536",
		"size?bytes=65537", "size?bytes=1000000", "stream", "stream?chunks=3&bytes=65536", "stream?ms=1&bytes=1",
		"sleep?ms=1", "cpu?us=10", "headers", "headers?count=0", "headers?count=90", "session", "session?visits=41", "template",
		"static-1k", "static-1m", "upload?bytes=1", "upload", "upload?bytes=100000", "compress", "compress?bytes=1000000", "error", "status", "status?code=304", "status?code=404",
		"ziade?ms=1", "ziade?ms=0&steps=77", "ident",
	} {
		i, err := suite.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		e := i.Exchange()
		path, query, _ := strings.Cut(e.Target, "?")
		q := question{name: name, method: e.Method, path: path, query: query, header: e.Header, body: e.Body}
		out = append(out, q)
		if e.Method == "GET" {
			q.name, q.method = "HEAD "+name, "HEAD"
			out = append(out, q)
		}
	}
	for _, name := range []string{"echo", "upload?bytes=1", "upload?bytes=1000", "session?visits=41", "headers?count=2"} {
		i, err := suite.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		for n, e := range i.Exchanges(1)[:4] {
			path, query, _ := strings.Cut(e.Target, "?")
			out = append(out, question{name: fmt.Sprintf("%s, varied %d", name, n), method: e.Method, path: path, query: query, header: e.Header, body: e.Body})
		}
	}
	return append(out, wrong()...)
}

func wrong() []question {
	out := []question{
		{name: "unknown path", method: "GET", path: "/nope"},
		{name: "unknown path HEAD", method: "HEAD", path: "/nope"},
		{name: "root", method: "GET", path: "/"},
		{name: "below an app", method: "GET", path: "/hello/"},
		{name: "percent-encoded path", method: "GET", path: "/hel%6co"},
		{name: "encoded slash", method: "GET", path: "/a%2fb"},
		{name: "not allowed", method: "POST", path: "/hello", body: []byte{}},
		{name: "delete", method: "DELETE", path: "/size"},
		{name: "get echo", method: "GET", path: "/echo"},
		{name: "head echo", method: "HEAD", path: "/echo"},
		{name: "empty echo", method: "POST", path: "/echo", body: []byte{}},
		{name: "chunked echo", method: "POST", path: "/echo", body: bytes.Repeat([]byte("chunk"), 50000), chunked: true},
		{name: "chunked upload", method: "POST", path: "/upload", body: bytes.Repeat([]byte("chunk"), 50000), chunked: true},
		{name: "echo, wrong parameter", method: "POST", path: "/echo", query: "byte=1", body: []byte{}},
		{name: "fewer fields than asked", method: "GET", path: "/headers", query: "count=3", header: [][2]string{{"X-Bench-1", "a b; c=\"d\""}}},
		{name: "seen", method: "GET", path: "/seen", header: [][2]string{{"Host", "benchctl.example:8080"}, {"X-Bench-0", "a\t\xe9 b"}}},
		{name: "ident, posted", method: "POST", path: "/ident", header: [][2]string{{suite.RequestID, "18446744073709551615"}}, body: []byte("body")},
		{name: "ident, posted in chunks", method: "POST", path: "/ident", header: [][2]string{{suite.RequestID, "007"}}, body: bytes.Repeat([]byte("chunk"), 50000), chunked: true},
		{name: "ident, no id", method: "GET", path: "/ident"},
		{name: "ident, a parameter", method: "GET", path: "/ident", query: "id=1"},
		{name: "ident, not taken", method: "PUT", path: "/ident", body: []byte{}},
		{name: "ident, letters", method: "GET", path: "/ident", header: [][2]string{{suite.RequestID, "7a"}}},
		{name: "ident, other digits", method: "GET", path: "/ident", header: [][2]string{{suite.RequestID, "\xb2"}}},
		{name: "ident, too long", method: "POST", path: "/ident", header: [][2]string{{suite.RequestID, strings.Repeat("1", 21)}}, body: []byte{}},
		{name: "nothing seen", method: "GET", path: "/seen", header: [][2]string{{"Host", "a"}}},
		{name: "head, wrong parameter", method: "HEAD", path: "/size", query: "bytes=0"},
	}
	for _, target := range []string{
		"hello?x", "hello?=", "hello?&", "size?bytes=0", "size?bytes=100000001", "size?bytes=-1", "size?bytes=+1",
		"size?bytes=1.0", "size?bytes=1_0", "size?bytes=%31", "size?bytes=007", "size?bytes=" + strings.Repeat("9", 60),
		"size?bytes=1&bytes=2", "size?bytes=1&", "size?byts=1", "size?Bytes=1", "size?by=1", "size?\xe9\"\\=1",
		"size?bytes=\xb2", "stream?chunk=1", "stream?chunks=1001", "stream?ms=1001&x", "sleep?ms=", "cpu?us=10000001", "headers?count=91",
	} {
		path, query, _ := strings.Cut(target, "?")
		out = append(out, question{name: target, method: "GET", path: "/" + path, query: query})
	}
	return out
}

// TestTwins holds that the Python apps answer as the Go apps do.
func TestTwins(t *testing.T) {
	t.Parallel()
	base := serveGo(t, suite.Mux())
	for _, server := range []string{"wsgiref", "validated", "gunicorn", "asgi", "uvicorn"} {
		t.Run(server, func(t *testing.T) {
			twin := servePython(t, server, "")
			for _, q := range questions(t) {
				if unasked(server, q) {
					continue
				}
				want, got := fmt.Sprintf("%+v", ask(t, base, q)), fmt.Sprintf("%+v", ask(t, twin, q))
				if got != want {
					t.Errorf("%s: the twin answers\n%.500s\nwant\n%.500s", q.name, got, want)
				}
			}
			checkStreams(t, twin)
		})
	}
}

// unasked reports whether a server does not let a question through to its app.
func unasked(server string, q question) bool {
	switch server {
	case "wsgiref", "validated", "asgi": // are HTTP/1.0
		return q.chunked
	case "uvicorn": // takes ASCII alone
		return strings.ContainsFunc(q.query, func(r rune) bool { return r > '~' })
	}
	return false
}

// checkStreams holds that a block is sent before the next is made: the first of a stream
// comes, of which all take a quarter of an hour.
func checkStreams(t *testing.T, base string) {
	t.Helper()
	client := http.Client{Timeout: time.Minute}
	res, err := client.Get(base + "/stream?chunks=1000&bytes=10&ms=1000")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadFull(res.Body, make([]byte, 10)); err != nil {
		t.Errorf("the first block is held back: %v", err)
	}
}

func TestOneAppAlone(t *testing.T) {
	t.Parallel()
	size, err := suite.Parse("size?bytes=5")
	if err != nil {
		t.Fatal(err)
	}
	base := serveGo(t, suite.Only(size))
	for _, server := range []string{"wsgiref", "asgi"} {
		twin := servePython(t, server, "size?bytes=5")
		for _, target := range []string{"/size", "/size?bytes=7", "/hello", "/"} {
			path, query, _ := strings.Cut(target, "?")
			q := question{name: target, method: "GET", path: path, query: query}
			if want, got := fmt.Sprint(ask(t, base, q)), fmt.Sprint(ask(t, twin, q)); got != want {
				t.Errorf("%s, %s: the twin answers\n%s\nwant\n%s", server, target, got, want)
			}
		}
	}
}

// TestValidate holds that the twins for WSGI alone carry the app of that name, also
// where one app is mounted, and that it takes no parameter.
func TestValidate(t *testing.T) {
	for server, want := range map[string]int{"wsgiref": 200, "gunicorn": 200, "asgi": 404} {
		base := servePython(t, server, "hello")
		a := ask(t, base, question{name: server, method: "GET", path: "/" + wsgi.Validate})
		if a.Status != want || want == 200 && a.Body != "valid\n" {
			t.Errorf("%s: %+v, want %d", server, a, want)
		}
	}
	base := servePython(t, "wsgiref", "")
	a := ask(t, base, question{name: "parameter", method: "GET", path: "/" + wsgi.Validate, query: "x=1"})
	if a.Status != 400 {
		t.Errorf("with a parameter: %+v", a)
	}
}

// TestIDs holds that the twins note the ids of requests, and serve nothing if they can't.
func TestIDs(t *testing.T) {
	for _, server := range []string{"wsgiref", "gunicorn", "asgi", "uvicorn"} {
		path := filepath.Join(t.TempDir(), "ids")
		t.Setenv(suite.IDsEnv, path)
		base := servePython(t, server, "ident")
		for _, q := range []question{
			{name: "GET", method: "GET", header: [][2]string{{suite.RequestID, "7"}}},
			{name: "none", method: "GET"},
			{name: "letters", method: "POST", header: [][2]string{{suite.RequestID, "a"}}, body: []byte("body")},
			{name: "POST", method: "POST", header: [][2]string{{suite.RequestID, "18446744073709551615"}}, body: []byte("body")},
		} {
			q.path = "/ident"
			ask(t, base, q)
		}
		if noted, err := os.ReadFile(path); err != nil || string(noted) != "7\n18446744073709551615\n" {
			t.Errorf("%s: noted are %q, %v", server, noted, err)
		}
	}
	t.Setenv(suite.IDsEnv, filepath.Join(t.TempDir(), "nowhere", "ids"))
	if out, err := python(t, "ident", "-c", "import app").CombinedOutput(); err == nil || !strings.Contains(string(out), "FileNotFoundError: ") {
		t.Errorf("without a directory: %v\n%s", err, out)
	}
	if out, err := python(t, "hello", "-c", "import app").CombinedOutput(); err != nil {
		t.Errorf("without the app: %v\n%s", err, out)
	}
}

// TestInPython runs the tests that take no server.
func TestInPython(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // for the notes of watch
	t.Setenv("TWINS_KEY", strings.Repeat("k", 32))
	all, err := filepath.Glob("testdata/*_test.py")
	if err != nil || len(all) == 0 {
		t.Fatal(err)
	}
	for _, path := range all {
		tests, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		cmd := python(t, "", tests)
		cmd.Env = append(cmd.Env, "PYTHONPATH="+cmd.Dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", path, err, out)
		}
	}
}

func TestUnknownAppAlone(t *testing.T) {
	t.Parallel()
	cmd := python(t, "nope", "-c", "import app")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "LookupError: BENCHCTL_APP: unknown app 'nope'") {
		t.Errorf("import app: %v\n%s", err, out)
	}
}

// readArguments answers lines of [app, query] with the values or the error.
const readArguments = `
import json, sys
from benchctl import suite
for line in sys.stdin:
    name, query = json.loads(line)
    try:
        said = list(suite.arguments(name, suite.APPS[name][2], query))
    except suite.Wrong as wrong:
        said = str(wrong)
    print(json.dumps(said, separators=(",", ":")))
`

// TestParametersAgree compares both readers of parameters on made-up queries.
func TestParametersAgree(t *testing.T) {
	t.Parallel()
	var in, want bytes.Buffer
	random := rand.New(rand.NewPCG(1, 2))
	specs := slices.DeleteFunc(suite.All(), func(s suite.Spec) bool { return s.Name == "mixed" }) // which has no path
	for range 5000 {
		spec := specs[random.IntN(len(specs))]
		query := madeUp(random, spec)
		line, _ := json.Marshal([]string{spec.Name, query})
		in.Write(append(line, '\n'))
		fmt.Fprintln(&want, expected(t, spec, query))
	}
	cmd := python(t, "", "-c", readArguments)
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	asked := strings.Split(want.String(), "\n")
	for i, got := range strings.Split(string(out), "\n") {
		if i >= len(asked) || got != asked[i] {
			t.Fatalf("line %d: the twin says %s, want %s", i, got, asked[i])
		}
	}
}

// madeUp joins pieces of queries, right and wrong ones.
func madeUp(random *rand.Rand, spec suite.Spec) string {
	pieces := []string{"&", "=", "=", "1", "0", "7", "bytes", "ms", "x", "-", "_", "\"", "\\", "~", "99999", "12345678901"}
	for _, p := range spec.Params {
		pieces = append(pieces, p.Name+"=", p.Name[1:], fmt.Sprintf("%s=%d", p.Name, p.Max), fmt.Sprintf("%s=%d", p.Name, p.Max+1))
	}
	query := pieces[random.IntN(len(pieces))]
	for range random.IntN(6) {
		query += pieces[random.IntN(len(pieces))]
	}
	return query
}

func expected(t *testing.T, spec suite.Spec, query string) string {
	i, err := suite.Parse(spec.Name + "?" + query)
	var out any = i.Args[:len(spec.Params)]
	if err != nil {
		out = err.Error()
	}
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(text.String())
}

func serveGo(t *testing.T, app apps.App) string {
	if s, ok := app.(apps.Starter); ok {
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = app.(apps.Stopper).Stop(context.Background()) })
	}
	server := httptest.NewServer(bridge{app})
	t.Cleanup(server.Close)
	return server.URL
}
