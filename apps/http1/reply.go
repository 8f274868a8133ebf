// Package http1 reads replies of HTTP/1.1 and HTTP/1.0 (RFC 9112) incrementally, in pieces of
// any size, and refuses framing that two readers could understand in different ways. Both the
// conformance gate and the load use it, so that a reply that passes one is no fault for the
// other.
package http1

import (
	"bytes"
	"math"
	"net/http"
)

// maxHead bounds the bytes of a head with its interim replies, of a chunk-size
// line and of a trailer section.
const maxHead = 64 << 10

// maxKept is the largest buffer a Reply keeps for lines that come in pieces.
const maxKept = 2 << 10

// step is what is expected next.
type step uint8

const (
	stepStatus  step = iota // status line
	stepField               // header field line, or the empty one
	stepSized               // body of known length
	stepRest                // body until the connection ends
	stepSize                // chunk-size line
	stepChunk               // chunk data
	stepCRLF                // end of chunk data
	stepTrailer             // trailer field line, or the empty one
	stepWhole               // nothing: the reply is whole
)

// Reply reads one reply (RFC 9112) that arrives in any pieces. It keeps nothing of
// it but an incomplete line and, if they are wanted, the fields of the header. Reset
// makes it ready for a reply, and the next one. A load has one for each connection, so it
// is small.
type Reply struct {
	Size int64 // bytes of the body so far
	Wire int64 // bytes so far, of interim replies, head, framing and body
	// Date in s since 1970, the oldest if there are more; 0: there is none, or Dated
	// is not set.
	Date int64
	// Header takes the fields of the final reply's header if it is not nil; those of a
	// trailer are not merged into it (RFC 9110 section 6.5.1).
	Header http.Header
	// Status is the code of the final reply; until that has begun, of the last interim one.
	Status int16
	// Interims are the interim replies (1xx, RFC 9110 section 15.2) that came before.
	Interims uint16

	used  int32 // bytes of this head, chunk-size line or trailer section so far
	left  int64 // bytes to come of the sized body or chunk; in the head: Content-Length, -1 without
	kept  []byte
	step  step
	head  bool // the request was HEAD
	minor byte // HTTP/1.minor
	keep  bool // the reply says keep-alive

	Dated   bool // Date is to be read
	Chunked bool // the body comes in chunks
	Close   bool // the connection ends after this reply
	Folded  bool // a field goes over several lines, which a server must not send (RFC 9112 section 5.2)
}

// Reset makes r ready for the reply to a request, which may have been HEAD: its reply
// has no body, whatever the header says. Header and Dated are to be set again.
func (r *Reply) Reset(head bool) {
	kept := r.kept[:0]
	if cap(kept) > maxKept {
		kept = nil
	}
	*r = Reply{kept: kept, head: head, left: -1}
}

// Become makes r what other is, without the line that other may be in the midst of.
func (r *Reply) Become(other *Reply) {
	kept := r.kept
	*r = *other
	r.kept = kept
}

// Begun reports whether anything of the reply has come.
func (r *Reply) Begun() bool { return r.step != stepStatus || r.used > 0 }

// Headed reports whether the header of the final reply has come.
func (r *Reply) Headed() bool { return r.step > stepField }

// Whole reports whether the reply is complete.
func (r *Reply) Whole() bool { return r.step == stepWhole }

// End tells r that the connection ended. It returns whether the reply is whole: an end
// completes a body without length. Otherwise the fault is Cut.
func (r *Reply) End() bool {
	if r.step == stepRest {
		r.step = stepWhole
	}
	return r.Whole()
}

// Cut is the fault of a reply that is not whole when the connection ends, with the line
// that was cut, if one was.
func (r *Reply) Cut() *Fault {
	if len(r.kept) == 0 {
		return Cut
	}
	return Cut.In(r.kept)
}

// Next reads a prefix of b, which is not empty: either a block of the body, or as much
// of the rest as there is before one. It returns the length of the prefix. Nothing is
// to be read after a fault, nor once the reply is whole.
func (r *Reply) Next(b []byte) (block []byte, n int, f *Fault) {
	switch r.step {
	case stepRest:
		n = len(b)
	case stepSized, stepChunk:
		n = int(min(int64(len(b)), r.left))
		if r.left -= int64(n); r.left == 0 {
			if r.step = stepWhole; r.Chunked {
				r.step = stepCRLF
			}
		}
	default:
		n, f = r.lines(b)
		r.Wire += int64(n)
		return nil, n, f
	}
	r.Size += int64(n)
	r.Wire += int64(n)
	return b[:n], n, nil
}

// lines parses lines up to the next block of the body.
func (r *Reply) lines(b []byte) (n int, f *Fault) {
	for n < len(b) {
		var line []byte
		var used int
		if r.step == stepField || r.step == stepTrailer {
			line, used = r.field(b[n:])
		} else {
			line, used = r.line(b[n:])
		}
		n += used
		total := int(r.used) + used
		switch {
		case r.step == stepCRLF && total > len("\r\n"):
			return n, faultChunk.In(b[n-used:])
		case total > maxHead:
			return n, faultLong
		}
		r.used = int32(total)
		if line == nil {
			break
		}
		if len(line) < 2 || line[len(line)-2] != '\r' {
			return n, faultLine.In(line)
		}
		if f := r.take(line[:len(line)-2]); f != nil {
			return n, f.In(line)
		}
		if r.step == stepSized || r.step == stepRest || r.step == stepChunk || r.step == stepWhole {
			break
		}
	}
	return n, nil
}

// line cuts the line that b begins with, with its LF, and what was kept of it.
// It is nil while the line is incomplete.
func (r *Reply) line(b []byte) (line []byte, n int) {
	end := bytes.IndexByte(b, '\n') + 1
	if end > 0 && len(r.kept) == 0 {
		return b[:end], end
	}
	if end == 0 {
		// More than maxHead is refused, so more need not be kept.
		r.kept = append(r.kept, b[:min(len(b), maxHead)]...)
		return nil, len(b)
	}
	r.kept = append(r.kept, b[:min(end, maxHead)]...)
	line = r.kept
	r.kept = line[:0]
	return line, end
}

// field cuts the field line that b begins with, or the empty line, as line does. A field
// line goes on where the next one begins with a space (obs-fold, RFC 9112 section 5.2), so
// it is incomplete until that is known.
func (r *Reply) field(b []byte) (line []byte, n int) {
	if kept := len(r.kept); kept > 0 && r.kept[kept-1] == '\n' && !blank(b[0]) {
		line = r.kept
		r.kept = line[:0]
		return line, 0
	}
	end := 0
	for {
		lf := bytes.IndexByte(b[end:], '\n') + 1
		end += lf
		empty := len(r.kept)+end <= len("\r\n")
		switch {
		case lf == 0, end == len(b) && !empty:
			r.kept = append(r.kept, b[:min(len(b), maxHead)]...)
			return nil, len(b)
		case empty || !blank(b[end]):
			if len(r.kept) == 0 {
				return b[:end], end
			}
			r.kept = append(r.kept, b[:min(end, maxHead)]...)
			line = r.kept
			r.kept = line[:0]
			return line, end
		}
	}
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// unfold joins the lines of a field by a space, as a user agent must. It is nil if one of
// them does not end in CRLF.
func unfold(line []byte) []byte {
	var whole []byte
	for i, part := range bytes.Split(line, []byte("\n")) {
		if i > 0 {
			if len(whole) == 0 || whole[len(whole)-1] != '\r' {
				return nil
			}
			whole = append(bytes.TrimRight(whole[:len(whole)-1], " \t"), ' ')
			part = bytes.TrimLeft(part, " \t")
		}
		whole = append(whole, part...)
	}
	return whole
}

// take takes a line without its CRLF.
func (r *Reply) take(line []byte) *Fault {
	if bytes.IndexByte(line, '\n') >= 0 { // which field alone lets through
		if line = unfold(line); line == nil {
			return faultLine
		}
		r.Folded = true
	}
	switch r.step {
	case stepStatus:
		return r.takeStatus(line)
	case stepField:
		if len(line) == 0 {
			return r.takeHead()
		}
		return r.takeField(line)
	case stepSize:
		return r.takeSize(line)
	case stepCRLF:
		r.step, r.used = stepSize, 0
		if len(line) != 0 {
			return faultChunk
		}
	case stepTrailer:
		if len(line) == 0 {
			r.step = stepWhole
		} else if _, _, ok := CutField(line); !ok {
			return faultField
		}
	}
	return nil
}

// takeStatus parses a status line (RFC 9112 section 4). The space before an
// absent reason phrase may be absent too, as it is with many servers.
func (r *Reply) takeStatus(line []byte) *Fault {
	if len(line) < len("HTTP/1.1 200") || string(line[:7]) != "HTTP/1." || line[8] != ' ' {
		return faultStatusLine
	}
	if line[7] != '0' && line[7] != '1' || len(line) > 12 && line[12] != ' ' || !validValue(line[12:]) {
		return faultStatusLine
	}
	status := int16(0)
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return faultStatusLine
		}
		status = status*10 + int16(c-'0')
	}
	if status < 100 {
		return faultStatusLine
	}
	r.Status, r.minor, r.step = status, line[7]-'0', stepField
	return nil
}

// takeField parses a header field line (RFC 9112 section 5).
func (r *Reply) takeField(line []byte) *Fault {
	name, value, ok := CutField(line)
	if !ok {
		return faultField
	}
	if r.Header != nil {
		r.Header.Add(string(name), string(value))
	}
	switch len(name) {
	case len("Date"):
		if r.Dated && equalFold(name, "date") {
			r.takeDate(value)
		}
	case len("Connection"):
		if equalFold(name, "connection") {
			r.takeConnection(value)
		}
	case len("Content-Length"):
		if equalFold(name, "content-length") {
			return r.takeLength(value)
		}
	case len("Transfer-Encoding"):
		if equalFold(name, "transfer-encoding") {
			// No TE was sent, so chunked, once, is all that can come.
			if r.Chunked || r.minor == 0 || !equalFold(value, "chunked") {
				return faultEncoding
			}
			r.Chunked = true
		}
	}
	return nil
}

// takeConnection looks for the options that end or keep the connection
// (RFC 9112 section 9.3).
func (r *Reply) takeConnection(value []byte) {
	for len(value) > 0 {
		var option []byte
		option, value, _ = bytes.Cut(value, comma)
		option = bytes.Trim(option, " \t")
		r.Close = r.Close || equalFold(option, "close")
		r.keep = r.keep || equalFold(option, "keep-alive")
	}
}

// takeDate notes the Date. One that is none tells nothing.
func (r *Reply) takeDate(value []byte) {
	if unix, ok := ParseDate(value); ok && (r.Date == 0 || unix < r.Date) {
		r.Date = unix
	}
}

// takeLength parses Content-Length; the same one again is no harm (RFC 9112
// section 6.3, rule 5).
func (r *Reply) takeLength(value []byte) *Fault {
	if len(value) == 0 {
		return faultLengthField
	}
	var n int64
	for _, c := range value {
		d := int64(c) - '0'
		if d < 0 || d > 9 || n > (math.MaxInt64-d)/10 {
			return faultLengthField
		}
		n = n*10 + d
	}
	if r.left >= 0 && r.left != n {
		return faultLengthField
	}
	r.left = n
	return nil
}

// takeHead ends a head: it skips an interim reply and frames the body of a final
// one (RFC 9112 section 6.3).
func (r *Reply) takeHead() *Fault {
	switch {
	case r.Chunked && r.left >= 0:
		return faultBoth
	case r.Status == 101:
		return Switch
	case r.Status < 200:
		// The bytes used count on, so that interim replies do not go on for ever.
		r.step, r.left, r.Date, r.Chunked, r.Close, r.keep = stepStatus, -1, 0, false, false, false
		r.Interims++
		clear(r.Header)
		return nil
	}
	r.Close = r.Close || r.minor == 0 && !r.keep
	switch {
	case r.head || r.Status == 204 || r.Status == 304 || r.left == 0:
		r.step = stepWhole
	case r.Chunked:
		r.step, r.used = stepSize, 0
	case r.left > 0:
		r.step = stepSized
	default:
		r.step, r.Close = stepRest, true
	}
	return nil
}

// takeSize parses a chunk-size line (RFC 9112 section 7.1). Extensions mean
// nothing here.
func (r *Reply) takeSize(line []byte) *Fault {
	size, extension, _ := bytes.Cut(line, semicolon)
	size = bytes.TrimRight(size, " \t")
	if len(size) == 0 || !validValue(extension) {
		return faultChunk
	}
	var n int64
	for _, c := range size {
		d := hexDigit(c)
		if d < 0 || n > math.MaxInt64>>4 {
			return faultChunk
		}
		n = n<<4 | d
	}
	r.step, r.left, r.used = stepChunk, n, 0
	if n == 0 {
		r.step = stepTrailer
	}
	return nil
}
