package adapter

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/benchctl/benchctl/apps"
)

// ErrShort is returned by SendTo when the app's body ended before the
// Content-Length it had promised (A6). The connection must be cut (S7).
var ErrShort = errors.New("body shorter than its content-length")

var errNoAnswer = errors.New("app returned without an answer")

// Answer is the app's one answer, recorded during App.Serve and sent after it.
// Nothing is sent while the app runs, so that an error can still become a 500
// (S9). It implements Reply and Stream of apps.Response.
type Answer struct {
	Status   int      // 0 until answered
	Whole    []byte   // the body of Reply
	Streamed bool     // answered with Stream
	Open     *os.File // answered with a file, which is the adapter's to close
	Size     int64    // of the file in bytes

	blocks apps.Body // nil when there is none or it was closed
	first  []byte    // pulled before the headers are sent
}

// Reply records a whole body.
func (a *Answer) Reply(status int, body []byte) error {
	if a.Status != 0 {
		return apps.ErrAnswered
	}
	a.Status, a.Whole = status, body
	return nil
}

// Stream records an iterator of blocks. A body that comes too late is closed.
func (a *Answer) Stream(status int, body apps.Body) error {
	if a.Status != 0 {
		closeBody(body)
		return apps.ErrAnswered
	}
	a.Status, a.blocks, a.Streamed = status, body, true
	return nil
}

// TakeFile records a file, for engines that have a way of their own to send one:
// their adapters make it the method File of apps.FileReplier.
func (a *Answer) TakeFile(status int, path string) error {
	if a.Status != 0 {
		return apps.ErrAnswered
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	a.Status, a.Open, a.Size = status, f, info.Size()
	return nil
}

// Ask lets app answer req. If it fails, or its stream fails before the first
// block, the answer becomes an empty 500 and the error is returned; the adapter
// has then to remove the headers that the app had set.
//
// When the reply may have no body (S8) the stream is closed without being
// pulled. Otherwise its first block is pulled here, before any header is sent
// (S4).
func (a *Answer) Ask(app apps.App, req apps.Request, res apps.Response) error {
	err := call(app, req, res)
	switch {
	case err != nil:
	case a.Whole != nil: // which is most answers, and there is no more to be done for it
		return nil
	case a.Status == 0:
		err = errNoAnswer
	case a.Open != nil && !NoContent(a.Status): // of which HEAD tells the length
	case Bodiless(req.Method(), a.Status):
		a.Drop()
	case a.Streamed:
		err = a.begin()
	}
	if err != nil {
		log.Printf("app %s %q: %v", req.Method(), req.Path(), err)
		a.Drop()
		*a = Answer{Status: 500}
	}
	return err
}

// begin pulls the first non-empty block.
func (a *Answer) begin() error {
	for len(a.first) == 0 {
		block, err := a.next()
		if errors.Is(err, io.EOF) {
			a.Drop()
			return nil
		}
		if err != nil {
			return err
		}
		a.first = block
	}
	return nil
}

// SendTo sends the stream to w, one Write for each non-empty block, and closes
// it. w must pass each block on before Write returns (S5). length is the
// Content-Length that the app promised, -1 if none: the body is cut at it, and
// ErrShort returned when it is not reached (S7).
func (a *Answer) SendTo(w io.Writer, length int64) (sent int64, err error) {
	defer a.Drop()
	block := a.first
	for {
		if length >= 0 && int64(len(block)) > length-sent {
			block = block[:length-sent]
		}
		if len(block) > 0 {
			n, err := w.Write(block)
			sent += int64(n)
			if err != nil {
				return sent, err
			}
		}
		if sent == length {
			return sent, nil
		}
		block, err = a.next()
		if errors.Is(err, io.EOF) {
			return sent, short(sent, length)
		}
		if err != nil {
			log.Printf("app body after %d bytes: %v", sent, err)
			return sent, err
		}
	}
}

func short(sent, length int64) error {
	if sent < length {
		return ErrShort
	}
	return nil
}

// next is Body.Next, with a panic as an error and the end for a closed body.
func (a *Answer) next() (block []byte, err error) {
	if a.blocks == nil {
		return nil, io.EOF
	}
	defer recovered(&err)
	return a.blocks.Next()
}

// Drop closes the stream or the file, if there is one that is still open (S6).
func (a *Answer) Drop() {
	if a.Open != nil {
		_ = a.Open.Close() // it was only read
		a.Open = nil
	}
	if a.blocks == nil {
		return
	}
	closeBody(a.blocks)
	a.blocks, a.first = nil, nil
}

func closeBody(body apps.Body) {
	if err := tryClose(body); err != nil {
		log.Printf("app body close: %v", err)
	}
}

func tryClose(body apps.Body) (err error) {
	defer recovered(&err)
	return body.Close()
}

func call(app apps.App, req apps.Request, res apps.Response) (err error) {
	defer recovered(&err)
	return app.Serve(req, res)
}

func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v", p)
	}
}

// Bodiless reports whether a reply with status to method has no body whatever
// the app gives (RFC 9110 sections 9.3.2 and 15).
func Bodiless(method string, status int) bool {
	return method == "HEAD" || NoContent(status)
}

// NoContent reports whether status never has a body, nor a Content-Length
// (RFC 9110 section 8.6).
func NoContent(status int) bool {
	return status == 204 || status == 304 || status < 200
}
