package layers

import (
	"strconv"
	"strings"
	"sync"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// reviewer serves an app for a layer that must know some fields of the answer, or take them back,
// which a Response can't. It keeps these until the app has answered. It allocates nothing for a
// whole body.
type reviewer struct {
	editor stack.Editor
	names  []string
	spare  sync.Pool // of *review
}

// review is a request with the fields of its answer that are kept.
type review struct {
	apps.Request
	names, values []string // side by side; "" is a field that is not set
	streamed      bool
}

// reviewed has edit see each answer of next with those of its fields that names lists. What is
// left of them goes on after it.
func reviewed(next apps.App, files bool, names []string, edit func(r *review, res apps.Response, a *stack.Answer) error) apps.App {
	return &reviewer{names: names, editor: stack.Editor{Next: next, Files: files, Fields: keep, Edit: func(req apps.Request, res apps.Response, a *stack.Answer) error {
		r := req.(*review)
		r.streamed = a.Body != nil
		if err := edit(r, res, a); err != nil {
			return err
		}
		for i, value := range r.values {
			if value != "" {
				res.SetHeader(r.names[i], value)
			}
		}
		return nil
	}}}
}

// keep is a hook for the fields of a stack.Editor.
func keep(req apps.Request, name, value string) (string, bool) {
	r := req.(*review)
	if i := r.index(name); i >= 0 {
		r.values[i] = value
		return "", false
	}
	return value, true
}

// Serve implements apps.App.
func (w *reviewer) Serve(req apps.Request, res apps.Response) error {
	r, _ := w.spare.Get().(*review)
	if r == nil {
		r = &review{names: w.names, values: make([]string, len(w.names))}
	}
	r.Request = req
	err := w.editor.Serve(r, res)
	if !r.streamed { // the body of a stream may hold it (S2)
		r.Request = nil
		clear(r.values)
		w.spare.Put(r)
	}
	return err
}

func (r *review) index(name string) int {
	for i, n := range r.names {
		if len(n) == len(name) && strings.EqualFold(n, name) {
			return i
		}
	}
	return -1
}

// field is the value of a field that is kept, "" if it is not set.
func (r *review) field(name string) string { return r.values[r.index(name)] }

// set changes a field that is kept; "" takes it back.
func (r *review) set(name, value string) { r.values[r.index(name)] = value }

// take takes fields back.
func (r *review) take(names ...string) {
	for _, n := range names {
		r.set(n, "")
	}
}

// length is the length of the body in bytes, -1 if it is not known. Content-Length is
// one of the fields that are kept.
func (r *review) length(a *stack.Answer) int64 {
	if a.Body == nil && a.File == "" {
		return int64(len(a.Whole))
	}
	n, err := strconv.ParseInt(r.field("Content-Length"), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// instead has another answer take the place of a, whose body is closed, and takes all fields back
// that are kept.
func (r *review) instead(a *stack.Answer, other stack.Answer) error {
	body := a.Body
	*a = other
	clear(r.values)
	if body == nil {
		return nil
	}
	return body.Close()
}
