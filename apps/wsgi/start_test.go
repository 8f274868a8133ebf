package wsgi_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/wsgi"
)

const python3 = "/usr/bin/python3"

// missing skips the test, or fails it where everything must be there.
func missing(t *testing.T, what string) {
	t.Helper()
	if ci, _ := strconv.ParseBool(os.Getenv("CI")); ci {
		t.Fatalf("%s is not installed", what)
	}
	t.Skipf("%s is not installed", what)
}

// command prepares a program in a directory with the twins.
func command(t *testing.T, app, program string, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		missing(t, program)
	}
	dir := t.TempDir()
	for name, content := range wsgi.Files() {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), wsgi.AppEnv+"="+app, "PYTHONDONTWRITEBYTECODE=1")
	return cmd
}

func python(t *testing.T, app string, args ...string) *exec.Cmd {
	return command(t, app, python3, args...)
}

// simpleServer serves an application with the standard library's WSGI server.
const simpleServer = `
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server
WSGIRequestHandler.log_message = lambda *args: None
server = make_server("127.0.0.1", 0, application)
print("Listening at: http://127.0.0.1:%d" % server.server_port, file=sys.stderr, flush=True)
server.serve_forever()
`

// asyncApplication is a WSGI application that runs the ASGI one, an event loop for
// each request.
const asyncApplication = `
import asyncio
import asgi

def application(environ, start_response):
    left = int(environ.get("CONTENT_LENGTH") or 0)
    write = None

    async def receive():
        nonlocal left
        data = environ["wsgi.input"].read(min(left, 10000))
        left -= len(data)
        return {"type": "http.request", "body": data, "more_body": left > 0}

    async def send(message):
        nonlocal write
        if message["type"] == "http.response.start":
            assert all(name == name.lower() for name, _ in message["headers"])
            headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in message["headers"]]
            write = start_response("%d -" % message["status"], headers)
        else:
            write(message["body"])

    asyncio.run(asgi.application({
        "type": "http",
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "query_string": environ["QUERY_STRING"].encode("latin-1"),
        "headers": fields(environ),
    }, receive, send))
    return []

def fields(environ):
    out = [(k[5:], v) for k, v in environ.items() if k.startswith("HTTP_")]
    if environ.get("CONTENT_LENGTH"):
        out.append(("content-length", environ["CONTENT_LENGTH"]))
    return [(k.replace("_", "-").lower().encode(), v.encode("latin-1")) for k, v in out]
`

// servePython starts a Python server with the twins and returns its URL.
func servePython(t *testing.T, server, app string) string {
	t.Helper()
	switch server {
	case "wsgiref":
		return start(t, python(t, app, "-c", "from app import application\n"+simpleServer))
	case "validated": // the twin breaks PEP 3333 nowhere itself
		return start(t, python(t, app, "-c", "from wsgiref.validate import validator\nimport app\napplication = validator(app.application)\n"+simpleServer))
	case "asgi":
		return start(t, python(t, app, "-c", asyncApplication+simpleServer))
	case "uvicorn":
		if err := python(t, "", "-c", "import uvicorn").Run(); err != nil {
			missing(t, server)
		}
		return start(t, python(t, app, "-m", "uvicorn", "--interface=asgi3", "--port=0", "asgi:application"))
	default:
		return start(t, command(t, app, "/usr/bin/gunicorn", "--bind=127.0.0.1:0", "--worker-class=gthread", "--threads=2", "app:application"))
	}
}

var listening = regexp.MustCompile(`(?:Listening at:|running on) (http://127\.0\.0\.1:\d+)`)

// start starts a server in a process group of its own, waits until it tells where
// it listens, and stops it when the test ends.
func start(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(cmd) })
	lines := bufio.NewReader(out)
	var log string
	for {
		line, err := lines.ReadString('\n')
		log += line
		if m := listening.FindStringSubmatch(line); m != nil {
			go io.Copy(io.Discard, lines)
			return m[1]
		}
		if err != nil {
			t.Fatalf("%s did not start: %s", cmd.Path, log)
		}
	}
}

func stop(cmd *exec.Cmd) {
	group := -cmd.Process.Pid
	syscall.Kill(cmd.Process.Pid, syscall.SIGTERM)
	kill := time.AfterFunc(5*time.Second, func() { syscall.Kill(group, syscall.SIGKILL) })
	defer kill.Stop()
	cmd.Wait()
}

// bridge serves an app by net/http.
type bridge struct{ app apps.App }

func (b bridge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := b.app.Serve(request{r}, response{w, r.Method == "HEAD"}); err != nil {
		panic(http.ErrAbortHandler)
	}
}

type request struct{ *http.Request }

func (r request) Method() string       { return r.Request.Method }
func (r request) Path() string         { return r.URL.Path }
func (r request) Query() string        { return r.URL.RawQuery }
func (r request) ContentLength() int64 { return r.Request.ContentLength }
func (r request) Peer() netip.AddrPort { return netip.AddrPort{} }
func (r request) Body() io.Reader      { return r.Request.Body }

// Header has the host too, which net/http moves out of the header.
func (r request) Header(name string) string {
	if name == "Host" {
		return r.Host
	}
	return r.Request.Header.Get(name)
}

type response struct {
	http.ResponseWriter
	head bool
}

func (w response) SetHeader(name, value string) { w.Header().Set(name, value) }

func (w response) Reply(status int, body []byte) error {
	w.SetHeader("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if w.head {
		return nil
	}
	_, err := w.Write(body)
	return err
}

func (w response) Stream(status int, body apps.Body) error {
	defer body.Close()
	// Without it net/http reads away the request body before the first block.
	if err := http.NewResponseController(w.ResponseWriter).EnableFullDuplex(); err != nil {
		return err
	}
	w.WriteHeader(status)
	for !w.head {
		block, err := body.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			_, err = w.Write(block)
		}
		if err != nil {
			return err
		}
		w.ResponseWriter.(http.Flusher).Flush()
	}
	return nil
}
