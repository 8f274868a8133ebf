package gnet

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
)

// maxChunkLine bounds a chunk-size line and the trailer section, in bytes.
const maxChunkLine = 8 << 10

// chunks decodes a chunked body that comes in any pieces (RFC 9112 section 7.1).
// Extensions and trailers are read and left out.
type chunks struct {
	left    int64 // bytes to come of the chunk
	inData  bool  // within a chunk or before the line end that follows it
	trailer bool  // after the last chunk
	skipped int   // bytes of the trailer section so far
	done    bool
}

// take appends the data that b has to body, and returns how much of b was taken:
// less than all of it at the body's end, or before a line that is not whole.
func (c *chunks) take(b, body []byte) (n int, out []byte, f *refusal) {
	for !c.done {
		rest := b[n:]
		if c.inData && c.left > 0 {
			k := int(min(int64(len(rest)), c.left))
			body = append(body, rest[:k]...)
			n += k
			if c.left -= int64(k); c.left > 0 {
				return n, body, nil
			}
			continue
		}
		line, whole, f := c.cut(rest)
		if f == nil && whole {
			f = c.line(line, len(body))
		}
		if f != nil || !whole {
			return n, body, f
		}
		n += len(line) + len("\r\n")
	}
	return n, body, nil
}

// cut finds the line that b begins with, without its end. One that will never be
// right is refused before it is whole: whoever sent it may wait for that.
func (c *chunks) cut(b []byte) (line []byte, whole bool, f *refusal) {
	end := bytes.IndexAny(b, "\r\n")
	switch {
	case c.inData && end != 0 && len(b) > 0:
		return nil, false, malformed("a chunk is longer than its size")
	case end > maxChunkLine || end < 0 && len(b) > maxChunkLine:
		return nil, false, malformed("a line of a chunked body is too long")
	case end < 0 || end == len(b)-1 && b[end] == '\r':
		return nil, false, nil
	case b[end] == '\n' || b[end+1] != '\n':
		return nil, false, malformed("a CR or LF alone in a chunked body")
	}
	return b[:end], true, nil
}

// line takes a line without its end, after have bytes of the body.
func (c *chunks) line(line []byte, have int) *refusal {
	switch {
	case c.inData:
		c.inData = false
	case !c.trailer:
		return c.size(line, have)
	case len(line) == 0:
		c.done = true
	default:
		if c.skipped += len(line); c.skipped > maxChunkLine {
			return refuse(http.StatusRequestHeaderFieldsTooLarge, "the trailer is too long")
		}
		_, f := parseField(string(line))
		return f
	}
	return nil
}

// size takes a chunk-size line, after have bytes of the body.
func (c *chunks) size(line []byte, have int) *refusal {
	digits, extensions := string(line), ""
	if at := strings.IndexAny(digits, "; \t"); at >= 0 {
		digits, extensions = digits[:at], digits[at:]
	}
	for i := range len(digits) {
		if !isHex(digits[i]) {
			return malformed("not a chunk size")
		}
	}
	size, err := strconv.ParseInt(digits, 16, 64)
	switch {
	case err != nil: // none, or beyond all numbers
		return malformed("not a chunk size")
	case !areExtensions(extensions):
		return malformed("not a chunk extension")
	case size > int64(maxBody-have):
		return refuse(http.StatusRequestEntityTooLarge, "the body is too long")
	}
	c.left = size
	c.inData, c.trailer = size > 0, size == 0
	return nil
}

// areExtensions reports whether s is any number of chunk extensions (RFC 9112 section
// 7.1.1): each a semicolon and a name, maybe with a value, and white space around
// each of these but at the end.
func areExtensions(s string) bool {
	for s != "" {
		rest, ok := strings.CutPrefix(trimLeft(s), ";")
		if !ok {
			return false
		}
		name, rest := cutToken(trimLeft(rest))
		if name == "" {
			return false
		}
		if value, ok := strings.CutPrefix(trimLeft(rest), "="); ok {
			if rest, ok = cutValue(trimLeft(value)); !ok {
				return false
			}
		}
		s = rest
	}
	return true
}

func trimLeft(s string) string { return strings.TrimLeft(s, " \t") }

// cutToken cuts s after the token that it begins with, which may be empty.
func cutToken(s string) (token, rest string) {
	n := 0
	for n < len(s) && isToken(s[n:n+1]) {
		n++
	}
	return s[:n], s[n:]
}

// cutValue is what follows the token or quoted string that s begins with (RFC 9110
// section 5.6.4).
func cutValue(s string) (rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		token, rest := cutToken(s)
		return rest, token != ""
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[i+1:], true
		case c < ' ' && c != '\t' || c == 0x7f:
			return "", false
		case c == '\\':
			if i++; i < len(s) && (s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f) {
				return "", false
			}
		}
	}
	return "", false
}
