// Package appstest asks apps in memory, for tests of apps and of layers around them.
package appstest

import (
	"io"
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/direct"
)

type (
	// Request is that of package direct.
	Request = direct.Request
	// Reply is that of package direct.
	Reply = direct.Reply
)

// Get is a request for a target with fields in pairs of name and value.
func Get(target string, fields ...string) Request { return Of("GET", target, "", fields...) }

// Of is a request with fields in pairs of name and value.
func Of(method, target, body string, fields ...string) Request {
	r := Request{Verb: method, Target: target, Body: body}
	for i := 0; i+1 < len(fields); i += 2 {
		r.Fields = append(r.Fields, [2]string{fields[i], fields[i+1]})
	}
	return r
}

// Ask has app answer r, and tells in Reply.Broken which duty it broke.
func Ask(app apps.App, r Request) Reply { return direct.Ask(app, r) }

// Serve has app answer r. The test fails where the app breaks a duty that shows here (A2, A8).
func Serve(t testing.TB, app apps.App, r Request) Reply {
	t.Helper()
	return kept(t, direct.Ask(app, r))
}

// ServeFiles is Serve by a server that offers apps.FileReplier.
func ServeFiles(t testing.TB, app apps.App, r Request) Reply {
	t.Helper()
	return kept(t, direct.AskFiles(app, r))
}

func kept(t testing.TB, r Reply) Reply {
	t.Helper()
	if r.Broken != "" {
		t.Errorf("appstest: %s", r.Broken)
	}
	return r
}

// Blocks is a Body of blocks, which counts how often it is closed.
type Blocks struct {
	All    []string
	Closed int
}

// Next implements apps.Body.
func (b *Blocks) Next() ([]byte, error) {
	if len(b.All) == 0 {
		return nil, io.EOF
	}
	block := b.All[0]
	b.All = b.All[1:]
	return []byte(block), nil
}

// Close implements apps.Body.
func (b *Blocks) Close() error {
	b.Closed++
	return nil
}
