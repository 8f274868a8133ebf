package stacked

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/direct"
	"github.com/benchctl/benchctl/apps/stack/layers"
	"github.com/benchctl/benchctl/apps/suite"
)

// maxPlain is how long a body may be without its content coding, in bytes.
const maxPlain = 128 << 20

// checkSeed is of the requests that a check is made with.
const checkSeed = 1

// check tells why a load can't ask for the whole, nil if it can.
func (w *whole) check() error {
	if w.app == nil {
		return nil
	}
	for _, part := range w.inner.Parts() {
		for _, e := range append([]suite.Exchange{part.Exchange()}, part.Exchanges(checkSeed)...) {
			if err := w.change(&e); err != nil {
				return fmt.Errorf("app %s can't be measured: %w", w.name, err)
			}
		}
	}
	return nil
}

// alter makes an exchange with the app one with the whole. One that is not as check wants it has no right
// reply.
func (w *whole) alter(e *suite.Exchange) {
	if w.change(e) != nil {
		e.Length, e.Match, e.Whole = -1, nil, func([]byte) bool { return false }
	}
}

// change is alter, or tells why that can't be.
func (w *whole) change(e *suite.Exchange) error {
	for _, f := range w.fields {
		e.Header = withField(e.Header, f[0], f[1])
	}
	path, query, _ := strings.Cut(e.Target, "?")
	inner, err := suite.Parse(strings.TrimPrefix(e.Target, "/"))
	if err != nil {
		return err
	}
	if w.node != nil {
		path = w.path()
	}
	e.Target = path
	if query != "" && !w.sets {
		e.Target += "?" + query
	}
	if w.app == nil {
		return nil
	}
	replies, err := w.ask(direct.Request{Verb: e.Method, Target: path + "?" + quickly(inner), Fields: e.Header, Body: string(e.Body)})
	if err != nil {
		return err
	}
	return expect(e, replies)
}

// quickly is a query for the same reply without what the app waits or works for it.
func quickly(i suite.Instance) string {
	var all []string
	for n, p := range i.Spec.Params {
		value := i.Args[n]
		if p.Name == "ms" || p.Name == "us" {
			value = 0
		}
		all = append(all, p.Name+"="+strconv.FormatInt(value, 10))
	}
	return strings.Join(all, "&")
}

// ask has the whole answer a request several times: twice to a server without a way of its own to send
// files, and then to one that has it.
func (w *whole) ask(r direct.Request) (replies []direct.Reply, err error) {
	w.asking.Lock()
	defer w.asking.Unlock()
	ctx := context.Background()
	if s, ok := w.app.(apps.Starter); ok {
		if err := s.Start(ctx); err != nil {
			return nil, err
		}
	}
	for _, ask := range []func(apps.App, direct.Request) direct.Reply{direct.Ask, direct.Ask, direct.AskFiles} {
		replies = append(replies, ask(w.app, r))
	}
	if s, ok := w.app.(apps.Stopper); ok {
		err = s.Stop(ctx)
	}
	return replies, err
}

// expect makes the exchange with an app that with the whole, by what that has replied.
func expect(e *suite.Exchange, replies []direct.Reply) error {
	r := replies[0]
	switch {
	case r.Err != nil && e.Status == 500: // which the server answers with
		return nil
	case r.Err != nil:
		return r.Err
	case r.Broken != "":
		return errors.New(r.Broken)
	case r.Status != e.Status:
		return fmt.Errorf("it answers %d, where the app alone answers %d", r.Status, e.Status)
	}
	e.Replied = steady(replies, e.Match != nil)
	if body := []byte(r.Body()); !right(*e, body) {
		if err := expectCoded(e, r.Field("Content-Encoding"), body); err != nil {
			return err
		}
	}
	e.Chunked = r.Stream && r.Field("Content-Length") == ""
	if !r.Stream {
		e.Spread = 0
	}
	if e.Type != "" {
		e.Type, _, _ = strings.Cut(r.Field("Content-Type"), ";")
	}
	return nil
}

// right reports whether body is that of the exchange.
func right(e suite.Exchange, body []byte) bool {
	return (e.Length < 0 || e.Length == int64(len(body))) && (e.Match == nil || e.Match(0, body)) && (e.Whole == nil || e.Whole(body))
}

// expectCoded has the exchange expect the same body in a content coding. The bytes of a coding are those of
// each version of its library: what they decode to is compared.
func expectCoded(e *suite.Exchange, coding string, body []byte) error {
	if coding == "" {
		return errors.New("its body is not that of the app alone")
	}
	plain := *e
	coded := func(body []byte) bool {
		decoded, err := layers.Decode(coding, body, maxPlain)
		return err == nil && right(plain, decoded)
	}
	if !coded(body) {
		return fmt.Errorf("its body is not that of the app alone in the coding %s", coding)
	}
	e.Length, e.Match, e.Whole = -1, nil, coded
	return nil
}

// steady are the fields that all replies have alike, whoever asks and however the server sends files: not
// those of the body's framing and type, which have their own place in an exchange, nor the tag of a body
// whose bytes are not known beforehand.
func steady(replies []direct.Reply, known bool) (fields [][2]string) {
	for _, f := range replies[0].Fields {
		switch http.CanonicalHeaderKey(f[0]) {
		case "Content-Type", "Content-Length":
			continue
		case "Etag":
			if !known {
				continue
			}
		}
		if f[1] != "" && !slices.ContainsFunc(replies[1:], func(r direct.Reply) bool { return r.Field(f[0]) != f[1] }) {
			fields = append(fields, f)
		}
	}
	return fields
}
