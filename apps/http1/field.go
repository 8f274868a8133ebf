package http1

import "bytes"

var comma, semicolon = []byte{','}, []byte{';'}

// CutField cuts a field line, without its end, into name and value (RFC 9112 section
// 5). It returns false for one with space around the name, or control characters: a
// folded line is to be unfolded before.
func CutField(line []byte) (name, value []byte, ok bool) {
	i := 0
	for i < len(line) && classes[line[i]]&token != 0 {
		i++
	}
	if i == 0 || i == len(line) || line[i] != ':' {
		return nil, nil, false
	}
	name, value = line[:i], line[i+1:]
	for len(value) > 0 && (value[0] == ' ' || value[0] == '\t') {
		value = value[1:]
	}
	for n := len(value); n > 0 && (value[n-1] == ' ' || value[n-1] == '\t'); n-- {
		value = value[:n-1]
	}
	return name, value, validValue(value)
}

// validValue reports whether b has no control characters but HTAB (RFC 9110
// section 5.5).
func validValue(b []byte) bool {
	for _, c := range b {
		if classes[c]&text == 0 {
			return false
		}
	}
	return true
}

// equalFold reports whether b is lower, which is in lower case, in any case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func hexDigit(c byte) int64 {
	switch {
	case c >= '0' && c <= '9':
		return int64(c - '0')
	case c >= 'a' && c <= 'f':
		return int64(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int64(c-'A') + 10
	}
	return -1
}

// Classes of bytes.
const (
	token = 1 << iota // may be in a field name (RFC 9110 section 5.6.2)
	text              // may be in a field value (RFC 9110 section 5.5)
)

var classes = func() (t [256]byte) {
	for c := range t {
		switch b := byte(c); {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), b) >= 0:
			t[c] = token | text
		case b == '\t', b >= ' ' && b != 0x7f:
			t[c] = text
		}
	}
	return t
}()
