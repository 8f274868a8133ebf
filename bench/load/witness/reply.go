package witness

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/benchctl/benchctl/apps/http1"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/wire"
)

// template is a request without its id, and its correct reply.
type template struct {
	before, after []byte // of the id
	want          load.Target
	ident         bool // the reply is that of the app "ident"
}

var blankLine = []byte("\r\n\r\n")

func newTemplate(address string, t load.Target) (*template, error) {
	t.Header = t.Header.Clone()
	t.Header.Del(suite.RequestID)
	encoded, err := wire.Encode(load.Config{Address: address, Targets: []load.Target{t}})
	if err != nil {
		return nil, err
	}
	head, body, _ := bytes.Cut(encoded[0].Bytes, blankLine)
	return &template{
		before: slices.Concat(head, []byte("\r\n"+suite.RequestID+": ")), after: slices.Concat(blankLine, body), want: t,
	}, nil
}

// request is the bytes of the request with an id.
func (t *template) request(id uint64) []byte {
	return slices.Concat(t.before, strconv.AppendUint(nil, id, 10), t.after)
}

// maxBody bounds what is kept of a body that is judged as a whole, in bytes.
const maxBody = 16 << 20

// reply is the reply to one request, which is read incrementally.
type reply struct {
	reader  http1.Reply
	want    *template
	id      uint64
	body    []byte // if it is judged as a whole
	differs bool   // the body is known to be wrong
	told    suite.Ident
}

// expect is the reply to come to the request with an id.
func (t *template) expect(id uint64) *reply {
	a := &reply{want: t, id: id}
	a.reader.Reset(t.want.Method == http.MethodHead)
	return a
}

// take reads the next bytes. Its error is an *http1.Fault: the bytes are no reply, or more
// than one.
func (a *reply) take(b []byte) error {
	for len(b) > 0 {
		if a.reader.Whole() {
			return http1.Trailing.In(b)
		}
		off := a.reader.Size
		block, n, fault := a.reader.Next(b)
		if fault != nil {
			return fault
		}
		if len(block) > 0 {
			a.compare(off, block)
		}
		b = b[n:]
	}
	return nil
}

// compare compares a block of the body, or keeps it.
func (a *reply) compare(off int64, block []byte) {
	switch {
	case a.want.ident || a.want.want.Whole != nil:
		if len(a.body)+len(block) > maxBody {
			a.differs = true
			return
		}
		a.body = append(a.body, block...)
	case a.want.want.Match != nil:
		a.differs = a.differs || !a.want.want.Match(off, block)
	}
}

// wrong describes what is wrong with a whole reply; "" if it is correct.
func (a *reply) wrong() string {
	want, status := &a.want.want, int(a.reader.Status)
	switch {
	case want.Status == 0 && status/100 != 2, want.Status != 0 && want.Status != status:
		return fmt.Sprintf("status is %d", status)
	case want.Length >= 0 && want.Length != a.reader.Size:
		return fmt.Sprintf("body has %d bytes, not %d", a.reader.Size, want.Length)
	case a.want.ident:
		return a.misidentified()
	case a.differs, want.Whole != nil && !want.Whole(a.body):
		return wire.WrongBody.Cause
	}
	return ""
}

// misidentified describes what is wrong with a reply of the app "ident".
func (a *reply) misidentified() string {
	var ok bool
	if a.told, ok = suite.ParseIdent(a.body); !ok {
		return fmt.Sprintf("body is not the app's: %q", http1.Excerpt(a.body, 0))
	}
	if a.told.ID != strconv.FormatUint(a.id, 10) {
		return "the reply is that to request " + a.told.ID
	}
	return ""
}
