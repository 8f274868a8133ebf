package gnet

import (
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Bounds of a request. What is longer is refused.
const (
	maxHead = 64 << 10 // bytes of the request line and the header together
	maxLine = 32 << 10 // bytes of the request line
	maxBody = 64 << 20 // bytes, as it is kept whole
)

// refusal is the answer to a malformed or too long request. The connection ends after
// it, as the beginning of the next request is unknown.
type refusal struct {
	status int
	why    string
}

func (r *refusal) Error() string { return fmt.Sprintf("%d: %s", r.status, r.why) }

func refuse(status int, why string) *refusal { return &refusal{status, why} }

func malformed(why string) *refusal { return refuse(http.StatusBadRequest, why) }

// field is a header field.
type field struct{ name, value string }

// head is a request without its body. It shares no memory with what it was parsed
// from.
type head struct {
	method string
	path   string // percent-decoded
	query  string // raw
	host   string // of a target in absolute form
	fields []field
	length int64 // of the body in bytes, -1 if it is chunked
	minor  int   // HTTP/1.minor
	close  bool  // the connection ends after the reply
	expect bool  // "Expect: 100-continue"
}

// header is the value of the first field of that name, "" if there is none. The host
// of a target takes the place of that of the field (RFC 9112 section 3.2.2).
func (h *head) header(name string) string {
	if h.host != "" && strings.EqualFold(name, "Host") {
		return h.host
	}
	for i := range h.fields {
		if isNamed(h.fields[i].name, name) {
			return h.fields[i].value
		}
	}
	return ""
}

// isNamed tells whether a field has that name, in any case. Most names differ in length.
func isNamed(field, name string) bool {
	return len(field) == len(name) && strings.EqualFold(field, name)
}

var endOfHead = []byte("\r\n\r\n")

// parse reads the head that b begins with and returns its length, 0 if it has not
// come to its end (RFC 9112 sections 2 to 6).
func parse(b []byte, h *head) (n int, f *refusal) {
	skipped := 0
	for len(b) >= 2 && b[0] == '\r' && b[1] == '\n' { // before a request (section 2.2)
		b = b[2:]
		skipped += 2
	}
	if skipped > maxHead {
		return 0, malformed("line ends and no request")
	}
	end := bytes.Index(b[:min(len(b), maxHead)], endOfHead)
	if end < 0 {
		return 0, unfinished(b)
	}
	text := string(b[:end])
	line, rest, _ := strings.Cut(text, "\r\n")
	*h = head{fields: h.fields[:0]}
	if f := h.parseLine(line); f != nil {
		return 0, f
	}
	for rest != "" {
		line, rest, _ = strings.Cut(rest, "\r\n")
		one, f := parseField(line)
		if f != nil {
			return 0, f
		}
		h.fields = append(h.fields, one)
	}
	return skipped + end + len(endOfHead), h.frame()
}

// unfinished refuses a head that has not come to its end and will never be right.
func unfinished(b []byte) *refusal {
	line, _, _ := bytes.Cut(b, []byte("\r"))
	switch {
	case len(line) > maxLine:
		return refuse(http.StatusRequestURITooLong, "the request line is too long")
	case hasBareLineEnd(b):
		return malformed("a CR or LF alone")
	case len(b) >= maxHead:
		return refuse(http.StatusRequestHeaderFieldsTooLarge, "the header is too long")
	}
	return nil
}

// hasBareLineEnd reports whether b has a CR without an LF after it, but at its end, or an LF
// without a CR before it. Who takes either for the end of a line waits for a reply.
func hasBareLineEnd(b []byte) bool {
	for i, c := range b {
		if c == '\n' && (i == 0 || b[i-1] != '\r') || i > 0 && b[i-1] == '\r' && c != '\n' {
			return true
		}
	}
	return false
}

// parseLine reads a request line (RFC 9112 section 3).
func (h *head) parseLine(line string) *refusal {
	if len(line) > maxLine {
		return refuse(http.StatusRequestURITooLong, "the request line is too long")
	}
	method, rest, _ := strings.Cut(line, " ")
	target, version, ok := strings.Cut(rest, " ")
	if !ok || !isToken(method) || target == "" {
		return malformed("not a request line")
	}
	if f := h.parseVersion(version); f != nil {
		return f
	}
	h.method = method
	return h.parseTarget(target)
}

// parseVersion takes a later HTTP/1 for HTTP/1.1 (RFC 9110 section 2.5).
func (h *head) parseVersion(version string) *refusal {
	digits, ok := strings.CutPrefix(version, "HTTP/")
	if !ok || len(digits) != len("1.1") || !isDigit(digits[0]) || digits[1] != '.' || !isDigit(digits[2]) {
		return malformed("not a version of HTTP")
	}
	switch {
	case digits[0] != '1':
		return refuse(http.StatusHTTPVersionNotSupported, "not HTTP/1")
	case digits[2] == '0':
		h.close = true
	default:
		h.minor = 1
	}
	return nil
}

// parseTarget takes the origin form, the absolute form and the asterisk (RFC 9112
// section 3.2).
func (h *head) parseTarget(target string) *refusal {
	if target == "*" && h.method == http.MethodOptions {
		h.path = target
		return nil
	}
	if rest, ok := cutScheme(target); ok {
		at := strings.IndexAny(rest, "/?")
		if at < 0 {
			at = len(rest)
		}
		if h.host = rest[:at]; h.host == "" || !isHost(h.host) {
			return malformed("a target without a valid host")
		}
		if target = rest[at:]; !strings.HasPrefix(target, "/") {
			target = "/" + target
		}
	}
	if target[0] != '/' {
		return malformed("not a target")
	}
	if !isEncoded(target, ":@/?") {
		return malformed("a character or percent-encoding that no target has")
	}
	h.path, h.query, _ = strings.Cut(target, "?")
	if strings.IndexByte(h.path, '%') >= 0 {
		h.path, _ = url.PathUnescape(h.path) // it has no false one
	}
	return nil
}

func cutScheme(target string) (rest string, ok bool) {
	const scheme = "http://"
	if len(target) >= len(scheme) && strings.EqualFold(target[:len(scheme)], scheme) {
		return target[len(scheme):], true
	}
	return target, false
}

// parseField reads a field line (RFC 9112 section 5). A folded one begins with
// white space, which no name has.
func parseField(line string) (field, *refusal) {
	name, value, ok := strings.Cut(line, ":")
	if !ok || !isToken(name) {
		return field{}, malformed("not a field line")
	}
	value = strings.Trim(value, " \t")
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return field{}, malformed("a control character in a field")
		}
	}
	return field{name, value}, nil
}

// frame determines how long the body is, and whether the connection goes on (RFC 9112
// sections 3.2, 6 and 9).
func (h *head) frame() *refusal {
	hosts, lengths := 0, 0
	var codings []string
	for _, f := range h.fields {
		switch {
		case isNamed(f.name, "Host"):
			if hosts++; !isHost(f.value) {
				return malformed("a false Host")
			}
		case isNamed(f.name, "Content-Length"):
			n, ok := parseLength(f.value)
			if !ok || lengths > 0 && n != h.length {
				return malformed("a false Content-Length")
			}
			lengths++
			h.length = n
		case isNamed(f.name, "Transfer-Encoding"):
			codings = append(codings, strings.Split(f.value, ",")...)
		case isNamed(f.name, "Connection"):
			h.connection(f.value)
		case isNamed(f.name, "Expect"):
			h.expect = h.minor > 0 && strings.EqualFold(f.value, "100-continue")
		}
	}
	switch {
	case hosts > 1 || hosts == 0 && h.minor > 0:
		return malformed("not one Host")
	case codings != nil && (lengths > 0 || h.minor == 0):
		return malformed("a Transfer-Encoding with a Content-Length, or in HTTP/1.0")
	case h.length > maxBody:
		return refuse(http.StatusRequestEntityTooLarge, "the body is too long")
	case codings != nil:
		h.length = -1
	}
	return checkCodings(codings)
}

// checkCodings accepts chunked only. It refuses empty elements of the list, which a
// recipient should ignore (RFC 9110 section 5.6.1.2): implementations differ, and the end
// of a body must not be ambiguous.
func checkCodings(codings []string) *refusal {
	unknown := false
	for i, coding := range codings {
		name, _, parameters := strings.Cut(strings.Trim(coding, " \t"), ";")
		switch chunked := strings.EqualFold(name, "chunked"); {
		case !isToken(strings.TrimRight(name, " \t")):
			return malformed("not a Transfer-Encoding")
		case chunked && (parameters || i < len(codings)-1):
			return malformed("chunked with parameters, twice, or not the last Transfer-Encoding")
		case !chunked:
			unknown = true
		}
	}
	if unknown {
		return refuse(http.StatusNotImplemented, "an unknown Transfer-Encoding")
	}
	return nil
}

// connection takes the options of a Connection field (RFC 9112 section 9.3).
func (h *head) connection(value string) {
	for option := range strings.SplitSeq(value, ",") {
		switch option = strings.TrimSpace(option); {
		case strings.EqualFold(option, "close"):
			h.close = true
		case strings.EqualFold(option, "keep-alive") && h.minor == 0:
			h.close = false
		}
	}
}

func parseLength(text string) (int64, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// isToken reports whether s is a token (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// isHost tells whether s is a host with a port or without (RFC 3986 section 3.2.2,
// RFC 9110 section 7.2). It may be empty.
func isHost(s string) bool {
	host, port, _ := strings.Cut(s, ":")
	if literal, ok := strings.CutPrefix(s, "["); ok {
		if literal, port, ok = strings.Cut(literal, "]"); !ok || port != "" && port[0] != ':' {
			return false
		}
		host, port = "", strings.TrimPrefix(port, ":")
		if ip, err := netip.ParseAddr(literal); err != nil || !ip.Is6() || ip.Zone() != "" {
			return false
		}
	}
	return isEncoded(host, "") && strings.Trim(port, "0123456789") == ""
}

// isEncoded tells whether s has only unreserved characters, sub-delimiters, whole
// percent-encodings, and those in more (RFC 3986 section 2).
func isEncoded(s, more string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isLetter(c), isDigit(c), strings.IndexByte("-._~!$&'()*+,;=", c) >= 0, strings.IndexByte(more, c) >= 0:
		case c == '%' && len(s)-i > 2 && isHex(s[i+1]) && isHex(s[i+2]):
			i += 2
		default:
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isHex(c byte) bool    { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
