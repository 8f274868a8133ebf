package suite

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/benchctl/benchctl/apps"
)

// TestExchanges holds that each app answers its own exchange.
func TestExchanges(t *testing.T) {
	for _, name := range []string{
		"hello", "json", "echo", "echo?bytes=1", "echo?bytes=4096", "echo?bytes=100000", "size", "size?bytes=1",
		"size?bytes=65536", "size?bytes=65537", "size?bytes=1000000", "stream", "stream?chunks=1&bytes=1",
		"stream?bytes=65536&chunks=3", "stream?chunks=2&ms=1", "sleep?ms=0", "cpu?us=0", "cpu", "headers",
		"headers?count=0", "headers?count=90", "session", "session?visits=41", "template", "static-1k", "static-1m",
		"upload?bytes=1", "upload", "upload?bytes=100000", "compress", "compress?bytes=1", "compress?bytes=1000000", "error", "status",
		"status?code=304", "status?code=404", "status?code=599", "ziade?ms=1", "ziade?ms=0&steps=0", "ident",
	} {
		t.Run(name, func(t *testing.T) {
			i, err := Parse(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, app := range []apps.App{Mux(), Only(i)} {
				started(t, app)
				res := &response{}
				if err := app.Serve(newRequest(i.Exchange()), res); err != nil {
					t.Fatal(err)
				}
				checkReply(t, i.Exchange(), res)
			}
		})
	}
}

// started starts an app that asks for it, until the test ends.
func started(t *testing.T, app apps.App) {
	t.Helper()
	if s, ok := app.(apps.Starter); ok {
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if s, ok := app.(apps.Stopper); ok {
		t.Cleanup(func() {
			if err := s.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}

func checkReply(t *testing.T, e Exchange, res *response) {
	t.Helper()
	if kind, _, _ := strings.Cut(res.header["Content-Type"], ";"); res.status != e.Status || kind != e.Type {
		t.Errorf("reply is %d %q, want %d %q", res.status, res.header["Content-Type"], e.Status, e.Type)
	}
	streamed := res.closed == 1
	if cl := res.header["Content-Length"]; streamed && (cl == "") != e.Chunked {
		t.Errorf("Content-Length is %q, exchange says chunked: %v", cl, e.Chunked)
	} else if cl != "" && e.Length >= 0 && cl != strconv.FormatInt(e.Length, 10) {
		t.Errorf("Content-Length is %s, want %d", cl, e.Length)
	}
	for _, h := range e.Replied {
		if res.header[h[0]] != h[1] {
			t.Errorf("%s is %q, want %q", h[0], res.header[h[0]], h[1])
		}
	}
	if e.Whole != nil {
		if !e.Whole([]byte(res.body())) {
			t.Errorf("wrong body of %d bytes", len(res.body()))
		}
		return
	}
	off := int64(0)
	for i, b := range res.blocks {
		if !e.Match(off, []byte(b)) {
			t.Errorf("block %d is wrong at offset %d", i, off)
		}
		off += int64(len(b))
	}
	if off != e.Length {
		t.Errorf("body has %d bytes, want %d", off, e.Length)
	}
}

func TestMatchRefuses(t *testing.T) {
	for _, name := range []string{"hello", "size?bytes=300000"} {
		i, err := Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		e := i.Exchange()
		res := &response{}
		if err := Mux().Serve(newRequest(e), res); err != nil {
			t.Fatal(err)
		}
		body := []byte(res.body())
		changed := append([]byte{body[0] ^ 1}, body[1:]...)
		for what, wrong := range map[string]bool{
			"changed": e.Match(0, changed), "shifted": e.Match(0, body[1:]), "at a later offset": e.Match(1, body[:8]),
			"too long": e.Match(0, append(body, 'x')), "beyond": e.Match(e.Length, []byte("x")), "before": e.Match(-1, body[:1]),
		} {
			if wrong {
				t.Errorf("%s: Match took a body that is %s", name, what)
			}
		}
	}
}

// TestPatternShows holds that content moved by any usual distance is seen.
func TestPatternShows(t *testing.T) {
	for _, by := range []int64{1, 2, 512, 1000, 1024, 1460, 4096, 8192, 10000, 16384, 32768, 65536, 100000, 1 << 20} {
		if string(block(0, 16)) == string(block(by, 16)) {
			t.Errorf("content moved by %d bytes looks right", by)
		}
	}
}

func TestBadRequests(t *testing.T) {
	for _, c := range []struct{ target, want string }{
		{"/hello?x=1", `app hello: unknown parameter "x": it takes none`},
		{"/size?byte=1", `app size: unknown parameter "byte": did you mean "bytes"?`},
		{"/stream?frobnicate=1", `app stream: unknown parameter "frobnicate": known are chunks, bytes, ms`},
		{"/size?bytes=0", `app size: parameter "bytes" is "0": a whole number from 1 to 100000000 is needed`},
		{"/size?bytes=100000001", `app size: parameter "bytes" is "100000001": a whole number from 1 to 100000000 is needed`},
		{"/size?bytes=99999999999999999999", `app size: parameter "bytes" is "99999999999999999999": a whole number from 1 to 100000000 is needed`},
		{"/size?bytes=-1", `app size: parameter "bytes" is "-1": a whole number from 1 to 100000000 is needed`},
		{"/size?bytes=%31", `app size: parameter "bytes" is "%31": a whole number from 1 to 100000000 is needed`},
		{"/size?bytes=", `app size: parameter "bytes" is "": a whole number from 1 to 100000000 is needed`},
		{"/size?bytes", `app size: parameter "bytes" is "": a whole number from 1 to 100000000 is needed`},
		{"/size?bytes=1&bytes=1", `app size: parameter "bytes" is given twice`},
		{"/size?bytes=1&", `app size: unknown parameter "": known is bytes`},
		{"/size?\"\\\x7f\xff=1", `app size: unknown parameter "\"\\\x7f\xff": known is bytes`},
		{"/sleep?ms=60001", `app sleep: parameter "ms" is "60001": a whole number from 0 to 60000 is needed`},
		{"/sleep?ms=" + strings.Repeat("9", 50), `app sleep: parameter "ms" is "` + strings.Repeat("9", 40) + `...": a whole number from 0 to 60000 is needed`},
	} {
		res := &response{}
		if err := Mux().Serve(newRequest(Exchange{Method: "GET", Target: c.target}), res); err != nil {
			t.Errorf("%s: %v", c.target, err)
		}
		if res.status != 400 || res.body() != c.want+"\n" || res.header["Content-Type"] != "text/plain" {
			t.Errorf("%s: %d %v %s, want %s", c.target, res.status, res.header, res.body(), c.want)
		}
	}
}

func TestRouting(t *testing.T) {
	size, err := Parse("size?bytes=5")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name           string
		app            apps.App
		method, target string
		status         int
		allow          string
	}{
		{"get", Mux(), "GET", "/hello", 200, ""},
		{"head", Mux(), "HEAD", "/hello", 200, ""},
		{"post", Mux(), "POST", "/hello", 405, "GET, HEAD"},
		{"get echo", Mux(), "GET", "/echo", 405, "POST"},
		{"unknown", Mux(), "GET", "/nope", 404, ""},
		{"root", Mux(), "GET", "/", 404, ""},
		{"alone", Only(size), "GET", "/size?bytes=9", 200, ""},
		{"not alone", Only(size), "GET", "/hello", 404, ""},
	} {
		res := &response{}
		if err := c.app.Serve(newRequest(Exchange{Method: c.method, Target: c.target}), res); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if res.status != c.status || res.header["Allow"] != c.allow {
			t.Errorf("%s: %d, Allow %q, want %d, %q", c.name, res.status, res.header["Allow"], c.status, c.allow)
		}
	}
}

func TestEchoIsStreamed(t *testing.T) {
	body, client := io.Pipe()
	res := &response{pulled: func(n int) {
		if n == 1 { // the first block is out before the second comes in
			go func() { client.Write([]byte("second")); client.Close() }()
		}
	}}
	go client.Write([]byte("first"))
	err := Mux().Serve(&request{ctx: context.Background(), method: "POST", path: "/echo", length: -1, body: body}, res)
	if err != nil || res.body() != "firstsecond" || res.header["Content-Length"] != "" || res.closed != 1 {
		t.Errorf("echo = %q, %v, header %v, closed %d times", res.body(), err, res.header, res.closed)
	}
}

func TestEchoReaders(t *testing.T) {
	cut := errors.New("connection lost")
	for _, c := range []struct {
		name string
		body io.Reader
		want error
	}{
		{"data with end", iotest.DataErrReader(strings.NewReader("hello")), nil},
		{"byte by byte", iotest.OneByteReader(strings.NewReader("hello")), nil},
		{"data with error", io.MultiReader(strings.NewReader("hello"), iotest.ErrReader(cut)), cut},
	} {
		res := &response{}
		err := Mux().Serve(&request{ctx: context.Background(), method: "POST", path: "/echo", length: 5, body: c.body}, res)
		if !errors.Is(err, c.want) || res.body() != "hello" || res.closed != 1 {
			t.Errorf("%s: %q, %v, closed %d times", c.name, res.body(), err, res.closed)
		}
	}
}

func TestWaits(t *testing.T) {
	for target, want := range map[string]time.Duration{
		"/sleep": 10 * time.Millisecond, "/sleep?ms=60000": time.Minute, "/stream?chunks=5&ms=100": 400 * time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			err := Mux().Serve(newRequest(Exchange{Method: "GET", Target: target}), &response{})
			if took := time.Since(begun); err != nil || took != want {
				t.Errorf("%s took %v, %v, want %v", target, took, err, want)
			}
		})
	}
}

// What an exchange says that the app takes, the app takes.
func TestTimesOfExchanges(t *testing.T) {
	const ms = time.Millisecond
	for name, want := range map[string][3]time.Duration{ // AtLeast, Spread, Work
		"hello": {}, "stream": {}, "stream?chunks=1&ms=100": {}, "stream?chunks=5&ms=100": {400 * ms, 400 * ms, 0},
		"sleep": {10 * ms, 0, 0}, "sleep?ms=60000": {60000 * ms, 0, 0}, "ziade": {100 * ms, 0, 0}, "ziade?ms=0": {},
		"cpu": {0, 0, 100 * time.Microsecond}, "cpu?us=0": {}, "error": {}, "status": {},
	} {
		i := instance(t, name)
		e := i.Exchange()
		if got := [3]time.Duration{e.AtLeast, e.Spread, e.Work}; got != want || i.Work() != want[2] {
			t.Errorf("%s: %v, of work %v, want %v", name, got, i.Work(), want)
		}
		synctest.Test(t, func(t *testing.T) {
			begun, first := time.Now(), time.Time{}
			res := &response{pulled: func(n int) {
				if n == 1 {
					first = time.Now()
				}
			}}
			if err := Mux().Serve(newRequest(e), res); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begun); took != e.AtLeast {
				t.Errorf("%s takes %v, want %v", name, took, e.AtLeast)
			}
			if spread := time.Since(first); e.Spread > 0 && spread != e.Spread {
				t.Errorf("%s: the body takes %v, want %v", name, spread, e.Spread)
			}
		})
	}
}

func TestWorkOfAMix(t *testing.T) {
	i := Instance{Spec: Spec{Name: "some", parts: []part{{3, "cpu?us=200"}, {1, "hello"}}}, name: "some"}
	if got := i.Work(); got != 150*time.Microsecond {
		t.Errorf("work is %v, want 150µs", got)
	}
	if got := instance(t, "watch").Work(); got != 0 {
		t.Errorf("work of an app without load is %v", got)
	}
}

func TestWaitEndsWithRequest(t *testing.T) {
	for _, target := range []string{"/sleep?ms=60000", "/stream?ms=1000"} {
		req := newRequest(Exchange{Method: "GET", Target: target})
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		req.ctx = ctx
		if err := Mux().Serve(req, &response{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want %v", target, err, context.Canceled)
		}
	}
}

func TestBurn(t *testing.T) {
	begun := time.Now()
	burn(5 * time.Millisecond)
	if took := time.Since(begun); took < 5*time.Millisecond {
		t.Errorf("burning 5 ms of CPU time took %v", took)
	}
}

func TestAllocations(t *testing.T) {
	mux := Mux()
	for target, most := range map[string]float64{
		"/hello": 0, "/size": 0, "/size?bytes=65536": 0, "/cpu?us=1": 0,
		"/size?bytes=100000000": 2, "/stream?chunks=4&bytes=65536": 1,
	} {
		req := newRequest(Exchange{Method: "GET", Target: target})
		res := &sink{}
		got := testing.AllocsPerRun(100, func() {
			if err := mux.Serve(req, res); err != nil || res.status != 200 {
				t.Fatal(target, res.status, err)
			}
		})
		if got > most {
			t.Errorf("%s allocates %v times, want at most %v", target, got, most)
		}
	}
}

func TestSpecs(t *testing.T) {
	for _, s := range All() {
		if s.Doc == "" || strings.Contains(s.Doc, "\n") || len(s.Params) > maxParams {
			t.Errorf("%s: doc %q, %d parameters", s.Name, s.Doc, len(s.Params))
		}
		for _, p := range s.Params {
			if p.Default < p.Min || p.Default > p.Max || p.Doc == "" {
				t.Errorf("%s: %s: default %d is not from %d to %d, or no doc", s.Name, p.Name, p.Default, p.Min, p.Max)
			}
		}
		if i, err := Parse(s.Name); err != nil || i.String() != s.Name {
			t.Errorf("Parse(%q) = %q, %v", s.Name, i, err)
		}
	}
}

// A mix is its parts, each of which makes load.
func TestMixes(t *testing.T) {
	for _, s := range All() {
		i, err := Parse(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		parts := i.Parts()
		if (len(s.parts) > 0) != (len(parts) > 1) {
			t.Errorf("%s: %d parts", s.Name, len(parts))
		}
		app := Only(i)
		started(t, app)
		for _, p := range parts {
			if p.Weight < 1 {
				t.Errorf("%s: %s weighs %d", s.Name, p, p.Weight)
			}
			if i.Loadable() != nil {
				continue
			}
			res := &response{}
			if err := app.Serve(newRequest(p.Exchange()), res); err != nil {
				t.Fatalf("%s: %s: %v", s.Name, p, err)
			}
			checkReply(t, p.Exchange(), res)
		}
	}
}

func TestLoadable(t *testing.T) {
	for name, want := range map[string]bool{
		"hello": true, "mixed": true, "error": true, "error?at=1": true, "error?at=2": false, "error?at=4": false, "watch": false, "watched": false, "seen": false,
	} {
		i, err := Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := i.Loadable(); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A session that was not signed here begins again.
func TestSessions(t *testing.T) {
	right := sessionCookie(7)
	for cookie, want := range map[string]int64{
		"": 0, right: 7, "a=b; " + right + "; c=d": 7, "xsession=1; " + right: 7,
		right + "0": 0, strings.Replace(right, "7.", "8.", 1): 0, "session=7": 0, "session=.": 0, "session=-7." + signature("-7"): 0,
		"session=forged.1; " + right: 7,
	} {
		if got := visitsOf(cookie); got != want {
			t.Errorf("%q: %d visits, want %d", cookie, got, want)
		}
	}
}

func TestTakesGzip(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "gzip": true, "deflate, GZIP;q=0.5": true, "gzip;q=0": false, "gzip; q=0.000": false, "gzip;q=0.001": true, "br, identity": false, "xgzip": false,
	} {
		if got := takesGzip(accept); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
}

// The notes of a watched stream tell its life, in a process or across some.
func TestWatch(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ask := func(target string) *response {
		res := &response{}
		if err := Mux().Serve(newRequest(Exchange{Method: "GET", Target: target}), res); err != nil {
			t.Fatal(err)
		}
		return res
	}
	if got := ask("/watched?id=3").body(); got != "\n" {
		t.Errorf("notes before: %q", got)
	}
	if got := ask("/watch?id=3&chunks=3&ms=0").body(); len(got) != 3072 {
		t.Errorf("%d bytes", len(got))
	}
	if got := ask("/watched?id=3").body(); got != "o..c\n" {
		t.Errorf("notes after: %q", got)
	}
}

// The app shows each byte of the fields, whatever it is.
func TestSeen(t *testing.T) {
	res := &response{}
	req := newRequest(Exchange{Method: "GET", Target: "/seen", Header: [][2]string{{"X-Bench-0", "a\r\n\x00\xff"}}})
	if err := Mux().Serve(req, res); err != nil {
		t.Fatal(err)
	}
	if want := "Host: \nX-Bench-0: 610d0a00ff\n"; res.body() != want {
		t.Errorf("%q, want %q", res.body(), want)
	}
	for name, want := range map[string]string{"Host": "", "X-Bench-0": "a\r\n\x00\xff"} {
		if got, ok := Seen([]byte(res.body()), name); !ok || got != want {
			t.Errorf("%s: %q %v, want %q", name, got, ok, want)
		}
	}
	for _, body := range []string{"", "Hello, World!", "X-Bench-0: 6\n", "X-Bench-0: a b\n", "X-Bench-1: 61\n"} {
		if got, ok := Seen([]byte(body), "X-Bench-0"); ok {
			t.Errorf("%q: %q seen in another app's reply", body, got)
		}
	}
}
