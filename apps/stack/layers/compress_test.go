package layers_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

func init() {
	courses["compress"] = func(testing.TB) course {
		return course{layer: layers.Compress{}, app: text(long), req: appstest.Get("/", "Accept-Encoding", "gzip, deflate, br, zstd")}
	}
}

// plain is the body of a reply before it was encoded.
func plain(t *testing.T, r appstest.Reply) string {
	t.Helper()
	body, err := io.ReadAll(decoded(t, r.Field("Content-Encoding"), strings.NewReader(r.Body())))
	if err != nil {
		t.Errorf("%v: %v", r.Fields, err)
	}
	return string(body)
}

func TestCompressNegotiates(t *testing.T) {
	for _, test := range []struct{ name, accept, want string }{
		{"RFC 9110 12.5.3 no field", "", ""},
		{"RFC 9110 12.5.3 one", "gzip", "gzip"},
		{"RFC 9110 12.5.3 the server chooses among equals", "gzip, deflate, br, zstd", "zstd"},
		{"RFC 9110 12.5.3 none offered", "deflate, compress", ""},
		{"RFC 9110 12.4.2 the highest weight", "zstd;q=0.5, br;q=0.8, gzip;q=0.799", "br"},
		{"RFC 9110 12.4.2 three digits", "zstd;q=0.001, gzip;q=0.002", "gzip"},
		{"RFC 9110 12.4.2 spaces and case", "ZSTD ; Q=0 ,\tGZIP ;q=1.000", "gzip"},
		{"RFC 9110 12.4.2 refused", "zstd;q=0, br;q=0.0, gzip;q=0.000", ""},
		{"RFC 9110 12.4.2 no weight", "zstd;q=2, br;q=0.1234, gzip;q=x, zstd;q=, br;x=1", ""},
		{"RFC 9110 12.5.3 any", "*", "zstd"},
		{"RFC 9110 12.5.3 any other", "zstd;q=0, *;q=0.5", "br"},
		{"RFC 9110 12.5.3 none other", "gzip;q=0.2, *;q=0", "gzip"},
		{"RFC 9110 12.5.3 identity is liked better", "gzip;q=0.5, identity", ""},
		{"RFC 9110 12.5.3 identity is liked alike", "gzip;q=0.5, identity;q=0.5", "gzip"},
		{"RFC 9110 12.5.3 identity is one of any", "gzip;q=0.3, *;q=0.5", "zstd"},
		{"RFC 9110 12.5.3 identity is refused", "br;q=0.1, identity;q=0", "br"},
		{"RFC 9110 8.4.1.3 x-gzip", "x-gzip", "gzip"},
		{"RFC 9110 5.6.1 empty members", ", ,gzip,", "gzip"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := appstest.Serve(t, wrap(t, text(long), layers.Compress{}), appstest.Get("/", "Accept-Encoding", test.accept))
			expect(t, r, 200, "Content-Encoding", test.want, "Vary", "Accept-Encoding")
			if got := plain(t, r); got != long || (len(r.Body()) < len(long)) != (test.want != "") {
				t.Errorf("%d bytes as %d", len(r.Body()), len(got))
			}
		})
	}
}

func TestCompressRefuses(t *testing.T) {
	for _, accept := range []string{"identity;q=0", "*;q=0", "deflate, *;q=0"} {
		r := appstest.Serve(t, wrap(t, app{err: errors.New("the app was asked")}, layers.Compress{}), appstest.Get("/", "Accept-Encoding", accept))
		expect(t, r, 406, "Vary", "Accept-Encoding", "Content-Type", "text/plain")
	}
}

// What it leaves alone, and what it says of it.
func TestCompressLeaves(t *testing.T) {
	const all = "gzip"
	tagged := []string{"ETag", `"a"`, "Accept-Ranges", "bytes"}
	for name, test := range map[string]struct {
		app    app
		method string
		vary   string
	}{
		"small":                         {text("hello", tagged...), "GET", "Accept-Encoding"},
		"a small stream":                {app{blocks: []string{"hello"}, fields: append([]string{"Content-Type", "text/plain", "Content-Length", "5"}, tagged...)}, "GET", "Accept-Encoding"},
		"RFC 9110 9.3.2 HEAD":           {text(long, tagged...), "HEAD", "Accept-Encoding"},
		"RFC 9110 15.3.5 204":           {app{status: 204, fields: tagged}, "GET", ""},
		"RFC 9110 15.3.7 206":           {app{status: 206, body: long, fields: append([]string{"Content-Type", "text/plain", "Content-Range", "bytes 0-3999/5000"}, tagged...)}, "GET", ""},
		"RFC 9110 8.4 encoded":          {text(long, append([]string{"Content-Encoding", "br"}, tagged...)...), "GET", ""},
		"RFC 9111 5.2.2.6 no-transform": {text(long, append([]string{"Cache-Control", "public, No-Transform"}, tagged...)...), "GET", ""},
		"an image":                      {app{body: long, fields: append([]string{"Content-Type", "image/png"}, tagged...)}, "GET", ""},
		"no type":                       {app{body: long, fields: tagged}, "GET", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if test.app.status == 0 {
				test.app.status = 200
			}
			r := appstest.Serve(t, wrap(t, test.app, layers.Compress{}), appstest.Of(test.method, "/", "", "Accept-Encoding", all))
			want := test.app.body + strings.Join(test.app.blocks, "")
			expect(t, r, test.app.status, "Vary", test.vary, "ETag", `"a"`, "Accept-Ranges", "bytes")
			for i := 0; i+1 < len(test.app.fields); i += 2 {
				expect(t, r, test.app.status, test.app.fields[i], test.app.fields[i+1])
			}
			if r.Body() != want {
				t.Errorf("%q", r.Body())
			}
		})
	}
}

func TestCompressFields(t *testing.T) {
	get := appstest.Get("/", "Accept-Encoding", "gzip")
	stream := app{blocks: []string{long, "", long}, fields: []string{"Content-Type", "Text/HTML; charset=utf-8", "Content-Length", "8000"}}
	for name, test := range map[string]struct {
		app  app
		want []string
	}{
		"RFC 9110 8.8.1 the tag is weak":        {text(long, "ETag", `"a"`), []string{"ETag", `W/"a"`}},
		"RFC 9110 8.8.1 the tag was weak":       {text(long, "etag", `W/"a"`), []string{"ETag", `W/"a"`}},
		"RFC 9110 12.5.5 Vary is added to":      {text(long, "Vary", "Cookie"), []string{"Vary", "Cookie, Accept-Encoding"}},
		"RFC 9110 12.5.5 Vary has it":           {text(long, "Vary", "accept-encoding, Cookie"), []string{"Vary", "accept-encoding, Cookie"}},
		"RFC 9110 12.5.5 Vary is all":           {text(long, "Vary", "*"), []string{"Vary", "*"}},
		"RFC 9110 8.6 the length is another":    {text(long, "Content-Length", "4000"), []string{"Content-Length", ""}},
		"RFC 9110 8.6 the length of a stream":   {stream, []string{"Content-Length", ""}},
		"RFC 9110 14.3 no parts of it":          {text(long, "Accept-Ranges", "bytes"), []string{"Accept-Ranges", ""}},
		"RFC 9530 2, 3 the digests are another": {text(long, "Content-Digest", "sha-256=:x:", "Repr-Digest", "sha-256=:x:"), []string{"Content-Digest", "", "Repr-Digest", ""}},
		"JSON by a suffix":                      {app{body: long, fields: []string{"Content-Type", "application/problem+json"}}, nil},
		"other fields go on":                    {text(long, "X-A", "1", "Cache-Control", "public"), []string{"X-A", "1", "Cache-Control", "public"}},
		"other statuses":                        {app{status: 404, body: long, fields: []string{"Content-Type", "text/plain"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := appstest.Serve(t, wrap(t, test.app, layers.Compress{}), get)
			expect(t, r, max(200, test.app.status), append(test.want, "Content-Encoding", "gzip")...)
			if want := test.app.body + strings.Join(test.app.blocks, ""); plain(t, r) != want {
				t.Error(r.Body())
			}
		})
	}
}

// RFC 9110 15.4.5: a 304 has the fields of the 200 that it stands for.
func TestCompressNotModified(t *testing.T) {
	unchanged := app{status: 304, fields: []string{"ETag", `"a"`}}
	for _, test := range []struct{ condition, want string }{{`W/"x", W/"a"`, `W/"a"`}, {`"a"`, `"a"`}, {`*`, `"a"`}} {
		r := appstest.Serve(t, wrap(t, unchanged, layers.Compress{}), appstest.Get("/", "Accept-Encoding", "gzip", "If-None-Match", test.condition))
		expect(t, r, 304, "ETag", test.want, "Vary", "Accept-Encoding", "Content-Encoding", "")
	}
}

// A client that takes no plain body gets small ones encoded, and those that grow by it.
func TestCompressSmall(t *testing.T) {
	for _, a := range []app{text("x"), text(""), {blocks: []string{}, fields: []string{"Content-Type", "text/plain"}}} {
		for _, name := range []string{"gzip", "br", "zstd"} {
			r := appstest.Serve(t, wrap(t, a, layers.Compress{}), appstest.Get("/", "Accept-Encoding", name+", *;q=0"))
			expect(t, r, 200, "Content-Encoding", name)
			if got := plain(t, r); got != a.body {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
	r := appstest.Serve(t, wrap(t, text("x"), layers.Compress{MinSize: 1}), appstest.Get("/", "Accept-Encoding", "gzip"))
	expect(t, r, 200, "Content-Encoding", "", "Vary", "Accept-Encoding")
}

// The client can decode each block before there is another one.
func TestCompressStreams(t *testing.T) {
	for _, name := range []string{"gzip", "br", "zstd"} {
		for range 3 { // of which some find a writer that was used before
			blocks := []string{"a", "", long, "b"}
			r := appstest.Serve(t, wrap(t, app{blocks: blocks, fields: []string{"Content-Type", "text/plain"}}, layers.Compress{}), appstest.Get("/", "Accept-Encoding", name))
			if len(r.Blocks) != len(blocks)+1 || r.Blocks[1] != "" || plain(t, r) != "a"+long+"b" {
				t.Errorf("%s: %d blocks", name, len(r.Blocks))
			}
			first := make([]byte, len("a"+long))
			if _, err := io.ReadFull(decoded(t, name, strings.NewReader(strings.Join(r.Blocks[:3], ""))), first); err != nil || string(first) != "a"+long {
				t.Errorf("%s: %q, %v", name, first, err)
			}
		}
	}
}

func TestCompressChecks(t *testing.T) {
	refused(t, layers.Compress{Encodings: []string{"deflate"}}, `encodings: no content coding: "deflate"; there are zstd, br and gzip`)
	refused(t, layers.Compress{Encodings: []string{"br", "br"}}, `encodings: "br" is listed twice`)
	refused(t, layers.Compress{Types: []string{"html"}}, `types: "html" is no media type, as "text/html" or "text/*"`)
	refused(t, layers.Compress{GzipLevel: 10}, `gzip-level: 10 is more than 9`)
	refused(t, layers.Compress{MinSize: -1}, `min-size: -1 is less than 1`)
}

func TestCompressOverTheWire(t *testing.T) {
	onEngines(t, func(t *testing.T) apps.App {
		return wrap(t, text(long), layers.Compress{}, layers.Range{}, layers.ETag{})
	}, func(t *testing.T, url string) {
		for _, name := range []string{"gzip", "br", "zstd"} {
			res := ask(t, "GET", url, "Accept-Encoding", name)
			hold(t, res, 200, "Content-Encoding", name, "Vary", "Accept-Encoding", "Accept-Ranges", "")
			tag := res.Header.Get("ETag")
			if got := read(t, res); got != long || !strings.HasPrefix(tag, `W/"`) {
				t.Errorf("%s: %d bytes, %s", name, len(got), tag)
			}
			res = ask(t, "GET", url, "Accept-Encoding", name, "If-None-Match", tag)
			hold(t, res, 304, "ETag", tag, "Vary", "Accept-Encoding", "Content-Encoding", "")
		}
		hold(t, ask(t, "HEAD", url, "Accept-Encoding", "gzip"), 200, "Content-Encoding", "", "Vary", "Accept-Encoding", "Content-Length", "4000")
		res := ask(t, "GET", url, "Accept-Encoding", "gzip", "Range", "bytes=0-2")
		hold(t, res, 206, "Content-Encoding", "", "Content-Range", "bytes 0-2/4000", "Content-Length", "3")
		if got := read(t, res); got != "all" {
			t.Error(got)
		}
	})
}
