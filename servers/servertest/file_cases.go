package servertest

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/benchctl/benchctl/apps"
)

// fileCases are about apps.FileReplier. A server that does not offer it passes.
var fileCases = []testCase{
	{name: "S7 a small file is sent with its length", run: func(h *harness) error { return sendsFile(h, 100) }},
	{name: "S7 a large file is sent with its length", run: func(h *harness) error { return sendsFile(h, 1<<20) }},
	{name: "S7 a file is sent whole, with the app's status", run: sendsWhole},
	{name: "S9 a file that is not there is a 500", run: func(h *harness) error {
		c, err := h.startAndDial(func(_ apps.Request, res apps.Response) error {
			f, ok := res.(apps.FileReplier)
			if !ok {
				return errApp
			}
			return f.File(200, filepath.Join(os.TempDir(), "benchctl-no-such-file"))
		})
		if err != nil {
			return err
		}
		r, err := c.do("GET", get("/"))
		return want(r, err, 500, "")
	}},
}

// sendsWhole asks for a part of a file, and for it only if it has changed.
func sendsWhole(h *harness) (err error) {
	path, remove, err := file("the whole file")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	c, err := h.startAndDial(fileApp(path, "the whole file", 404))
	if err != nil {
		return err
	}
	since := "If-Modified-Since: " + time.Now().UTC().Add(time.Hour).Format(http.TimeFormat)
	for _, header := range []string{"Range: bytes=0-2", since, "If-None-Match: *"} {
		r, err := c.do("GET", get("/", header))
		if err := want(r, err, 404, "the whole file"); err != nil {
			return fmt.Errorf("%s: %w", header, err)
		}
	}
	return nil
}

// file makes a file with text, and returns its path and what removes it.
func file(text string) (path string, remove func() error, err error) {
	dir, err := os.MkdirTemp("", "servertest-")
	if err != nil {
		return "", nil, err
	}
	path = filepath.Join(dir, "file")
	return path, func() error { return os.RemoveAll(dir) }, os.WriteFile(path, []byte(text), 0o600)
}

// fileApp answers with the file at path, or with its text where files can't be.
func fileApp(path, text string, status int) apps.Func {
	return func(_ apps.Request, res apps.Response) error {
		res.SetHeader("Content-Type", "application/octet-stream")
		if f, ok := res.(apps.FileReplier); ok {
			return f.File(status, path)
		}
		return res.Reply(status, []byte(text))
	}
}

// sendsFile asks for a file, for its header, and for the file again.
func sendsFile(h *harness, size int) (err error) {
	text := strings.Repeat("0123456789", size/10)
	path, remove, err := file(text)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	c, err := h.startAndDial(fileApp(path, text, 200))
	if err != nil {
		return err
	}
	for _, method := range []string{"GET", "HEAD", "GET"} {
		r, err := c.do(method, request(method, "/", ""))
		body := text
		if method == "HEAD" {
			body = ""
		}
		if err := want(r, err, 200, body); err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		if r.ContentLength != int64(len(text)) || r.Header.Get("Content-Type") != "application/octet-stream" {
			return fmt.Errorf("%s: Content-Length is %d, not %d; header %v", method, r.ContentLength, len(text), r.Header)
		}
	}
	return nil
}
