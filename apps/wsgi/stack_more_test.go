package wsgi_test

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/wsgi"
)

// alice are the credentials of a user.
const alice = "Basic YWxpY2U6b3BlbiBzZXNhbWU="

// TestLogs holds that both worlds write the same lines.
func TestLogs(t *testing.T) {
	w := newWorlds(t)
	var requests []appstest.Request
	for i, r := range common() {
		r.Fields = append(r.Fields, [2]string{"Authorization", alice}, [2]string{"X-Request-Id", "id-" + strconv.Itoa(i)}, [2]string{"Referer", `https://a.example/"é\`}, [2]string{"User-Agent", "\t x"})
		requests = append(requests, r)
	}
	w.askGo("logs.ini", requests)
	w.askPython("logs.ini", requests)
	for _, log := range []string{"common.log", "combined.log"} {
		want, got := lines(w, w.golang, log), lines(w, w.python, log)
		for i := range max(len(want), len(got)) {
			if i >= len(want) || i >= len(got) || got[i] != want[i] {
				t.Fatalf("%s: line %d of %d and %d: in Python\n%q\nin Go\n%q", log, i+1, len(got), len(want), at(got, i), at(want, i))
			}
		}
	}
	want, got := lines(w, w.golang, "json.log"), lines(w, w.python, "json.log")
	for i := range max(len(want), len(got)) {
		if g, e := object(t, at(got, i)), object(t, at(want, i)); !reflect.DeepEqual(g, e) {
			t.Fatalf("line %d: in Python\n%v\nin Go\n%v", i+1, g, e)
		}
	}
	if len(want) < 500 {
		t.Errorf("%d lines say little", len(want))
	}
}

func lines(w worlds, dir, log string) []string {
	return strings.Split(strings.TrimSpace(string(w.read(dir, log))), "\n")
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func object(t *testing.T, line string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(line), &o); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if id, _ := o["request_id"].(string); madeID.MatchString(id) {
		o["request_id"] = "ID"
	}
	return o
}

// TestMounts holds that stacks are served beside the suite, each below its path.
func TestMounts(t *testing.T) {
	w := newWorlds(t)
	t.Setenv(wsgi.MountsEnv, "/etag+size "+filepath.Join(w.python, "suite.ini#size")+"\n/paths "+filepath.Join(w.python, "suite.ini"))
	base := servePython(t, "wsgiref", "")
	for target, want := range map[string]string{
		"/hello": "200 Hello, World!", "/nope": "404 not found", "/": "404 not found", "/etag+size?bytes=3": "200 ABn", "/etag+size/x?bytes=1": "200 A",
		"/etag+siz": "404 not found", "/paths/json": `200 {"message":"Hello, World!"}`, "/paths": "200 Hello, World!", "/paths/status": "418 status 418", "/pathsx": "404 not found",
	} {
		path, query, _ := strings.Cut(target, "?")
		a := ask(t, base, question{name: target, method: "GET", path: path, query: query})
		if got := strings.TrimSpace(strconv.Itoa(a.Status) + " " + a.Body); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}

// TestStackThatFails holds that an application does not load without its stack.
func TestStackThatFails(t *testing.T) {
	w := newWorlds(t)
	t.Setenv(wsgi.StackEnv, filepath.Join(w.python, "none.ini"))
	if out, err := python(t, "", "-c", "import app").CombinedOutput(); err == nil || !strings.Contains(string(out), "FileNotFoundError: ") {
		t.Errorf("without a file: %v\n%s", err, out)
	}
	if out, err := python(t, "", "-c", "import sys; sys.modules['paste.deploy'] = None; import app").CombinedOutput(); err == nil || !strings.Contains(string(out), "none.ini: Paste Deploy is not installed: apt-get install python3-pastedeploy") {
		t.Errorf("without Paste Deploy: %v\n%s", err, out)
	}
	t.Setenv(wsgi.StackEnv, filepath.Join(w.python, "suite.ini#size"))
	if out, err := python(t, "", "-c", "import app; print(app.application)").CombinedOutput(); err != nil {
		t.Errorf("with all: %v\n%s", err, out)
	}
}

var visits = regexp.MustCompile(`"visits":"(\d+)"`)

// TestSessions holds that a session goes on in the other world, and what ends it in both.
func TestSessions(t *testing.T) {
	w := newWorlds(t)
	type world func(string, []appstest.Request) []reaction
	visit := func(ask world, stack, cookie string, before ...appstest.Request) (n int, next string) {
		t.Helper()
		all := ask(stack, append(before, appstest.Get("/?visit=1", "Cookie", cookie)))
		last := all[len(all)-1]
		m := visits.FindStringSubmatch(last.body)
		if m == nil {
			t.Fatalf("%s", last)
		}
		for _, f := range last.fields {
			if set, ok := strings.CutPrefix(f, "Set-Cookie: "); ok {
				next, _, _ = strings.Cut(set, ";")
			}
		}
		n, err := strconv.Atoi(m[1])
		if err != nil || next == "" {
			t.Fatalf("%s: %v", last, err)
		}
		return n, next
	}
	_, cookie := visit(w.askGo, "whole.ini", "")
	for i, ask := range []world{w.askPython, w.askGo, w.askGo, w.askPython, w.askPython} {
		var n int
		if n, cookie = visit(ask, "whole.ini", "a=b; "+cookie); n != i+2 {
			t.Errorf("visit %d is counted as %d", i+2, n)
		}
	}
	for name, ask := range map[string]world{"Go": w.askGo, "Python": w.askPython} {
		for what, test := range map[string]struct {
			cookie string
			before []appstest.Request
			want   int
		}{
			"as it is":      {cookie, nil, 7},
			"at its end":    {cookie, []appstest.Request{appstest.Get("/?wait=3600000")}, 7},
			"too old":       {cookie, []appstest.Request{appstest.Get("/?wait=3601000")}, 1},
			"changed":       {cookie[:20] + "x" + cookie[21:], nil, 1},
			"cut off":       {cookie[:len(cookie)-4], nil, 1},
			"of other name": {strings.Replace(cookie, "session", "sessions", 1), nil, 1},
		} {
			if n, _ := visit(ask, "whole.ini", test.cookie, test.before...); n != test.want {
				t.Errorf("%s, %s: visit %d, want %d", name, what, n, test.want)
			}
		}
	}
	t.Setenv("TWINS_OLD_KEY", strings.Repeat("k", 32))
	t.Setenv("TWINS_KEY", strings.Repeat("n", 32))
	for _, ask := range []world{w.askGo, w.askPython} {
		if n, _ := visit(ask, "whole.ini", cookie); n != 7 {
			t.Errorf("by the key before: visit %d", n)
		}
	}
	t.Setenv("TWINS_OLD_KEY", strings.Repeat("m", 32))
	for _, ask := range []world{w.askGo, w.askPython} {
		if n, _ := visit(ask, "whole.ini", cookie); n != 1 {
			t.Errorf("by another key: visit %d", n)
		}
	}
}

// TestStreams holds that layers in Python pass a block on before they pull the next one, and close the
// stream once, also when the client leaves.
func TestStreams(t *testing.T) {
	w := newWorlds(t)
	stacks, err := filepath.Glob("testdata/stacks/*.ini")
	if err != nil {
		t.Fatal(err)
	}
	var requests []pythonRequest
	for _, accept := range []string{"", "gzip", "br", "zstd"} {
		r := ofRequest(appstest.Get("/?stream=5x1000", "Accept-Encoding", accept, "Authorization", alice))
		requests = append(requests, r)
		r.Leaves = 1
		requests = append(requests, r)
	}
	// In gzip, the end of a stream has bytes of its own.
	pulled, abandoned := regexp.MustCompile(`^(ps){5}s?c$`), regexp.MustCompile(`^psc$`)
	streamed := 0
	var names []string
	for _, path := range stacks {
		names = append(names, filepath.Base(path))
	}
	for n, got := range w.drive(names, requests...) {
		name := names[n]
		if got.Error != "" {
			t.Fatal(name, got.Error)
		}
		for i, a := range got.Answers {
			want := pulled
			if requests[i].Leaves > 0 {
				want = abandoned
			}
			switch {
			case name == "suite.ini", name == "rate.ini": // whose apps note nothing, and which refuses most
			case !want.MatchString(a.Events):
				t.Errorf("%s, %v: %s", name, requests[i], a.Events)
			default:
				streamed++
			}
		}
	}
	if streamed < 100 {
		t.Errorf("%d streams are too few", streamed)
	}
}
