package wsgi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/files"
	"github.com/benchctl/benchctl/apps/wsgi"
)

// worlds are two directories with the files of testdata/stacks: one for Go, and one for Python, with the twins.
type worlds struct {
	*testing.T
	golang, python string
}

// newWorlds makes them. The test is skipped where Python lacks what stacks take.
func newWorlds(t *testing.T) worlds {
	t.Helper()
	if out, err := exec.Command(python3, "-c", "import paste.deploy, paste.urlmap, bcrypt").CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("Paste Deploy, Paste and bcrypt for Python (%s)", bytes.TrimSpace(out)))
	}
	t.Setenv("TWINS_KEY", strings.Repeat("k", 32))
	t.Setenv("TWINS_OLD_KEY", strings.Repeat("o", 40))
	t.Setenv("TWINS_USERS", users)
	w := worlds{t, t.TempDir(), t.TempDir()}
	for name, content := range wsgi.Files() {
		if name == "benchctl.egg-info/entry_points.txt" {
			content = append(content, "probe = probe:factory\n"...) // the section of apps is the last one
		}
		w.write(w.python, name, content)
	}
	for _, name := range []string{"driver.py", "probe.py"} {
		w.write(w.python, name, w.read("testdata", name))
	}
	stacks, err := filepath.Glob("testdata/stacks/*.ini")
	if err != nil || len(stacks) == 0 {
		t.Fatal(err)
	}
	for _, path := range stacks {
		for _, dir := range []string{w.golang, w.python} {
			w.write(dir, filepath.Base(path), w.read(path))
		}
	}
	return w
}

func (w worlds) read(path ...string) []byte {
	w.Helper()
	content, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		w.Fatal(err)
	}
	return content
}

func (w worlds) write(dir, name string, content []byte) {
	w.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		w.Fatal(err)
	}
}

// testCatalog is what the files of the test can name.
func testCatalog() stack.Catalog {
	c := catalog()
	c.Sources = append(c.Sources, probe{})
	return c
}

// built is the app of a stack in Go, or all that is wrong with it.
func (w worlds) built(name string) (apps.App, error) {
	f, err := files.Read(filepath.Join(w.golang, name), testCatalog())
	if err != nil {
		return nil, err
	}
	s, err := f.Stack()
	if err != nil {
		return nil, err
	}
	app, err := stack.Build(s.Node)
	return app, s.Locate(err)
}

// askGo asks a stack in Go. Time stands still but for those who wait, from the beginning of 2000 on.
func (w worlds) askGo(name string, requests []appstest.Request) (all []reaction) {
	w.Helper()
	synctest.Test(w.T, func(t *testing.T) {
		app, err := w.built(name)
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := app.(apps.Starter); ok {
			if err := s.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := app.(apps.Stopper).Stop(context.Background()); err != nil {
					t.Error(err)
				}
			}()
		}
		for _, r := range requests {
			all = append(all, ofGo(t, r, appstest.Serve(t, unpulled{app}, r)))
		}
	})
	return all
}

// unpulled closes streams of replies without a body (S8), as servers do that do not pull them.
type unpulled struct{ apps.App }

func (u unpulled) Serve(req apps.Request, res apps.Response) error {
	return u.App.Serve(req, unpulledResponse{res, req.Method() == "HEAD"})
}

type unpulledResponse struct {
	apps.Response
	head bool
}

func (r unpulledResponse) Stream(status int, body apps.Body) error {
	if !r.head && status != 204 && status != 304 {
		return r.Response.Stream(status, body)
	}
	return errors.Join(body.Close(), r.Response.Stream(status, &appstest.Blocks{}))
}

// pythonRequest is a request as driver.py reads it.
type pythonRequest struct {
	Method  string      `json:"method"`
	Target  string      `json:"target"`
	Fields  [][2]string `json:"fields"`
	Body    []byte      `json:"body"`
	Chunked bool        `json:"chunked"`
	Peer    string      `json:"peer,omitempty"`   // address, without a port
	Leaves  int         `json:"leaves,omitempty"` // after so many blocks the client leaves
}

// pythonAnswers is what driver.py writes.
type pythonAnswers struct {
	Error   string         `json:"error"`
	Answers []pythonAnswer `json:"answers"`
	Left    int            `json:"left"` // streams that were not closed
}

type pythonAnswer struct {
	Status int         `json:"status"`
	Fields [][2]string `json:"fields"`
	Blocks [][]byte    `json:"blocks"`
	Failed *string     `json:"failed"`
	Broken *string     `json:"broken"` // what the validator says
	Events string      `json:"events"` // of a stream: p pulled, s sent, c closed
}

func ofRequest(r appstest.Request) pythonRequest {
	p := pythonRequest{Method: r.Verb, Target: r.Target, Fields: r.Fields, Body: []byte(r.Body), Chunked: r.Chunked}
	if r.Peer.IsValid() {
		p.Peer = r.Peer.Addr().String()
	}
	return p
}

// drive asks stacks in Python.
func (w worlds) drive(names []string, requests ...pythonRequest) []pythonAnswers {
	w.Helper()
	var asked []map[string]any
	for _, name := range names {
		asked = append(asked, map[string]any{"stack": filepath.Join(w.python, name), "requests": append([]pythonRequest{}, requests...)})
	}
	in, err := json.Marshal(asked)
	if err != nil {
		w.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command(python3, "-X", "utf8", "driver.py")
	cmd.Dir, cmd.Stdin, cmd.Stderr = w.python, bytes.NewReader(in), &said
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.Output()
	var all []pythonAnswers
	if err == nil {
		err = json.Unmarshal(out, &all)
	}
	if err != nil || len(all) != len(names) {
		w.Fatalf("%v: %v: %d answers\n%s", names, err, len(all), &said)
	}
	for i, got := range all {
		if got.Error == "" && len(got.Answers) != len(requests) || got.Left != 0 {
			w.Errorf("%s: %d answers to %d requests; %d streams were left open", names[i], len(got.Answers), len(requests), got.Left)
		}
	}
	if strings.Contains(said.String(), "without being closed") {
		w.Errorf("%v: streams were left open\n%s", names, &said)
	}
	return all
}

// askPython asks a stack in Python, through wsgiref.validate.
func (w worlds) askPython(name string, requests []appstest.Request) (all []reaction) {
	w.Helper()
	var asked []pythonRequest
	for _, r := range requests {
		asked = append(asked, ofRequest(r))
	}
	got := w.drive([]string{name}, asked...)[0]
	if got.Error != "" {
		w.Fatalf("%s: %s", name, got.Error)
	}
	for i, a := range got.Answers {
		if a.Broken != nil {
			w.Errorf("%s: %s: breaks PEP 3333: %s", name, title(requests[i]), *a.Broken)
		}
		if n := strings.Count(a.Events, "c"); n > 1 {
			w.Errorf("%s: %s: closed %d times: %s", name, title(requests[i]), n, a.Events)
		}
		all = append(all, ofPython(w.T, requests[i], a))
	}
	return all
}

func title(r appstest.Request) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %v", r.Verb, r.Target, r.Fields))
}

// TestStacks holds that a file of Paste Deploy is the same stack in both worlds.
func TestStacks(t *testing.T) {
	w := newWorlds(t)
	all, err := filepath.Glob("testdata/stacks/*.ini")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		name := filepath.Base(path)
		w := w
		t.Run(strings.TrimSuffix(name, ".ini"), func(t *testing.T) {
			if w.T = t; name == "codings.ini" && exec.Command(python3, "-c", "import brotli, zstandard").Run() != nil {
				missing(t, "brotli or zstandard for Python")
			}
			requests := slices.Concat(common(), special(strings.TrimSuffix(name, ".ini")))
			want, got := w.askGo(name, requests), w.askPython(name, requests)
			for i := range requests {
				if g, e := got[i].String(), want[i].String(); g != e {
					t.Errorf("%s: in Python\n%s\nin Go\n%s", title(requests[i]), g, e)
				}
			}
		})
	}
}
