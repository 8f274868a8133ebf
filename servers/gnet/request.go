package gnet

import (
	"bytes"
	"fmt"
	"net/http"
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

// refusal is the answer to a request that is malformed or too long. The connection
// ends after it, as nobody knows where the next request begins.
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
	host   string
	fields []field
	length int64 // of the body in bytes, -1 if it is chunked
	minor  int   // HTTP/1.minor
	close  bool  // the connection ends after the reply
	expect bool  // "Expect: 100-continue"
}

// header is the value of the first field of that name, "" if there is none.
func (h *head) header(name string) string {
	for i := range h.fields {
		if strings.EqualFold(h.fields[i].name, name) {
			return h.fields[i].value
		}
	}
	return ""
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
		return 0, incomplete(b)
	}
	text := string(b[:end])
	line, rest, _ := strings.Cut(text, "\r\n")
	*h = head{fields: h.fields[:0]}
	if f := h.parseLine(line); f != nil {
		return 0, f
	}
	for rest != "" {
		line, rest, _ = strings.Cut(rest, "\r\n")
		if f := h.parseField(line); f != nil {
			return 0, f
		}
	}
	return skipped + end + len(endOfHead), h.frame()
}

// incomplete refuses a head that will never be right.
func incomplete(b []byte) *refusal {
	line, _, whole := bytes.Cut(b, []byte("\n"))
	switch {
	case len(bytes.TrimSuffix(line, []byte("\r"))) > maxLine:
		return refuse(http.StatusRequestURITooLong, "the request line is too long")
	case whole && !bytes.HasSuffix(line, []byte("\r")):
		return malformed("a line ends with LF alone")
	case len(b) >= maxHead:
		return refuse(http.StatusRequestHeaderFieldsTooLarge, "the header is too long")
	}
	return nil
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
	switch {
	case version == "HTTP/1.1":
		h.minor = 1
	case version == "HTTP/1.0":
		h.close = true
	case len(version) == len("HTTP/1.1") && strings.HasPrefix(version, "HTTP/"):
		return refuse(http.StatusHTTPVersionNotSupported, "not HTTP/1.1 or HTTP/1.0")
	default:
		return malformed("not a version of HTTP")
	}
	h.method = method
	return h.parseTarget(target)
}

// parseTarget takes the origin form, the absolute form and the asterisk (RFC 9112
// section 3.2).
func (h *head) parseTarget(target string) *refusal {
	for i := range len(target) {
		if target[i] <= ' ' || target[i] >= 0x7f {
			return malformed("a character that no target has")
		}
	}
	if target == "*" && h.method == http.MethodOptions {
		h.path = target
		return nil
	}
	if rest, ok := cutScheme(target); ok {
		at := strings.IndexAny(rest, "/?")
		if at < 0 {
			at = len(rest)
		}
		if target = rest[at:]; !strings.HasPrefix(target, "/") {
			target = "/" + target
		}
	}
	if target[0] != '/' {
		return malformed("not a target")
	}
	path, query, _ := strings.Cut(target, "?")
	h.path, h.query = path, query
	if strings.IndexByte(path, '%') >= 0 {
		var err error
		if h.path, err = url.PathUnescape(path); err != nil {
			return malformed("a false percent-encoding")
		}
	}
	return nil
}

func cutScheme(target string) (rest string, ok bool) {
	if len(target) > 7 && strings.EqualFold(target[:7], "http://") {
		return target[7:], true
	}
	return target, false
}

// parseField reads a field line (RFC 9112 section 5). A folded one begins with
// white space, which no name has.
func (h *head) parseField(line string) *refusal {
	name, value, ok := strings.Cut(line, ":")
	if !ok || !isToken(name) {
		return malformed("not a header field")
	}
	value = strings.Trim(value, " \t")
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return malformed("a control character in a header field")
		}
	}
	h.fields = append(h.fields, field{name, value})
	return nil
}

// frame finds out how long the body is, and whether the connection goes on (RFC 9112
// sections 3.2, 6 and 9).
func (h *head) frame() *refusal {
	hosts, lengths := 0, 0
	chunked := false
	for _, f := range h.fields {
		switch {
		case strings.EqualFold(f.name, "Host"):
			hosts++
			h.host = f.value
		case strings.EqualFold(f.name, "Content-Length"):
			n, ok := parseLength(f.value)
			if !ok || lengths > 0 && n != h.length {
				return malformed("a false Content-Length")
			}
			lengths++
			h.length = n
		case strings.EqualFold(f.name, "Transfer-Encoding"):
			switch {
			case chunked || h.minor == 0:
				return malformed("a false Transfer-Encoding")
			case !strings.EqualFold(f.value, "chunked") && strings.Contains(strings.ToLower(f.value), "chunked"):
				return malformed("a Transfer-Encoding that does not end with chunked, or has others")
			case !strings.EqualFold(f.value, "chunked"):
				return refuse(http.StatusNotImplemented, "an unknown Transfer-Encoding")
			}
			chunked = true
		case strings.EqualFold(f.name, "Connection"):
			h.connection(f.value)
		case strings.EqualFold(f.name, "Expect"):
			h.expect = h.minor > 0 && strings.EqualFold(f.value, "100-continue")
		}
	}
	switch {
	case hosts > 1 || hosts == 0 && h.minor > 0 || !isHost(h.host):
		return malformed("not one valid Host")
	case chunked && lengths > 0:
		return malformed("both a Content-Length and a Transfer-Encoding")
	case h.length > maxBody:
		return refuse(http.StatusRequestEntityTooLarge, "the body is too long")
	case chunked:
		h.length = -1
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

// isToken tells whether s is a token (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// isHost tells whether s has only characters of a host and port (RFC 3986 section
// 3.2.2), or none.
func isHost(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~%!$&'()*+,;=:[]", c) >= 0) {
			return false
		}
	}
	return true
}
