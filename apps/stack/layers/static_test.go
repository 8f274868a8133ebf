package layers_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

// big is a file of more than one block.
var big = strings.Repeat(alphabet, 10000)

var changed = time.Date(1994, 10, 29, 19, 43, 31, 5e8, time.UTC)

// site makes a directory of files, with links, and one outside it.
func site(t testing.TB) string {
	t.Helper()
	top := t.TempDir()
	dir := filepath.Join(top, "site")
	for name, content := range map[string]string{
		"../secret.txt": "secret", "index.html": "index", "a.txt": "hello", "big.bin2": big, "sub/index.html": "sub", "bare/x.css": "x",
		".git/config": "secret", ".well-known/x.txt": "known", "with space/index.html": "space", "empty.txt": "",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, changed, changed); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"in.txt": "a.txt", "out.txt": "../secret.txt", "up": "..", "abs.txt": filepath.Join(top, "secret.txt"), "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func static(t testing.TB, s layers.Static, around ...stack.Layer) apps.App {
	t.Helper()
	built, err := stack.Build(stack.Pipeline{Layers: around, Node: stack.App{Source: s}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := built.(apps.Stopper).Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return built
}

func TestStaticFiles(t *testing.T) {
	dir := site(t)
	a := static(t, layers.Static{Dir: dir})
	for _, test := range []struct {
		name, target, body, kind, file string
		status                         int
	}{
		{"RFC 9110 8.3 type of a text", "/a.txt", "hello", "text/plain; charset=utf-8", "a.txt", 200},
		{"RFC 9110 8.3 type unknown", "/big.bin2", big, "application/octet-stream", "big.bin2", 200},
		{"empty", "/empty.txt", "", "text/plain; charset=utf-8", "empty.txt", 200},
		{"index", "/", "index", "text/html; charset=utf-8", "index.html", 200},
		{"index of a directory", "/sub/", "sub", "text/html; charset=utf-8", "sub/index.html", 200},
		{"no index", "/bare/", "not found\n", "text/plain", "", 404},
		{"no index", "/bare", "not found\n", "text/plain", "", 404},
		{"not there", "/b.txt", "not found\n", "text/plain", "", 404},
		{"below a file", "/a.txt/b", "not found\n", "text/plain", "", 404},
		{"a file is no directory", "/a.txt/", "not found\n", "text/plain", "", 404},
		{"a link inside", "/in.txt", "hello", "text/plain; charset=utf-8", "in.txt", 200},
		{"a link out", "/out.txt", "not found\n", "text/plain", "", 404},
		{"a link out", "/up/secret.txt", "not found\n", "text/plain", "", 404},
		{"a link out", "/abs.txt", "not found\n", "text/plain", "", 404},
		{"a link to itself", "/loop", "not found\n", "text/plain", "", 404},
		{"dots", "/../secret.txt", "not found\n", "text/plain", "", 404},
		{"dots", "/sub/../a.txt", "not found\n", "text/plain", "", 404},
		{"dots", "/./a.txt", "not found\n", "text/plain", "", 404},
		{"two slashes", "//a.txt", "not found\n", "text/plain", "", 404},
		{"a long name", "/" + strings.Repeat("x", 5000), "not found\n", "text/plain", "", 404},
		{"NUL", "/a.txt\x00", "not found\n", "text/plain", "", 404},
		{"a dotfile", "/.git/config", "not found\n", "text/plain", "", 404},
		{"RFC 8615", "/.well-known/x.txt", "known", "text/plain; charset=utf-8", ".well-known/x.txt", 200},
	} {
		t.Run(test.name+" "+test.target[:min(len(test.target), 20)], func(t *testing.T) {
			for _, method := range []string{"GET", "HEAD"} {
				r := appstest.Serve(t, a, appstest.Of(method, test.target, ""))
				expect(t, r, test.status, "Content-Type", test.kind)
				if r.Body() != test.body {
					t.Errorf("%d bytes", len(r.Body()))
				}
				if test.status == 200 {
					expect(t, r, 200, "Last-Modified", date, "Content-Length", strconv.Itoa(len(test.body)))
				}
			}
			r := appstest.ServeFiles(t, a, appstest.Get(test.target))
			if test.status == 200 && (r.File != filepath.Join(dir, test.file) || r.Field("Last-Modified") != date || r.Field("Content-Type") != test.kind) || test.status != 200 && r.File != "" {
				t.Error(r, r.File)
			}
		})
	}
}

func TestStaticRedirects(t *testing.T) {
	a := static(t, layers.Static{Dir: site(t)})
	for target, want := range map[string]string{"/sub": "./sub/", "/sub?a=b": "./sub/?a=b", "/with space": "./with%20space/"} {
		expect(t, appstest.Serve(t, a, appstest.Get(target)), 301, "Location", want)
	}
}

func TestStaticMethods(t *testing.T) {
	a := static(t, layers.Static{Dir: site(t)})
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "get"} { // RFC 9110 section 15.5.6
		expect(t, appstest.Serve(t, a, appstest.Of(method, "/a.txt", "")), 405, "Allow", "GET, HEAD")
	}
}

func TestStaticFields(t *testing.T) {
	dir := site(t)
	r := appstest.Serve(t, static(t, layers.Static{Dir: dir, Dotfiles: true}), appstest.Get("/.git/config"))
	if expect(t, r, 200); r.Body() != "secret" {
		t.Error(r)
	}
	r = appstest.Serve(t, static(t, layers.Static{Dir: dir, Index: "a.txt"}), appstest.Get("/"))
	if expect(t, r, 200); r.Body() != "hello" {
		t.Error(r)
	}
	future := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "a.txt"), future, future); err != nil {
		t.Fatal(err)
	}
	expect(t, appstest.Serve(t, static(t, layers.Static{Dir: dir}), appstest.Get("/a.txt")), 200, "Last-Modified", "") // RFC 9110 section 8.8.2.1
	for want, s := range map[string]layers.Static{
		"app.dir: is required":                 {},
		"not/there: no such file or directory": {Dir: filepath.Join(dir, "not/there")},
		"a.txt: not a directory":               {Dir: filepath.Join(dir, "a.txt")},
		`index: "../x" is no name of a file`:   {Dir: dir, Index: "../x"},
	} {
		if _, err := stack.Build(stack.Pipeline{Node: stack.App{Source: s}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A mounted app redirects below its own path, and parts of files are sought, not read.
func TestStaticInStacks(t *testing.T) {
	dir := site(t)
	mounted, err := stack.Build(stack.Paths{Nodes: []stack.Path{{Prefix: "/files", Node: stack.App{Source: layers.Static{Dir: dir}}}}})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, appstest.Serve(t, mounted, appstest.Get("/files/sub")), 301, "Location", "./sub/")
	if err := mounted.(apps.Stopper).Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := static(t, layers.Static{Dir: dir}, layers.Compress{}, layers.Range{}, layers.ETag{})
	r := appstest.Serve(t, a, appstest.Get("/big.bin2", "Range", "bytes=100000-100002,259998-"))
	for _, want := range []string{"bytes 100000-100002/260000\r\n\r\n" + big[100000:100003] + "\r\n", "bytes 259998-259999/260000\r\n\r\n" + big[259998:] + "\r\n"} {
		if r.Status != 206 || !strings.Contains(r.Body(), want) {
			t.Errorf("%v, want %q", r, want)
		}
	}
	expect(t, appstest.ServeFiles(t, a, appstest.Get("/big.bin2", "If-Modified-Since", date)), 304)
}

func TestStaticAllocs(t *testing.T) {
	got := allocs(t, static(t, layers.Static{Dir: site(t)}), appstest.Get("/a.txt"))
	if most := (layers.Static{}).About().Allocs; got > float64(most) {
		t.Errorf("%v allocations, About tells at most %d", got, most)
	}
}

func TestStaticOverTheWire(t *testing.T) {
	onEngines(t, func(t *testing.T) apps.App {
		return static(t, layers.Static{Dir: site(t)}, layers.Compress{}, layers.Range{}, layers.ETag{})
	}, func(t *testing.T, url string) {
		res := ask(t, http.MethodGet, url+"/big.bin2")
		hold(t, res, 200, "Last-Modified", date, "Content-Length", strconv.Itoa(len(big)), "Accept-Ranges", "bytes")
		if got := read(t, res); got != big {
			t.Errorf("%d bytes", len(got))
		}
		hold(t, ask(t, http.MethodHead, url+"/big.bin2"), 200, "Last-Modified", date, "Content-Length", strconv.Itoa(len(big)))
		hold(t, ask(t, http.MethodGet, url+"/big.bin2", "If-Modified-Since", date), 304, "Last-Modified", date)
		res = ask(t, http.MethodGet, url+"/big.bin2", "Range", "bytes=-4", "If-Range", date)
		hold(t, res, 206, "Content-Length", "4")
		if got := read(t, res); got != "wxyz" {
			t.Error(got)
		}
		for _, target := range []string{"/..%2fsecret.txt", "/%2e%2e/secret.txt", "/out.txt", "/a.txt%00"} {
			res := ask(t, http.MethodGet, url+target)
			if got := read(t, res); res.StatusCode/100 == 2 || res.StatusCode >= 500 || strings.Contains(got, "secret") {
				t.Errorf("%s: %d %q", target, res.StatusCode, got)
			}
		}
		hold(t, ask(t, http.MethodPost, url+"/a.txt"), 405, "Allow", "GET, HEAD")
	})
}
