package layers_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

func init() {
	courses["access-log"] = func(testing.TB) course {
		return course{layer: layers.AccessLog{}, app: text("hello"), req: appstest.Get("/a/b", "User-Agent", "test")}
	}
}

// begin starts an app. What it returns stops it.
func begin(t testing.TB, a apps.App) (stop func()) {
	t.Helper()
	if err := a.(apps.Starter).Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := a.(apps.Stopper).Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// logged is what the layer writes of one request.
func logged(t *testing.T, l layers.AccessLog, served apps.App, req appstest.Request, around ...stack.Layer) string {
	t.Helper()
	l.File = filepath.Join(t.TempDir(), "access.log")
	a := wrap(t, served, append(around, l)...)
	stop := begin(t, a)
	appstest.Ask(a, req)
	stop()
	return content(t, l.File)
}

func content(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// slow takes a second before it answers, and one for each block of a stream.
func slow(a app) apps.App {
	return apps.Func(func(req apps.Request, res apps.Response) error {
		time.Sleep(time.Second)
		if a.blocks != nil {
			return res.Stream(200, &slowBody{appstest.Blocks{All: a.blocks}})
		}
		return a.Serve(req, res)
	})
}

type slowBody struct{ appstest.Blocks }

func (b *slowBody) Next() ([]byte, error) {
	block, err := b.Blocks.Next()
	if err == nil {
		time.Sleep(time.Second)
	}
	return block, err
}

func TestAccessLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, make([]byte, 1234), 0o600); err != nil {
		t.Fatal(err)
	}
	const at = `- - - [01/Jan/2000:00:00:00 +0000] `
	for _, test := range []struct {
		name   string
		format string
		app    apps.App
		req    appstest.Request
		want   string
	}{
		{"common", "common", slow(text("hello")), appstest.Get("/a?b=c"), at + `"GET /a?b=c" 200 5 1000000`},
		{"combined", "", text("hello"), appstest.Get("/", "Referer", "http://a/", "User-Agent", "an agent"), at + `"GET /" 200 5 "http://a/" "an agent" 0`},
		{"combined, no fields", "combined", app{status: 404}, appstest.Of("PUT", "/", ""), at + `"PUT /" 404 - "-" "-" 0`},
		{"what breaks lines", "combined", app{}, appstest.Get("/", "Referer", "a\" \\b\nc\x7f\u00e4"), at + `"GET /" 200 - "a\" \\b\x0ac\x7f\xc3\xa4" "-" 0`},
		{"a path that breaks lines", "common", app{}, appstest.Get("/a b\"\n%\u00e4?x\"y"), at + `"GET /a%20b%22%0A%25%C3%A4?x\"y" 200 - 0`},
		{"HEAD", "common", text("hello"), appstest.Of("HEAD", "/", ""), at + `"HEAD /" 200 - 0`},
		{"no content", "common", app{status: 204, body: "hello"}, appstest.Get("/"), at + `"GET /" 204 - 0`},
		{"a stream", "common", slow(app{blocks: []string{"a", "bc"}}), appstest.Get("/"), at + `"GET /" 200 3 3000000`},
		{"a failure", "common", app{err: errBody}, appstest.Get("/"), at + `"GET /" 500 - 0`},
		{"a stream that fails", "common", streaming(&failing{appstest.Blocks{All: []string{"abc"}}, false}), appstest.Get("/"), at + `"GET /" 200 3 0`},
		{"a failure after a stream", "common", apps.Func(func(req apps.Request, res apps.Response) error {
			return errors.Join(app{blocks: []string{"abc"}}.Serve(req, res), errBody)
		}), appstest.Get("/"), at + `"GET /" 500 - 0`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := logged(t, layers.AccessLog{Format: test.format}, test.app, test.req); utc(got) != test.want+"\n" {
					t.Errorf("%q\nwant %q", utc(got), test.want)
				}
			})
		})
	}
	l := layers.AccessLog{Format: "common", File: filepath.Join(t.TempDir(), "log")}
	a := wrap(t, app{file: file}, l)
	stop := begin(t, a)
	appstest.ServeFiles(t, a, appstest.Get("/"))
	stop()
	if got := content(t, l.File); !strings.Contains(got, ` 200 1234 `) {
		t.Errorf("a file: %q", got)
	}
}

// utc has the time of a line as that of UTC, whatever the zone of the test is.
func utc(line string) string {
	from, to := strings.IndexByte(line, '['), strings.IndexByte(line, ']')
	if from < 0 || to < from {
		return line
	}
	const form = "02/Jan/2006:15:04:05 -0700"
	at, err := time.Parse(form, line[from+1:to])
	if err != nil {
		return line
	}
	return line[:from+1] + at.UTC().Format(form) + line[to:]
}

func TestAccessLogState(t *testing.T) {
	req := appstest.Get("/", "Authorization", basic("bob", "p:a:ss"), "X-Request-Id", "abc")
	around := []stack.Layer{layers.RequestID{Trust: true}, guarded(t)}
	if got := logged(t, layers.AccessLog{}, text("hello"), req, around...); !strings.HasPrefix(got, "- - bob [") {
		t.Error(got)
	}
	got := logged(t, layers.AccessLog{Format: "json"}, streaming(&failing{}), req, around...)
	var line map[string]any
	if err := json.Unmarshal([]byte(got), &line); err != nil {
		t.Fatalf("%q: %v", got, err)
	}
	for name, want := range map[string]any{
		"user": "bob", "request_id": "abc", "method": "GET", "path": "/", "status": 200.0, "bytes": 0.0, "error": errBody.Error(), "client": nil, "query": nil,
	} {
		if line[name] != want {
			t.Errorf("%s: %v, want %v, in %s", name, line[name], want, got)
		}
	}
}

func TestAccessLogPanics(t *testing.T) {
	l := layers.AccessLog{Format: "common", File: filepath.Join(t.TempDir(), "log")}
	a := wrap(t, apps.Func(func(apps.Request, apps.Response) error { panic("loud") }), l)
	stop := begin(t, a)
	func() {
		defer func() { _ = recover() }()
		appstest.Ask(a, appstest.Get("/"))
	}()
	stop()
	if got := content(t, l.File); !strings.Contains(got, `"GET /" 500 - `) {
		t.Errorf("%q", got)
	}
}

func TestAccessLogFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := layers.AccessLog{File: filepath.Join(t.TempDir(), "log"), Flush: time.Minute}
		a := wrap(t, app{}, l)
		stop := begin(t, a)
		for want := 1; want < 3; want++ {
			appstest.Serve(t, a, appstest.Get("/"))
			time.Sleep(time.Minute - 1)
			if got := strings.Count(content(t, l.File), "\n"); got != want-1 {
				t.Errorf("%d lines before the flush, want %d", got, want-1)
			}
			time.Sleep(2 * time.Nanosecond)
			synctest.Wait()
			if got := strings.Count(content(t, l.File), "\n"); got != want {
				t.Errorf("%d lines after the flush, want %d", got, want)
			}
		}
		appstest.Serve(t, a, appstest.Get("/"))
		stop()
		if got := strings.Count(content(t, l.File), "\n"); got != 3 {
			t.Errorf("%d lines after the stop", got)
		}
		stop = begin(t, a) // again, which appends
		appstest.Serve(t, a, appstest.Get("/"))
		stop()
		if got := strings.Count(content(t, l.File), "\n"); got != 4 {
			t.Errorf("%d lines after the second stop", got)
		}
	})
}

func TestAccessLogUnbuffered(t *testing.T) {
	l := layers.AccessLog{File: filepath.Join(t.TempDir(), "log"), Unbuffered: true}
	a := wrap(t, app{}, l)
	defer begin(t, a)()
	appstest.Serve(t, a, appstest.Get("/"))
	if got := content(t, l.File); strings.Count(got, "\n") != 1 {
		t.Errorf("%q", got)
	}
}

func TestAccessLogStandardError(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stderr
	os.Stderr = w
	a := wrap(t, app{}, layers.AccessLog{})
	stop := begin(t, a)
	os.Stderr = before
	appstest.Serve(t, a, appstest.Get("/"))
	stop()
	if _, err := w.Write([]byte("open")); err != nil {
		t.Errorf("standard error was closed: %v", err)
	}
	w.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Contains(got, []byte(`"GET /" 200`)) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAccessLogStarts(t *testing.T) {
	a := wrap(t, app{}, layers.AccessLog{File: filepath.Join(t.TempDir(), "none", "log")})
	if err := a.(apps.Starter).Start(t.Context()); err == nil || !strings.Contains(err.Error(), "access-log: open ") {
		t.Error(err)
	}
	refused(t, layers.AccessLog{Format: "combine"}, `"combine" is none of common, combined, json`)
}

func TestAccessLogOverTheWire(t *testing.T) {
	file := map[string]string{}
	for _, e := range engines {
		file[e] = filepath.Join(t.TempDir(), e)
	}
	onEngines(t, func(t *testing.T) apps.App {
		a := wrap(t, app{blocks: []string{"abc", "de"}}, layers.AccessLog{File: file[engineOf(t)], Unbuffered: true})
		t.Cleanup(begin(t, a))
		return a
	}, func(t *testing.T, url string) {
		if got := read(t, ask(t, "GET", url+"/x?y", "User-Agent", "wire")); got != "abcde" {
			t.Error(got)
		}
		for deadline := time.Now().Add(hang); ; time.Sleep(time.Millisecond) {
			got := content(t, file[engineOf(t)])
			if strings.Contains(got, `"GET /x?y" 200 5 "-" "wire" `) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%q", got)
			}
		}
	})
}
