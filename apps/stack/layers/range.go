package layers

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// Range answers GET with the parts of a 200 reply that the client asks for: one as the body of a
// 206, several as multipart/byteranges. The body is one that came whole, or a stream or file
// whose Content-Length the app sets. Of a whole body no byte is copied; of a stream, what lies before a
// part is pulled and dropped, and what lies behind the last one is not pulled.
//
// Ranges that overlap, are out of order, more than MaxRanges or not well formed are ignored, so
// that the client gets all (RFC 9110 section 14.2). So are those of encoded replies: it
// belongs inside of compress, and outside of etag, whose conditions go before (section 13.2.2).
type Range struct {
	MaxRanges int `stack:"max-ranges" default:"16" min:"1" max:"1000" doc:"ranges of a request at most; one with more gets the whole body"`
}

// About implements stack.Layer.
func (Range) About() stack.About {
	return stack.About{Name: "range", Doc: "answers with the parts of a body that are asked for (RFC 9110 section 14)"}
}

// keptByRange are the fields that it has to know or changes.
var keptByRange = []string{
	"Content-Type", "Content-Length", "Content-Encoding", "Content-Range", "Accept-Ranges", "ETag", "Last-Modified", "Content-Digest", "Content-Disposition", "Content-Language", "Repr-Digest",
}

// Wrap implements stack.Layer.
func (l Range) Wrap(next apps.App) (apps.App, error) {
	return &ranging{
		all:  reviewed(next, true, keptByRange, offerRanges),
		part: reviewed(next, false, keptByRange, l.answer),
	}, nil
}

// ranging is the app of Range.
type ranging struct {
	all  apps.App // for requests of the whole
	part apps.App
}

// Serve implements apps.App. Range is defined for GET alone (RFC 9110 section 14.2).
func (w *ranging) Serve(req apps.Request, res apps.Response) error {
	if req.Header("Range") != "" && req.Method() == "GET" {
		return w.part.Serve(req, res)
	}
	return w.all.Serve(req, res)
}

// offerRanges says of replies that have parts that there are parts.
func offerRanges(r *review, _ apps.Response, a *stack.Answer) error {
	method := r.Method()
	if hasParts(r, a) && (method == "GET" || method == "HEAD") {
		r.set("Accept-Ranges", "bytes")
	}
	return nil
}

func hasParts(r *review, a *stack.Answer) bool {
	return a.Status == 200 && r.field("Content-Encoding") == "" && r.field("Content-Range") == "" && !strings.EqualFold(r.field("Accept-Ranges"), "none") &&
		(a.File != "" || r.length(a) >= 0)
}

func (l Range) answer(r *review, _ apps.Response, a *stack.Answer) error {
	if !hasParts(r, a) {
		return nil
	}
	r.set("Accept-Ranges", "bytes")
	if !unchanged(r) {
		return nil
	}
	size := r.length(a)
	parts, ok := spans(r.Header("Range"), size, l.MaxRanges)
	switch {
	case !ok:
	case len(parts) == 0:
		return unsatisfiable(r, a, size)
	case len(parts) == 1:
		onePart(r, a, parts[0], size)
	default:
		manyParts(r, a, parts, size)
	}
	return nil
}

// unchanged tells whether If-Range holds, if there is one (RFC 9110 section 13.1.5).
func unchanged(r *review) bool {
	condition := r.Header("If-Range")
	switch {
	case condition == "":
		return true
	case strings.HasPrefix(condition, `"`) || isWeak(condition):
		return sameStrong(condition, r.field("ETag"))
	}
	c, known := compareDates(condition, r.field("Last-Modified"))
	return known && c == 0
}

// unsatisfiable answers that no part asked for is in the body (RFC 9110 section 15.5.17).
func unsatisfiable(r *review, a *stack.Answer, size int64) error {
	err := r.instead(a, stack.Answer{Status: 416, Whole: []byte("no such range\n")})
	r.set("Content-Type", apps.ContentTypeText)
	r.set("Content-Range", "bytes */"+strconv.FormatInt(size, 10))
	return err
}

// onePart answers with a single part (RFC 9110 section 15.3.7.1).
func onePart(r *review, a *stack.Answer, s span, size int64) {
	a.Status = 206
	r.set("Content-Range", s.of(size))
	r.take("Content-Digest") // which was of the whole; Repr-Digest still is
	if a.Body == nil {
		a.Whole = a.Whole[s.from:s.to:s.to]
		r.take("Content-Length")
		return
	}
	a.Body = &parted{Body: a.Body, parts: []part{{span: s}}}
	r.set("Content-Length", strconv.FormatInt(s.to-s.from, 10))
}

// manyParts answers with several parts (RFC 9110 section 15.3.7.2, RFC 2046 section 5.1).
func manyParts(r *review, a *stack.Answer, all []span, size int64) {
	boundary := rand.Text()
	end := "\r\n--" + boundary + "--\r\n"
	body := &parted{Body: a.Body, end: []byte(end)}
	if a.Body == nil {
		body.Body = &wholeBody{rest: a.Whole}
	}
	total := int64(len(end))
	for i, s := range all {
		head := "--" + boundary + "\r\n"
		if i > 0 {
			head = "\r\n" + head
		}
		if t := r.field("Content-Type"); t != "" {
			head += "Content-Type: " + t + "\r\n"
		}
		head += "Content-Range: " + s.of(size) + "\r\n\r\n"
		body.parts = append(body.parts, part{[]byte(head), s})
		total += int64(len(head)) + s.to - s.from
	}
	*a = stack.Answer{Status: 206, Body: body}
	r.set("Content-Type", "multipart/byteranges; boundary="+boundary)
	r.set("Content-Length", strconv.FormatInt(total, 10))
	r.take("Content-Digest")
}

// span is a part of a body, from a byte up to the one before another.
type span struct{ from, to int64 }

// of is the field Content-Range of a part (RFC 9110 section 14.4).
func (s span) of(size int64) string { return fmt.Sprintf("bytes %d-%d/%d", s.from, s.to-1, size) }

// spans reads the field Range (RFC 9110 section 14.1.2) for a body of size bytes, and leaves out
// what lies behind its end. It is not ok if the field is to be ignored.
func spans(field string, size int64, most int) (all []span, ok bool) {
	unit, set, found := strings.Cut(field, "=")
	if !found || !strings.EqualFold(unit, "bytes") {
		return nil, false
	}
	n := 0
	for one := range listed(set) {
		s, ok := readSpan(one, size)
		if n++; !ok || n > most {
			return nil, false
		}
		switch {
		case s.from >= s.to:
		case len(all) > 0 && s.from < all[len(all)-1].to:
			return nil, false
		default:
			all = append(all, s)
		}
	}
	return all, n > 0
}

// readSpan reads "first-last", "first-" or "-suffix". What lies behind the end is an empty span.
func readSpan(text string, size int64) (s span, ok bool) {
	first, last, ok := strings.Cut(text, "-")
	from, okFrom := position(first)
	to, okTo := position(last)
	switch {
	case !ok || first == "" && last == "" || !okFrom || !okTo:
		return span{}, false
	case first == "" && to > 0 && size == 0: // satisfied by all of nothing, of which no Content-Range can tell
		return span{}, false
	case first == "":
		return span{max(size-to, 0), size}, true
	case last == "":
		return span{from, size}, true
	case to < from:
		return span{}, false
	}
	return span{from, min(to, size-1) + 1}, true
}

// position reads digits. What is beyond an int64 is behind every end; none are 0.
func position(digits string) (n int64, ok bool) {
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	if digits == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil || errors.Is(err, strconv.ErrRange) // n is the greatest then
}

// skipper is a body that leaves out what is next faster than by making it.
type skipper interface{ skip(bytes int64) error }

// part is a part of a body, and what is sent before it.
type part struct {
	head []byte
	span
}

// parted is a body of parts of another, in the order in which they are there.
type parted struct {
	apps.Body
	parts []part
	end   []byte // sent behind the last

	block []byte // of Body, that is not used yet
	at    int64  // where block begins
}

// Next implements apps.Body.
func (b *parted) Next() ([]byte, error) {
	for len(b.parts) > 0 {
		p := &b.parts[0]
		switch {
		case len(p.head) > 0:
			head := p.head
			p.head = nil
			return head, nil
		case p.from == p.to:
			b.parts = b.parts[1:]
			continue
		case b.at < p.from && len(b.block) == 0:
			if s, ok := b.Body.(skipper); ok {
				if err := s.skip(p.from - b.at); err != nil {
					return nil, err
				}
				b.at = p.from
			}
		}
		out, err := b.take(p)
		if err != nil || len(out) > 0 {
			return out, err
		}
	}
	if len(b.end) == 0 {
		return nil, io.EOF
	}
	end := b.end
	b.end = nil
	return end, nil
}

// take is what the next block has of a part, which begins no earlier.
func (b *parted) take(p *part) ([]byte, error) {
	if len(b.block) == 0 {
		var err error
		if b.block, err = b.Body.Next(); errors.Is(err, io.EOF) {
			return nil, io.ErrUnexpectedEOF // shorter than the app had promised (A6)
		} else if err != nil {
			return nil, err
		}
	}
	before := min(p.from-b.at, int64(len(b.block)))
	n := min(p.to-p.from, int64(len(b.block))-before)
	out := b.block[before : before+n]
	b.block = b.block[before+n:]
	b.at += before + n
	p.from += n
	return out, nil
}

// wholeBody is a whole body as one block.
type wholeBody struct{ rest []byte }

// Next implements apps.Body.
func (b *wholeBody) Next() ([]byte, error) {
	block := b.rest
	if b.rest = nil; len(block) == 0 {
		return nil, io.EOF
	}
	return block, nil
}

func (b *wholeBody) Close() error { return nil }
