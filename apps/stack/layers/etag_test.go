package layers_test

import (
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

func init() {
	courses["etag"] = func(testing.TB) course {
		return course{layer: layers.ETag{}, app: text(long), req: appstest.Get("/", "If-None-Match", `"another"`)}
	}
}

const (
	helloTag = `"LPJNul-wow4m6Dsqxbning"` // of SHA-256 of "hello"
	earlier  = "Sat, 29 Oct 1994 19:43:30 GMT"
	date     = "Sat, 29 Oct 1994 19:43:31 GMT"
	later    = "Saturday, 29-Oct-94 19:43:32 GMT" // obsolete, but to be read
)

func TestETagTags(t *testing.T) {
	for name, test := range map[string]struct {
		app    app
		method string
		want   string
	}{
		"a whole body":                {text("hello"), "GET", helloTag},
		"HEAD":                        {text("hello"), "HEAD", helloTag},
		"HEAD without the body":       {app{fields: []string{"Content-Length", "5"}}, "HEAD", ""},
		"an empty body":               {app{}, "GET", `"47DEQpj8HBSa-_TImW-5JA"`},
		"the app's own":               {text("hello", "ETag", `W/"a"`), "GET", `W/"a"`},
		"a stream":                    {app{blocks: []string{"hello"}}, "GET", ""},
		"a stream with the app's own": {app{blocks: []string{"hello"}, fields: []string{"etag", `"a"`}}, "GET", `"a"`},
		"another status":              {app{status: 404, body: "hello"}, "GET", ""},
		"another method":              {text("hello"), "POST", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := appstest.Serve(t, wrap(t, test.app, layers.ETag{}), appstest.Of(test.method, "/", ""))
			expect(t, r, max(200, test.app.status), "ETag", test.want)
			if r.Body() != test.app.body && test.app.blocks == nil {
				t.Error(r)
			}
		})
	}
}

func TestETagPreconditions(t *testing.T) {
	strong, weak := []string{"ETag", `"a"`, "Last-Modified", date}, []string{"ETag", `W/"a"`, "Last-Modified", date}
	dated := []string{"Last-Modified", date}
	for _, test := range []struct {
		name  string
		app   []string
		asked []string
		want  int
	}{
		{"RFC 9110 13.1.1 has it", strong, []string{"If-Match", `"b", "a"`}, 200},
		{"RFC 9110 13.1.1 has another", strong, []string{"If-Match", `"b"`}, 412},
		{"RFC 9110 13.1.1 any", strong, []string{"If-Match", `*`}, 200},
		{"RFC 9110 13.1.1 compares strongly", weak, []string{"If-Match", `W/"a"`}, 412},
		{"RFC 9110 13.1.2 has it", strong, []string{"If-None-Match", `"b","a"`}, 304},
		{"RFC 9110 13.1.2 compares weakly", strong, []string{"If-None-Match", `W/"a"`}, 304},
		{"RFC 9110 13.1.2 has another", strong, []string{"If-None-Match", `"b", W/"c"`}, 200},
		{"RFC 9110 13.1.2 any", strong, []string{"If-None-Match", ` * `}, 304},
		{"RFC 9110 8.8.3 a comma in a tag", []string{"ETag", `"x, y"`}, []string{"If-None-Match", `"z", "x, y"`}, 304},
		{"RFC 9110 8.8.3 no tags", strong, []string{"If-None-Match", `a, "a`}, 200},
		{"RFC 9110 13.1.3 since then", strong, []string{"If-Modified-Since", date}, 304},
		{"RFC 9110 13.1.3 since later", strong, []string{"If-Modified-Since", later}, 304},
		{"RFC 9110 13.1.3 since earlier", strong, []string{"If-Modified-Since", earlier}, 200},
		{"RFC 9110 13.1.3 no date", strong, []string{"If-Modified-Since", "yesterday"}, 200},
		{"RFC 9110 13.1.3 the app has no date", []string{"ETag", `"a"`}, []string{"If-Modified-Since", date}, 200},
		{"RFC 9110 13.1.3 a date alone", dated, []string{"If-Modified-Since", date}, 304},
		{"RFC 9110 13.1.4 since then", strong, []string{"If-Unmodified-Since", date}, 200},
		{"RFC 9110 13.1.4 since earlier", strong, []string{"If-Unmodified-Since", earlier}, 412},
		{"RFC 9110 13.1.4 the app has no date", []string{"ETag", `"a"`}, []string{"If-Unmodified-Since", earlier}, 200},
		{"RFC 9110 13.2.2 If-Match goes before If-Unmodified-Since", strong, []string{"If-Match", `"a"`, "If-Unmodified-Since", earlier}, 200},
		{"RFC 9110 13.2.2 If-Match goes before If-None-Match", strong, []string{"If-Match", `"b"`, "If-None-Match", `"a"`}, 412},
		{"RFC 9110 13.2.2 then If-None-Match", strong, []string{"If-Match", `"a"`, "If-None-Match", `"a"`}, 304},
		{"RFC 9110 13.2.2 If-None-Match goes before If-Modified-Since", strong, []string{"If-None-Match", `"b"`, "If-Modified-Since", date}, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, method := range []string{"GET", "HEAD"} {
				for _, a := range []app{{body: "hello", fields: test.app}, {blocks: []string{"hello"}, fields: test.app}} {
					r := appstest.Serve(t, wrap(t, a, layers.ETag{}), appstest.Of(method, "/", "", test.asked...))
					expect(t, r, test.want)
					if (r.Body() == "hello") != (test.want == 200) {
						t.Error(r)
					}
				}
			}
			// Other methods are the app's business (RFC 9110 section 13.2.1).
			expect(t, appstest.Serve(t, wrap(t, app{fields: test.app}, layers.ETag{}), appstest.Of("PUT", "/", "x", test.asked...)), 200)
			expect(t, appstest.Serve(t, wrap(t, app{status: 404, fields: test.app}, layers.ETag{}), appstest.Get("/", test.asked...)), 404)
		})
	}
}

func TestETagFields(t *testing.T) {
	about := []string{
		"Content-Type", "text/plain", "Content-Length", "5", "Content-Language", "en", "Content-Encoding", "identity", "Accept-Ranges", "bytes",
		"Content-Location", "/a", "Vary", "Cookie", "Cache-Control", "public", "Expires", date, "Last-Modified", date, "X-A", "1",
	}
	gone := []string{"Content-Type", "", "Content-Length", "", "Content-Language", "", "Content-Encoding", "", "Accept-Ranges", ""}
	kept := []string{"Content-Location", "/a", "Vary", "Cookie", "Cache-Control", "public", "Expires", date, "X-A", "1"}
	body := &appstest.Blocks{All: []string{"hello"}}
	a := wrap(t, app{body: "hello", fields: about}, layers.ETag{})
	r := appstest.Serve(t, a, appstest.Get("/", "If-None-Match", helloTag))
	expect(t, r, 304, append(append(gone, kept...), "ETag", helloTag, "Last-Modified", "")...)
	r = appstest.Serve(t, a, appstest.Get("/", "If-Match", `"x"`))
	expect(t, r, 412, append(append(gone, kept...), "ETag", "", "Last-Modified", "")...)

	r = appstest.Serve(t, wrap(t, streaming(body, about...), layers.ETag{}), appstest.Get("/", "If-Modified-Since", date))
	expect(t, r, 304, append(append(gone, kept...), "ETag", "", "Last-Modified", date)...)
	if body.Closed != 1 || r.Stream {
		t.Errorf("%v, closed %d times", r, body.Closed)
	}
}

func TestETagPassesFiles(t *testing.T) {
	a := wrap(t, app{file: "/f", fields: []string{"Last-Modified", date}}, layers.ETag{})
	if r := appstest.ServeFiles(t, a, appstest.Get("/")); r.File != "/f" || r.Field("Last-Modified") != date {
		t.Error(r)
	}
	if r := appstest.ServeFiles(t, a, appstest.Get("/", "If-Modified-Since", date)); r.File != "" || r.Status != 304 {
		t.Error(r)
	}
}

func TestETagOverTheWire(t *testing.T) {
	onEngines(t, func(t *testing.T) apps.App { return wrap(t, text("hello"), layers.ETag{}) }, func(t *testing.T, url string) {
		res := ask(t, "GET", url)
		hold(t, res, 200, "ETag", helloTag)
		if got := read(t, res); got != "hello" {
			t.Error(got)
		}
		hold(t, ask(t, "HEAD", url), 200, "ETag", helloTag, "Content-Length", "5")
		for _, method := range []string{"GET", "HEAD"} {
			res := ask(t, method, url, "If-None-Match", helloTag)
			hold(t, res, 304, "ETag", helloTag)
			if got := read(t, res); got != "" {
				t.Error(got)
			}
			hold(t, ask(t, method, url, "If-Match", `"x"`), 412, "ETag", "")
		}
	})
}
