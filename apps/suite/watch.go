package suite

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/benchctl/benchctl/apps"
)

// What the app "watch" notes about its reply, a letter for each event. The notes
// lie in a file, as the request that asks for them may reach another process.
const (
	WatchOpened = 'o' // the first block was asked for
	WatchBlock  = '.' // another one was
	WatchClosed = 'c' // the body was closed
)

// watchBlock is the length of a block, in bytes.
const watchBlock = 1024

const maxWatch = 1000000000

func idParam() Param {
	return Param{Name: "id", Default: 0, Min: 0, Max: maxWatch, Doc: "name of the record"}
}

// watchSpec shows the life of a reply: whether the server asks for its blocks, and
// closes it once, also if the client has left.
func watchSpec() Spec {
	return Spec{
		Name: "watch", Doc: "a stream that records how the server reads and closes it",
		Methods: get(), Probe: true,
		Params: []Param{
			idParam(),
			{Name: "chunks", Default: 300, Min: 1, Max: 1000, Doc: "chunks of the reply's body, of 1 KiB"},
			{Name: "ms", Default: 10, Min: 0, Max: 1000, Doc: "milliseconds between two chunks"},
		},
		handler: func() handler {
			return func(a Args, req apps.Request, res apps.Response) error {
				res.SetHeader("Content-Type", apps.ContentTypeText)
				return res.Stream(200, &watched{ctx: req.Context(), path: watchPath(a[0]), left: a[1], pause: milliseconds(a[2])})
			}
		},
	}
}

func watchPath(id int64) string {
	return filepath.Join(os.TempDir(), "benchctl-watch-"+strconv.FormatInt(id, 10))
}

// watched is a body that notes what happens to it.
type watched struct {
	ctx   context.Context
	path  string
	pause time.Duration
	sent  int64
	left  int64
}

func (w *watched) Next() ([]byte, error) {
	if w.left == 0 {
		return nil, io.EOF
	}
	event := byte(WatchOpened)
	if w.sent > 0 {
		if err := wait(w.ctx, w.pause); err != nil {
			return nil, err
		}
		event = WatchBlock
	}
	if err := w.note(event); err != nil {
		return nil, err
	}
	b := block(w.sent*watchBlock, watchBlock)
	w.sent++
	w.left--
	return b, nil
}

func (w *watched) Close() error { return w.note(WatchClosed) }

// note follows no link: others may write to the directory.
func (w *watched) note(event byte) error {
	f, err := os.OpenFile(w.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte{event})
	return errors.Join(err, f.Close())
}

// watchedSpec returns the notes of "watch".
func watchedSpec() Spec {
	return Spec{
		Name: "watched", Doc: "the record of watch",
		Methods: get(), Probe: true,
		Params: []Param{idParam()},
		handler: func() handler {
			return func(a Args, _ apps.Request, res apps.Response) error {
				notes, err := os.ReadFile(watchPath(a[0]))
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err
				}
				res.SetHeader("Content-Type", apps.ContentTypeText)
				return res.Reply(200, append(notes, '\n'))
			}
		},
	}
}
