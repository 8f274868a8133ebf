package suite

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/benchctl/benchctl/apps"
)

// StaticFiles are the files that the static apps answer with, by the name of their
// app, for servers that serve them without an app.
func StaticFiles() map[string][]byte {
	files := map[string][]byte{}
	for _, s := range All() {
		if f, ok := staticOf(s); ok {
			files[s.Name] = patternBytes(f.size)
		}
	}
	return files
}

func staticOf(s Spec) (*static, bool) {
	if s.service == nil {
		return nil, false
	}
	f, ok := s.service().(*static)
	return f, ok
}

func staticSpec(name string, size int64) Spec {
	return Spec{
		Name: name, Doc: "a file of " + strconv.FormatInt(size>>10, 10) + " KiB, in the server's own way",
		Methods: get(),
		service: func() service { return &static{name: name, size: size} },
		exchange: func(Args) Exchange {
			e := patterned(size)
			e.Type = typeBytes
			return e
		},
	}
}

// static answers with a file, which is there from its start to its stop. A server
// that offers apps.FileReplier sends it in its own way, another one as a stream.
type static struct {
	name string
	size int64
	path string // "" while it isn't there
}

// Start writes the file into a new directory of the system's for temporary files.
func (s *static) Start(context.Context) error {
	dir, err := os.MkdirTemp("", "benchctl-static-")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, s.name)
	if err := os.WriteFile(path, patternBytes(s.size), 0o600); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	s.path = path
	return nil
}

// Stop removes the file and its directory.
func (s *static) Stop(context.Context) error {
	if s.path == "" {
		return nil
	}
	dir := filepath.Dir(s.path)
	s.path = ""
	return os.RemoveAll(dir)
}

func (s *static) serve(_ Args, _ apps.Request, res apps.Response) error {
	if s.path == "" {
		return errors.New("app " + s.name + ": not started")
	}
	res.SetHeader("Content-Type", typeBytes)
	if r, ok := res.(apps.FileReplier); ok {
		return r.File(200, s.path)
	}
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	res.SetHeader("Content-Length", strconv.FormatInt(s.size, 10))
	return res.Stream(200, &fileBody{file: f, block: make([]byte, min(s.size, blockSize))})
}

// fileBody is a file, block by block.
type fileBody struct {
	file  *os.File
	block []byte
}

func (b *fileBody) Next() ([]byte, error) {
	n, err := b.file.Read(b.block)
	if n == 0 && err == nil {
		err = io.ErrNoProgress
	}
	return b.block[:n], err
}

func (b *fileBody) Close() error { return b.file.Close() }
