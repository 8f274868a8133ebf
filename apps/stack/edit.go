package stack

import (
	"sync"

	"github.com/benchctl/benchctl/apps"
)

// Answer is the answer of an app on its way to the client. One of Whole, Body and File is the
// body: File if it is not "", else Body if it is not nil, else Whole.
type Answer struct {
	Status int
	Whole  []byte    // not to be changed (A4); replace it
	Body   apps.Body // to be closed by who replaces it, or by the body that takes its place
	File   string    // path of a regular file
}

// Editor serves Next and lets Edit change each answer before it goes on. It holds nothing back: a
// stream passes as a stream. It allocates once for a stream, and not at all for a whole body.
type Editor struct {
	Next apps.App
	// Edit changes the answer to req in place, and sets fields of res, where those that Next set
	// are already. If it fails, the request has failed.
	Edit func(req apps.Request, res apps.Response, a *Answer) error
	// Fields are told to Edit's layer as Next sets them, where it wants to see or to change them.
	// It returns false to drop one. Nil: they go on as they are.
	Fields func(req apps.Request, name, value string) (string, bool)
	// Files has Next offered to answer with a file, if the server does that. Without, it
	// streams the file. Set it where Edit does not need the bytes.
	Files bool

	spare sync.Pool // of *editing
}

// Serve implements apps.App.
func (e *Editor) Serve(req apps.Request, res apps.Response) error {
	w, _ := e.spare.Get().(*editing)
	if w == nil {
		w = &editing{}
		w.files.editing = w
	}
	w.editor, w.req, w.Response = e, req, res
	err := e.Next.Serve(req, w.offered())
	if !w.streamed { // the body of a stream may hold it (S2)
		*w = editing{files: w.files}
		e.spare.Put(w)
	}
	return err
}

// editing is the Response that an Editor gives to Next, valid until Next returned.
type editing struct {
	apps.Response
	editor *Editor
	req    apps.Request
	answer Answer
	done   bool
	files  editingFile

	streamed bool
}

// editingFile is an editing whose app may answer with a file.
type editingFile struct{ *editing }

func (w *editing) offered() apps.Response {
	if _, ok := w.Response.(apps.FileReplier); ok && w.editor.Files {
		return &w.files
	}
	return w
}

func (w *editing) SetHeader(name, value string) {
	if w.editor.Fields != nil {
		var keep bool
		if value, keep = w.editor.Fields(w.req, name, value); !keep {
			return
		}
	}
	w.Response.SetHeader(name, value)
}

func (w *editing) Reply(status int, body []byte) error {
	return w.send(Answer{Status: status, Whole: body})
}

func (w *editing) Stream(status int, body apps.Body) error {
	w.streamed = true
	return w.send(Answer{Status: status, Body: body})
}

// File implements apps.FileReplier.
func (w *editingFile) File(status int, path string) error {
	return w.send(Answer{Status: status, File: path})
}

// send has the answer edited and gives it to the server.
func (w *editing) send(a Answer) error {
	w.answer = a
	if w.done {
		return refuse(&w.answer, apps.ErrAnswered)
	}
	w.done = true
	if err := w.editor.Edit(w.req, w.Response, &w.answer); err != nil {
		return refuse(&w.answer, err)
	}
	return w.answer.send(w.Response)
}

// refuse closes the body of an answer that is not sent for err.
func refuse(a *Answer, err error) error {
	if a.Body != nil {
		a.Body.Close()
	}
	return err
}

func (a *Answer) send(res apps.Response) error {
	switch {
	case a.File != "":
		return res.(apps.FileReplier).File(a.Status, a.File)
	case a.Body != nil:
		return res.Stream(a.Status, a.Body)
	}
	return res.Reply(a.Status, a.Whole)
}
