package conform_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/wsgi"
)

const python = "/usr/bin/python3"

// wsgiServer is Python's own WSGI server with the twins, but that (CHANGE) is done to
// the environment, and that the body is one that ends: its own waits for bytes beyond.
const wsgiServer = `
import io
from wsgiref.simple_server import WSGIRequestHandler, make_server
from app import application

def changed(environ, start_response):
    chunked = "HTTP_TRANSFER_ENCODING" in environ
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    (CHANGE)
    return application(environ, start_response)

WSGIRequestHandler.log_message = lambda *args: None
server = make_server("127.0.0.1", 0, changed)
print(server.server_port, flush=True)
server.serve_forever()
`

// serveWSGI starts the server with a change, which is a statement of Python, and
// returns its address.
func serveWSGI(t *testing.T, change string) string {
	t.Helper()
	if _, err := exec.LookPath(python); err != nil {
		if ci, _ := strconv.ParseBool(os.Getenv("CI")); ci {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	for name, content := range wsgi.Files() {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, python, "-c", strings.Replace(wsgiServer, "(CHANGE)", change, 1))
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", wsgi.AppEnv+"=")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	lines := bufio.NewReader(out)
	port, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("%s: %v", change, err)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	return "127.0.0.1:" + strings.TrimSpace(port)
}

// A WSGI server that gives an app less or other than PEP 3333 asks is told what by the
// validator.
func TestPEP3333(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, change, want string }{
		{"missing", `del environ["SERVER_NAME"]`, "GET: AssertionError: Environment missing required key: 'SERVER_NAME'"},
		{"no scheme", `del environ["wsgi.url_scheme"]`, "GET: KeyError: 'wsgi.url_scheme'"},
		{"not a dict", `environ = type("Other", (dict,), {})(environ)`, "GET: AssertionError: Environment is not of the right type"},
		{"a number", `environ["SERVER_PORT"] = 80`, "GET: AssertionError: Environmental variable SERVER_PORT is not a string"},
		{"bytes", `environ["PATH_INFO "] = b"/"`, "Environmental variable PATH_INFO  is not a string"},
		{"version", `environ["wsgi.version"] = [1, 0]`, "wsgi.version should be a tuple ([1, 0])"},
		{"root", `environ["SCRIPT_NAME"] = "/"`, "SCRIPT_NAME cannot be '/'"},
		{"field's number", `environ["CONTENT_LENGTH"] = "-1" if body else ""`, "POST: AssertionError: Invalid CONTENT_LENGTH: '-1'"},
		{"no iterator", `environ["wsgi.input"] = type("Input", (), {"read": 0, "readline": 0, "readlines": 0})()`, "doesn't have the attribute __iter__"},
		{"text", `environ["wsgi.input"] = io.StringIO(body.decode())`, "POST: AssertionError"},
		{"cut", `environ["wsgi.input"] = io.BytesIO(body[:-1])`, "POST: EOFError: request body: 1 bytes are missing"},
		{"errors in bytes", `environ["wsgi.errors"] = io.BytesIO()`, "GET: TypeError: "},
		{"chunks alone", `environ["wsgi.input_terminated"] = chunked; environ["wsgi.input"] = io.StringIO(" ") if chunked else io.BytesIO(body)`, "POST with chunks: AssertionError"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := conform.One(t.Context(), conform.Target{Address: serveWSGI(t, c.change)}, "pep-3333")
			if f.Err == nil || !strings.Contains(f.Err.Error(), c.want) {
				t.Errorf("%v %s, want %s", f.Err, f.Skipped, c.want)
			}
			if conform.Gated([]conform.Finding{f}) != nil {
				t.Error("it fails the gate")
			}
		})
	}
	for name, change := range map[string]string{
		"itself":        `pass`,
		"CGI's fields":  `environ["HTTP_CONTENT_TYPE"] = environ["HTTP_CONTENT_LENGTH"] = "1"`,
		"its own names": `environ["server.value"] = 1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if f := conform.One(t.Context(), conform.Target{Address: serveWSGI(t, change)}, "pep-3333"); f.Err != nil || f.Skipped != "" {
				t.Errorf("%v %s", f.Err, f.Skipped)
			}
		})
	}
}
