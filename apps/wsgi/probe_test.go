package wsgi_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

// probe is an app that answers as the query of a request asks, for tests of layers.
// testdata/probe.py is its twin.
type probe struct{}

func (probe) About() stack.About { return stack.About{Name: "probe", Doc: "answers as it is asked"} }

func (probe) Make() (apps.App, error) { return apps.Func(answerProbe), nil }

var errOnPurpose = errors.New("failed on purpose")

func answerProbe(req apps.Request, res apps.Response) error {
	asked, err := url.ParseQuery(req.Query())
	if err != nil {
		return err
	}
	if asked.Has("read") {
		if _, err := io.ReadAll(req.Body()); err != nil {
			return err
		}
	}
	if asked.Has("wait") {
		if err := pause(req.Context(), asked.Get("wait")); err != nil {
			return err
		}
	}
	if asked.Has("fail") {
		return errOnPurpose
	}
	if err := visit(layers.SessionOf(req.Context()), asked); err != nil {
		return err
	}
	status := 200
	if asked.Has("status") {
		status = number(asked.Get("status"))
	}
	if status != 204 && status != 304 {
		res.SetHeader("Content-Type", cmp.Or(asked.Get("type"), apps.ContentTypeText))
	}
	for field := range strings.SplitSeq(req.Header("X-Set"), "|") {
		if name, value, _ := strings.Cut(field, ":"); name != "" {
			res.SetHeader(name, strings.TrimSpace(value))
		}
	}
	return reply(req, res, status, asked)
}

func reply(req apps.Request, res apps.Response, status int, asked url.Values) error {
	switch {
	case asked.Has("stream"):
		count, length, _ := strings.Cut(asked.Get("stream"), "x")
		b := &probeStream{ctx: req.Context(), blocks: number(count), length: number(length), late: -1, pause: asked.Get("pause")}
		if asked.Has("late") {
			b.late = number(asked.Get("late"))
		}
		if asked.Has("length") {
			res.SetHeader("Content-Length", strconv.Itoa(b.blocks*b.length))
		}
		return res.Stream(status, b)
	case asked.Has("whole"):
		return res.Reply(status, cut(0, number(asked.Get("whole"))))
	case status == 204 || status == 304:
		return res.Reply(status, nil)
	}
	return res.Reply(status, tell(req))
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

// text is what bodies are cut from.
var text = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	for n := range 1000 {
		fmt.Fprintf(&b, "%07d all libraries make this shorter\n", n)
	}
	return b.Bytes()
})

func cut(from, length int) []byte { return text()[from : from+length : from+length] }

func pause(ctx context.Context, ms string) error {
	select {
	case <-time.After(time.Duration(number(ms)) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func visit(s *layers.SessionState, asked url.Values) error {
	if s == nil {
		return nil
	}
	if asked.Has("visit") {
		n, _ := strconv.Atoi(s.Get("visits"))
		if err := s.Set("visits", strconv.Itoa(n+1)); err != nil {
			return err
		}
	}
	if asked.Has("name") {
		if err := s.Set("name", asked.Get("name")); err != nil {
			return err
		}
	}
	if asked.Has("forget") {
		return s.Clear()
	}
	return nil
}

// tell is what the layers outside tell.
func tell(req apps.Request) []byte {
	ctx := req.Context()
	client, cookies, session := layers.ClientOf(req), map[string]string{}, map[string]string{}
	address := ""
	if client.Addr.IsValid() {
		address = client.Addr.String()
	}
	for name, value := range layers.CookiesOf(ctx).All() {
		if _, twice := cookies[name]; !twice {
			cookies[name] = value
		}
	}
	if s := layers.SessionOf(ctx); s != nil {
		session = s.All()
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string]any{
		"method": req.Method(), "path": req.Path(), "user": layers.UserOf(ctx), "id": len(layers.RequestIDOf(ctx)),
		"client": address + " " + client.Proto, "cookies": cookies, "session": session,
	}); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(text.Bytes())
}

// probeStream is a stream that fails after some blocks.
type probeStream struct {
	ctx                  context.Context //nolint:containedctx // of the request
	blocks, length, late int
	pause                string
	sent                 int
}

func (b *probeStream) Next() ([]byte, error) {
	if b.sent == b.late {
		return nil, errOnPurpose
	}
	if b.sent == b.blocks {
		return nil, io.EOF
	}
	if b.pause != "" {
		if err := pause(b.ctx, b.pause); err != nil {
			return nil, err
		}
	}
	b.sent++
	return cut((b.sent-1)*b.length, b.length), nil
}

func (b *probeStream) Close() error { return nil }
