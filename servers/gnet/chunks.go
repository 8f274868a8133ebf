package gnet

import (
	"bytes"
	"net/http"
	"strconv"
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
			if len(body)+k > maxBody {
				return n, body, refuse(http.StatusRequestEntityTooLarge, "the body is too long")
			}
			body = append(body, rest[:k]...)
			n += k
			if c.left -= int64(k); c.left > 0 {
				return n, body, nil
			}
			continue
		}
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			if len(rest) > maxChunkLine {
				return n, body, malformed("a chunk-size line is too long")
			}
			return n, body, nil
		}
		line := rest[:end]
		if len(line) == 0 || line[len(line)-1] != '\r' {
			return n, body, malformed("a line of a chunked body ends with LF alone")
		}
		if f := c.line(line[:len(line)-1]); f != nil {
			return n, body, f
		}
		n += end + 1
	}
	return n, body, nil
}

// line takes a line without its end.
func (c *chunks) line(line []byte) *refusal {
	switch {
	case c.inData:
		if c.inData = false; len(line) > 0 {
			return malformed("a chunk is longer than its size")
		}
	case c.trailer:
		if c.skipped += len(line); c.skipped > maxChunkLine {
			return refuse(http.StatusRequestHeaderFieldsTooLarge, "the trailer is too long")
		}
		c.done = len(line) == 0
	default:
		return c.size(line)
	}
	return nil
}

// size takes a chunk-size line.
func (c *chunks) size(line []byte) *refusal {
	digits, _, _ := bytes.Cut(line, []byte(";"))
	digits = bytes.TrimRight(digits, " \t")
	if len(digits) == 0 || len(digits) > 15 {
		return malformed("not a chunk size")
	}
	size, err := strconv.ParseUint(string(digits), 16, 63)
	if err != nil {
		return malformed("not a chunk size")
	}
	c.left = int64(size)
	c.inData, c.trailer = c.left > 0, c.left == 0
	return nil
}
