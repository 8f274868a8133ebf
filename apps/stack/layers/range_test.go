package layers_test

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strconv"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

func init() {
	courses["range"] = func(testing.TB) course {
		return course{layer: layers.Range{}, app: text(long), req: appstest.Get("/")}
	}
}

const alphabet = "abcdefghijklmnopqrstuvwxyz"

// forms are the alphabet as each kind of answer that has parts.
func forms(fields ...string) map[string]app {
	fields = append([]string{"Content-Type", "text/plain", "Content-Digest", "x"}, fields...)
	blocks := func(n int) app {
		a := app{fields: append([]string{"Content-Length", strconv.Itoa(len(alphabet))}, fields...)}
		for s := alphabet; s != ""; s = s[min(n, len(s)):] {
			a.blocks = append(a.blocks, s[:min(n, len(s))], "")
		}
		return a
	}
	return map[string]app{"whole": {body: alphabet, fields: fields}, "stream": blocks(5), "bytes": blocks(1), "one block": blocks(26)}
}

func TestRangeOne(t *testing.T) {
	for _, test := range []struct {
		name, asked string
		from, to    int // the latter is that of the field Content-Range; -1 is all, -2 is none
	}{
		{"RFC 9110 14.1.2 the first", "bytes=0-0", 0, 0},
		{"RFC 9110 14.1.2 in the middle", "bytes=3-12", 3, 12},
		{"RFC 9110 14.1.2 up to the end", "bytes=20-", 20, 25},
		{"RFC 9110 14.1.2 the last", "bytes=25-25", 25, 25},
		{"RFC 9110 14.1.2 beyond the end", "bytes=20-99", 20, 25},
		{"RFC 9110 14.1.2 beyond what a number holds", "bytes=20-99999999999999999999", 20, 25},
		{"RFC 9110 14.1.2 a suffix", "bytes=-3", 23, 25},
		{"RFC 9110 14.1.2 a suffix longer than all", "bytes=-99", 0, 25},
		{"RFC 9110 14.1 case of the unit", "Bytes=1-2", 1, 2},
		{"RFC 9110 14.2 one of several can be had", "bytes=1-2, 26-", 1, 2},
		{"RFC 9110 14.2 another unit", "lines=0-1", 0, -1},
		{"RFC 9110 14.2 not well formed", "bytes=5-3", 0, -1},
		{"RFC 9110 14.2 not well formed", "bytes=a-b", 0, -1},
		{"RFC 9110 14.2 not well formed", "bytes=-", 0, -1},
		{"RFC 9110 14.2 not well formed", "bytes=", 0, -1},
		{"RFC 9110 14.2 not well formed", "bytes 0-1", 0, -1},
		{"RFC 9110 14.2 not well formed", "bytes=+1-2", 0, -1},
		{"RFC 9110 14.2 overlap", "bytes=0-5,5-6", 0, -1},
		{"RFC 9110 14.2 out of order", "bytes=5-6,0-1", 0, -1},
		{"RFC 9110 14.2 many", "bytes=0-0,2-2,4-4,6-6", 0, -1},
		{"RFC 9110 15.5.17 behind the end", "bytes=26-", 0, -2},
		{"RFC 9110 15.5.17 behind the end", "bytes=26-30,-0", 0, -2},
		{"RFC 9110 15.5.17 beyond what a number holds", "bytes=99999999999999999999-", 0, -2},
	} {
		for form, a := range forms() {
			t.Run(test.name+" "+form, func(t *testing.T) {
				r := appstest.Serve(t, wrap(t, a, layers.Range{MaxRanges: 3}), appstest.Get("/", "Range", test.asked))
				want := alphabet
				switch test.to {
				case -1:
					expect(t, r, 200, "Content-Range", "", "Accept-Ranges", "bytes", "Content-Type", "text/plain", "Content-Digest", "x")
				case -2:
					want = "no such range\n"
					expect(t, r, 416, "Content-Range", "bytes */26", "Accept-Ranges", "", "Content-Length", "", "Content-Digest", "")
				default:
					want = alphabet[test.from : test.to+1]
					expect(t, r, 206, "Content-Range", fmt.Sprintf("bytes %d-%d/26", test.from, test.to), "Accept-Ranges", "bytes", "Content-Type", "text/plain", "Content-Digest", "")
					if got := r.Field("Content-Length"); r.Stream && got != strconv.Itoa(len(want)) || !r.Stream && got != "" {
						t.Errorf("Content-Length %q", got)
					}
				}
				if r.Body() != want {
					t.Errorf("%q, want %q", r.Body(), want)
				}
			})
		}
	}
}

func TestRangeMany(t *testing.T) {
	for form, a := range forms() {
		r := appstest.Serve(t, wrap(t, a, layers.Range{}), appstest.Get("/", "Range", "bytes=0-0, 3-9,,20-21,-1"))
		if r.Status != 206 || r.Field("Content-Length") != strconv.Itoa(len(r.Body())) || r.Field("Content-Range") != "" {
			t.Errorf("%s: %v", form, r)
		}
		if got, want := parts(t, r.Field("Content-Type"), strings.NewReader(r.Body())), "a bytes 0-0/26, defghij bytes 3-9/26, uv bytes 20-21/26, z bytes 25-25/26"; got != want {
			t.Errorf("%s: %s, want %s", form, got, want)
		}
	}
}

// parts reads a body of parts (RFC 9110 section 15.3.7.2).
func parts(t *testing.T, contentType string, body io.Reader) string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/byteranges" {
		t.Errorf("%s: %v", contentType, err)
	}
	var all []string
	for m := multipart.NewReader(body, params["boundary"]); ; {
		p, err := m.NextRawPart()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			return strings.Join(all, ", ")
		}
		text, err := io.ReadAll(p)
		if err != nil || p.Header.Get("Content-Type") != "text/plain" {
			t.Error(err, p.Header)
		}
		all = append(all, string(text)+" "+p.Header.Get("Content-Range"))
	}
}

func TestRangeIf(t *testing.T) {
	for _, test := range []struct {
		name  string
		app   []string
		asked string
		want  int
	}{
		{"RFC 9110 13.1.5 the tag", []string{"ETag", `"a"`}, `"a"`, 206},
		{"RFC 9110 13.1.5 another tag", []string{"ETag", `"a"`}, `"b"`, 200},
		{"RFC 9110 13.1.5 a weak tag", []string{"ETag", `W/"a"`}, `W/"a"`, 200},
		{"RFC 9110 13.1.5 no tag", nil, `"a"`, 200},
		{"RFC 9110 13.1.5 the date", []string{"Last-Modified", date}, date, 206},
		{"RFC 9110 13.1.5 another date", []string{"Last-Modified", date}, earlier, 200},
		{"RFC 9110 13.1.5 a later date", []string{"Last-Modified", date}, later, 200},
		{"RFC 9110 13.1.5 no date", nil, date, 200},
		{"RFC 9110 13.1.5 none of both", []string{"ETag", `"a"`, "Last-Modified", date}, "a", 200},
	} {
		for form, a := range forms(test.app...) {
			t.Run(test.name+" "+form, func(t *testing.T) {
				r := appstest.Serve(t, wrap(t, a, layers.Range{}), appstest.Get("/", "Range", "bytes=0-1", "If-Range", test.asked))
				expect(t, r, test.want, "ETag", appstest.Reply{Fields: pairs(test.app)}.Field("ETag"))
				if (r.Body() == "ab") != (test.want == 206) {
					t.Error(r)
				}
			})
		}
	}
}

func pairs(fields []string) (all [][2]string) {
	for i := 0; i+1 < len(fields); i += 2 {
		all = append(all, [2]string{fields[i], fields[i+1]})
	}
	return all
}

func TestRangeLeaves(t *testing.T) {
	for name, test := range map[string]struct {
		app    app
		method string
		accept string
	}{
		"RFC 9110 9.3.2 HEAD":         {text(alphabet), "HEAD", "bytes"},
		"RFC 9110 14.2 POST":          {text(alphabet), "POST", ""},
		"another status":              {app{status: 404, body: alphabet}, "GET", ""},
		"a part already":              {app{status: 206, body: alphabet, fields: []string{"Content-Range", "bytes 0-25/30"}}, "GET", ""},
		"encoded":                     {text(alphabet, "Content-Encoding", "gzip"), "GET", ""},
		"a stream of unknown length":  {app{blocks: []string{alphabet}}, "GET", ""},
		"RFC 9110 14.3 the app's own": {text(alphabet, "Accept-Ranges", "none"), "GET", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			r := appstest.Serve(t, wrap(t, test.app, layers.Range{}), appstest.Of(test.method, "/", "", "Range", "bytes=0-1"))
			expect(t, r, max(200, test.app.status), "Accept-Ranges", test.accept)
			if r.Body() != alphabet {
				t.Error(r)
			}
		})
	}
	empty := wrap(t, app{}, layers.Range{})
	expect(t, appstest.Serve(t, empty, appstest.Get("/", "Range", "bytes=0-")), 416, "Content-Range", "bytes */0")
	expect(t, appstest.Serve(t, empty, appstest.Get("/", "Range", "bytes=-5")), 200)
}

// What is not asked for is not pulled, and a stream that is shorter than the app promised fails.
func TestRangeStreams(t *testing.T) {
	body := &appstest.Blocks{All: []string{"abcde", "fghij", "klmno"}}
	served := wrap(t, streaming(body, "Content-Length", "26"), layers.Range{})
	if r := appstest.Serve(t, served, appstest.Get("/", "Range", "bytes=4-6")); r.Body() != "efg" || len(body.All) != 1 || body.Closed != 1 {
		t.Errorf("%v, %d blocks left, closed %d times", r, len(body.All), body.Closed)
	}
	if r := appstest.Serve(t, served, appstest.Get("/", "Range", "bytes=4-6")); !errors.Is(r.Err, io.ErrUnexpectedEOF) {
		t.Error(r)
	}
}

func TestRangePassesFiles(t *testing.T) {
	a := wrap(t, app{file: "/f", body: alphabet}, layers.Range{})
	if r := appstest.ServeFiles(t, a, appstest.Get("/")); r.File != "/f" || r.Field("Accept-Ranges") != "bytes" {
		t.Error(r)
	}
	if r := appstest.ServeFiles(t, a, appstest.Get("/", "Range", "bytes=1-2")); r.Body() != "bc" || r.Status != 206 {
		t.Error(r)
	}
}

func TestRangeOverTheWire(t *testing.T) {
	for form, a := range forms() {
		t.Run(form, func(t *testing.T) {
			onEngines(t, func(t *testing.T) apps.App { return wrap(t, a, layers.Range{}) }, func(t *testing.T, url string) {
				res := ask(t, "GET", url, "Range", "bytes=3-12")
				hold(t, res, 206, "Content-Range", "bytes 3-12/26", "Content-Length", "10")
				if got := read(t, res); got != alphabet[3:13] {
					t.Error(got)
				}
				res = ask(t, "GET", url, "Range", "bytes=0-1,-2")
				hold(t, res, 206)
				if got := parts(t, res.Header.Get("Content-Type"), res.Body); got != "ab bytes 0-1/26, yz bytes 24-25/26" {
					t.Error(got)
				}
				hold(t, ask(t, "GET", url, "Range", "bytes=26-"), 416, "Content-Range", "bytes */26")
				hold(t, ask(t, "HEAD", url, "Range", "bytes=0-1"), 200, "Content-Length", "26", "Accept-Ranges", "bytes", "Content-Range", "")
			})
		})
	}
}
