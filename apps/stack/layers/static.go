package layers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// Static is an app of the regular files below a directory. What leads out of it, by ".." or by a
// symbolic link, is not there. It lists no directory: that is the file Index in it, or not there
// either. The content type is by the name's extension, as package mime knows it.
//
// A server that has a way of its own to send files opens them by their path, after this app has looked
// at them: who may change links below the directory may slip one in between.
type Static struct {
	Dir      string `stack:"dir" required:"true" doc:"the directory"`
	Index    string `stack:"index" default:"index.html" doc:"the file that stands for its directory"`
	Dotfiles bool   `stack:"dotfiles" doc:"whether names that begin with a dot are there, beside .well-known"`
}

// About implements stack.Source.
func (Static) About() stack.About {
	return stack.About{Name: "static", Doc: "the files of a directory (RFC 9110 sections 8.3, 8.8.2)", Allocs: 12}
}

// Check implements stack.Checker.
func (s Static) Check() error {
	if s.Index != path.Base(s.Index) || !fs.ValidPath(s.Index) || s.Index == "." {
		return fmt.Errorf("index: %q is no name of a file", s.Index)
	}
	return nil
}

// Make implements stack.Source. It fails if there is no such directory.
func (s Static) Make() (apps.App, error) {
	root, err := os.OpenRoot(s.Dir)
	if err != nil {
		return nil, err
	}
	return &files{Static: s, root: root}, nil
}

// files is the app of Static.
type files struct {
	Static
	root  *os.Root
	spare sync.Pool // of *fileBody
}

// Stop implements apps.Stopper.
func (f *files) Stop(context.Context) error { return f.root.Close() }

// Serve implements apps.App.
func (f *files) Serve(req apps.Request, res apps.Response) error {
	if m := req.Method(); m != "GET" && m != "HEAD" {
		res.SetHeader("Allow", "GET, HEAD")
		return stack.Plain(res, 405, "method not allowed\n")
	}
	name, inside := strings.CutSuffix(strings.TrimPrefix(req.Path(), "/"), "/")
	name = cmp.Or(name, ".")
	if !fs.ValidPath(name) || strings.ContainsAny(name, "\x00\\") || !f.Dotfiles && hidden(name) {
		return stack.NotFound(res)
	}
	info, err := f.root.Stat(name)
	folder := err == nil && info.IsDir()
	if folder {
		name = path.Join(name, f.Index)
		info, err = f.root.Stat(name)
	}
	switch {
	case isBroken(err):
		return err
	case errors.Is(err, fs.ErrPermission):
		return stack.Plain(res, 403, "forbidden\n")
	case err != nil || !info.Mode().IsRegular() || inside && !folder:
		return stack.NotFound(res)
	case folder && !inside && req.Path() != "/":
		return redirect(req, res)
	}
	return f.send(res, name, info)
}

// hidden tells whether a part of the name begins with a dot, beside that of RFC 8615.
func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if len(part) > 1 && part[0] == '.' && part != ".well-known" {
			return true
		}
	}
	return false
}

// isBroken tells whether it is not for the name that there is no file.
func isBroken(err error) bool {
	for _, broken := range []error{syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, fs.ErrClosed} {
		if errors.Is(err, broken) {
			return true
		}
	}
	return false
}

// redirect asks for the directory by its name with a slash, from which what the index refers to
// is found. The reference is relative (RFC 3986 section 4.2), since the app may be mounted below a path.
func redirect(req apps.Request, res apps.Response) error {
	to := "./" + url.PathEscape(path.Base(req.Path())) + "/"
	if q := req.Query(); q != "" {
		to += "?" + q
	}
	res.SetHeader("Location", to)
	return stack.Plain(res, 301, "moved\n")
}

func (f *files) send(res apps.Response, name string, info fs.FileInfo) error {
	res.SetHeader("Content-Type", cmp.Or(mime.TypeByExtension(path.Ext(name)), "application/octet-stream"))
	if changed := info.ModTime(); changed.Before(time.Now()) { // none is in the future (RFC 9110 section 8.8.2.1)
		res.SetHeader("Last-Modified", changed.UTC().Format(http.TimeFormat))
	}
	if r, ok := res.(apps.FileReplier); ok {
		return r.File(200, filepath.Join(f.Dir, filepath.FromSlash(name)))
	}
	file, err := f.root.Open(name)
	if err != nil {
		return err
	}
	res.SetHeader("Content-Length", strconv.FormatInt(info.Size(), 10))
	body, _ := f.spare.Get().(*fileBody)
	if body == nil {
		body = &fileBody{home: &f.spare}
	}
	body.file = file
	return res.Stream(200, body)
}

// fileBody is a file, block by block.
type fileBody struct {
	file  *os.File
	block [64 << 10]byte
	home  *sync.Pool
}

// Next implements apps.Body.
func (b *fileBody) Next() ([]byte, error) {
	n, err := b.file.Read(b.block[:])
	if n == 0 {
		return nil, cmp.Or(err, io.ErrNoProgress)
	}
	return b.block[:n], nil
}

func (b *fileBody) skip(bytes int64) error {
	_, err := b.file.Seek(bytes, io.SeekCurrent)
	return err
}

// Close implements apps.Body.
func (b *fileBody) Close() error {
	err := b.file.Close()
	b.file = nil
	b.home.Put(b)
	return err
}
