package load

import (
	"bytes"
	"math"
)

// maxHead bounds the bytes of a head with its interim replies, of a chunk-size
// line and of a trailer section.
const maxHead = 64 << 10

// maxKept is the largest buffer a parser keeps for lines that come in pieces.
const maxKept = 2 << 10

// step is what a parser expects next.
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

// parser reads one HTTP/1.1 or HTTP/1.0 reply (RFC 9112) that arrives in any
// pieces, keeps nothing of it but an incomplete line, and rejects framing that
// two readers could understand in different ways.
type parser struct {
	status  int   // status code of the final reply
	size    int64 // body bytes so far
	left    int64 // bytes to come of the sized body or chunk; in the head: Content-Length, -1 without
	date    int64 // Date in s since 1970, the oldest if there are more; 0: none, or not dated
	used    int   // bytes of this head, chunk-size line or trailer section so far
	kept    []byte
	step    step
	head    bool // the request was HEAD
	dated   bool // Date is read
	minor   byte // HTTP/1.minor
	chunked bool
	close   bool // the connection ends after this reply
	keep    bool // the reply says keep-alive
	folded  bool // a field goes over several lines
}

// reset makes p ready for the reply to the next request.
func (p *parser) reset(head bool) {
	kept := p.kept[:0]
	if cap(kept) > maxKept {
		kept = nil
	}
	*p = parser{kept: kept, head: head, left: -1}
}

// begun tells whether p has taken anything of the reply.
func (p *parser) begun() bool { return p.step != stepStatus || p.used > 0 }

// whole tells whether the reply is complete.
func (p *parser) whole() bool { return p.step == stepWhole }

// end tells p that the connection ended, and whether that completes the reply.
func (p *parser) end() bool {
	if p.step == stepRest {
		p.step = stepWhole
	}
	return p.whole()
}

// next parses a prefix of b, which is not empty: either a block of the body, or
// as much of the rest as there is before one. It returns the length of the prefix.
func (p *parser) next(b []byte) (block []byte, n int, f *fault) {
	switch p.step {
	case stepRest:
		n = len(b)
	case stepSized, stepChunk:
		n = int(min(int64(len(b)), p.left))
		if p.left -= int64(n); p.left == 0 {
			if p.step = stepWhole; p.chunked {
				p.step = stepCRLF
			}
		}
	default:
		n, f = p.lines(b)
		return nil, n, f
	}
	p.size += int64(n)
	return b[:n], n, nil
}

// lines parses lines up to the next block of the body.
func (p *parser) lines(b []byte) (n int, f *fault) {
	for n < len(b) {
		cut := p.line
		if p.step == stepField || p.step == stepTrailer {
			cut = p.field
		}
		line, used := cut(b[n:])
		n += used
		if p.used += used; p.used > maxHead || p.step == stepCRLF && p.used > len("\r\n") {
			return n, faultLong
		}
		if line == nil {
			break
		}
		if len(line) < 2 || line[len(line)-2] != '\r' {
			return n, faultLine.in(line)
		}
		if f := p.take(line[:len(line)-2]); f != nil {
			return n, f.in(line)
		}
		if p.step == stepSized || p.step == stepRest || p.step == stepChunk || p.step == stepWhole {
			break
		}
	}
	return n, nil
}

// line cuts the line that b begins with, with its LF, and what was kept of it.
// It is nil while the line is incomplete.
func (p *parser) line(b []byte) (line []byte, n int) {
	end := bytes.IndexByte(b, '\n') + 1
	if end > 0 && len(p.kept) == 0 {
		return b[:end], end
	}
	if end == 0 {
		// More than maxHead is refused, so more need not be kept.
		p.kept = append(p.kept, b[:min(len(b), maxHead)]...)
		return nil, len(b)
	}
	p.kept = append(p.kept, b[:min(end, maxHead)]...)
	line = p.kept
	p.kept = line[:0]
	return line, end
}

// field cuts the field line that b begins with, or the empty line, as line does. A field
// line goes on where the next one begins with a space (obs-fold, RFC 9112 section 5.2), so
// it is incomplete until that is known.
func (p *parser) field(b []byte) (line []byte, n int) {
	if kept := len(p.kept); kept > 0 && p.kept[kept-1] == '\n' && !blank(b[0]) {
		line = p.kept
		p.kept = line[:0]
		return line, 0
	}
	end := 0
	for {
		lf := bytes.IndexByte(b[end:], '\n') + 1
		end += lf
		empty := len(p.kept)+end <= len("\r\n")
		switch {
		case lf == 0, end == len(b) && !empty:
			p.kept = append(p.kept, b[:min(len(b), maxHead)]...)
			return nil, len(b)
		case empty || !blank(b[end]):
			if len(p.kept) == 0 {
				return b[:end], end
			}
			p.kept = append(p.kept, b[:min(end, maxHead)]...)
			line = p.kept
			p.kept = line[:0]
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
			whole = append(bytes.TrimRight(whole, "\r \t"), ' ')
			part = bytes.TrimLeft(part, " \t")
		}
		whole = append(whole, part...)
	}
	return whole
}

// take takes a line without its CRLF.
func (p *parser) take(line []byte) *fault {
	if bytes.IndexByte(line, '\n') >= 0 { // which field alone lets through
		if line = unfold(line); line == nil {
			return faultLine
		}
		p.folded = true
	}
	switch p.step {
	case stepStatus:
		return p.takeStatus(line)
	case stepField:
		if len(line) == 0 {
			return p.takeHead()
		}
		return p.takeField(line)
	case stepSize:
		return p.takeSize(line)
	case stepCRLF:
		p.step, p.used = stepSize, 0
		if len(line) != 0 {
			return faultChunk
		}
	case stepTrailer:
		if len(line) == 0 {
			p.step = stepWhole
		} else if _, _, ok := cutField(line); !ok {
			return faultField
		}
	}
	return nil
}

// takeStatus parses a status line (RFC 9112 section 4). The space before an
// absent reason phrase may be absent too, as it is with many servers.
func (p *parser) takeStatus(line []byte) *fault {
	if len(line) < len("HTTP/1.1 200") || string(line[:7]) != "HTTP/1." || line[8] != ' ' {
		return faultStatusLine
	}
	if line[7] != '0' && line[7] != '1' || len(line) > 12 && line[12] != ' ' || !validValue(line[12:]) {
		return faultStatusLine
	}
	status := 0
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return faultStatusLine
		}
		status = status*10 + int(c-'0')
	}
	if status < 100 {
		return faultStatusLine
	}
	p.status, p.minor, p.step = status, line[7]-'0', stepField
	return nil
}

// takeField parses a header field line (RFC 9112 section 5).
func (p *parser) takeField(line []byte) *fault {
	name, value, ok := cutField(line)
	if !ok {
		return faultField
	}
	switch len(name) {
	case len("Date"):
		if p.dated && equalFold(name, "date") {
			p.takeDate(value)
		}
	case len("Connection"):
		if equalFold(name, "connection") {
			p.takeConnection(value)
		}
	case len("Content-Length"):
		if equalFold(name, "content-length") {
			return p.takeLength(value)
		}
	case len("Transfer-Encoding"):
		if equalFold(name, "transfer-encoding") {
			// No TE was sent, so chunked, once, is all that can come.
			if p.chunked || p.minor == 0 || !equalFold(value, "chunked") {
				return faultEncoding
			}
			p.chunked = true
		}
	}
	return nil
}

// takeConnection looks for the options that end or keep the connection
// (RFC 9112 section 9.3).
func (p *parser) takeConnection(value []byte) {
	for len(value) > 0 {
		var option []byte
		option, value, _ = bytes.Cut(value, comma)
		option = bytes.Trim(option, " \t")
		p.close = p.close || equalFold(option, "close")
		p.keep = p.keep || equalFold(option, "keep-alive")
	}
}

// takeDate notes the Date. One that is none tells nothing.
func (p *parser) takeDate(value []byte) {
	if unix, ok := parseDate(value); ok && (p.date == 0 || unix < p.date) {
		p.date = unix
	}
}

// takeLength parses Content-Length; the same one again is no harm (RFC 9112
// section 6.3, rule 5).
func (p *parser) takeLength(value []byte) *fault {
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
	if p.left >= 0 && p.left != n {
		return faultLengthField
	}
	p.left = n
	return nil
}

// takeHead ends a head: it skips an interim reply and frames the body of a final
// one (RFC 9112 section 6.3).
func (p *parser) takeHead() *fault {
	switch {
	case p.chunked && p.left >= 0:
		return faultBoth
	case p.status == 101:
		return faultSwitch
	case p.status < 200:
		// The bytes used count on, so that interim replies do not go on for ever.
		p.step, p.left, p.date, p.chunked, p.close, p.keep = stepStatus, -1, 0, false, false, false
		return nil
	}
	p.close = p.close || p.minor == 0 && !p.keep
	switch {
	case p.head || p.status == 204 || p.status == 304 || p.left == 0:
		p.step = stepWhole
	case p.chunked:
		p.step, p.used = stepSize, 0
	case p.left > 0:
		p.step = stepSized
	default:
		p.step, p.close = stepRest, true
	}
	return nil
}

// takeSize parses a chunk-size line (RFC 9112 section 7.1). Extensions mean
// nothing here.
func (p *parser) takeSize(line []byte) *fault {
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
	p.step, p.left, p.used = stepChunk, n, 0
	if n == 0 {
		p.step = stepTrailer
	}
	return nil
}
