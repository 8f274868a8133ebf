package conform

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps/suite"
)

// Requests that are unusual or malformed. "{host}" stands for the server's address.
const (
	noHost         = "GET /hello HTTP/1.1\r\n\r\n"
	twoHosts       = "GET /hello HTTP/1.1\r\nHost: {host}\r\nHost: other.example\r\n\r\n"
	invalidHost    = "GET /hello HTTP/1.1\r\nHost: not a host\r\n\r\n"
	bareLF         = "GET /hello HTTP/1.1\nHost: {host}\n\n"
	bareCR         = "GET /hello HTTP/1.1\rHost: {host}\r\n\r\n"
	noVersion      = "GET /hello\r\nHost: {host}\r\n\r\n"
	fourWords      = "GET /hello and HTTP/1.1\r\nHost: {host}\r\n\r\n"
	leadingLine    = "\r\nGET /hello HTTP/1.1\r\nHost: {host}\r\n\r\n"
	absolute       = "GET http://{host}/hello HTTP/1.1\r\nHost: {host}\r\n\r\n"
	unknownVersion = "HTTP/9.9"
)

// requestLine is a request with that line.
func requestLine(line string) string { return line + "\r\nHost: {host}\r\n\r\n" }

func version(v string) string { return requestLine("GET /hello " + v) }

func method(m string) string { return requestLine(m + " /hello HTTP/1.1") }

// fieldLine is a request with such a line among its fields.
func fieldLine(line string) string {
	return "GET /hello HTTP/1.1\r\nHost: {host}\r\n" + line + "\r\n\r\n"
}

// badVersions are none of HTTP/1.1 (RFC 9112 section 2.3: one digit, a point, one
// digit, in this case).
func badVersions() []variant {
	return quoted("version", version, unknownVersion, "HTTP/257.1", "HTTP/1.10", "HTTP/01.1", "HTTP/1.1x", "HTTP/1.", "HTTP/1", "http/1.1", "HTTQ/1.1")
}

// spacedLines have other white space than one space between words, which may be
// taken for it or not (RFC 9112 section 3).
func spacedLines() []variant {
	return quoted("request line", requestLine, "GET\t/hello\tHTTP/1.1", "GET  /hello  HTTP/1.1", "GET /hello HTTP/1.1 ", " GET /hello HTTP/1.1")
}

func badFieldLines() []variant {
	return quoted("field line", fieldLine, ": value", "X(Field: value", "X Field: value", "X-F\xc3\xa9ld: value", "X-F\x00ld: value", "X-Field")
}

// long is more than servers take in a line by default, most of them.
const long = 64 << 10

const moreFields = 1000

func hugeField() string {
	return "GET /hello HTTP/1.1\r\nHost: {host}\r\nX-Field: " + strings.Repeat("a", long) + "\r\n\r\n"
}

func manyFields() string {
	var b strings.Builder
	b.WriteString("GET /hello HTTP/1.1\r\nHost: {host}\r\n")
	for n := range moreFields {
		b.WriteString("X-Field-" + strconv.Itoa(n) + ": a\r\n")
	}
	return b.String() + "\r\n"
}

// answered makes a check that wants a reply with one of the statuses.
func answered(text string, statuses ...int) func(*probe) error {
	return tries(notOf(statuses...), variant{name: first(text), text: text})
}

// first is the beginning of a request, to name it by.
func first(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return fmt.Sprintf("%.40q", strings.TrimRight(line, "\r"))
}

// oneOf wants a reply with one of the statuses.
func oneOf(res *reply, err error, statuses ...int) error {
	if err == nil && slices.Contains(statuses, res.StatusCode) {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("status is %d", res.StatusCode)
	}
	return fmt.Errorf("%w, not %s", err, alternatives(statuses))
}

func alternatives(statuses []int) string {
	var out []string
	for _, s := range statuses {
		out = append(out, strconv.Itoa(s))
	}
	return strings.Join(out, " or ")
}

// notHello wants the reply to a right request.
func notHello(a answer) error {
	a.variant.body = helloBody
	return notTaken(a)
}

// helloBody is what the app hello says.
const helloBody = "Hello, World!"

// notHelloOrRefused wants it, or an error.
func notHelloOrRefused(a answer) error {
	if a.err == nil && a.res.StatusCode >= http.StatusBadRequest {
		return nil
	}
	return notHello(a)
}

// probed is the field that the gate sends and the app "seen" shows.
const probed = "X-Bench-0"

// seeing is a request to the app "seen" with those lines among its fields.
func seeing(lines string) string {
	return "GET /seen HTTP/1.1\r\nHost: {host}\r\n" + lines + "\r\n\r\n"
}

// probedValues are requests with such values of the probed field.
func probedValues(values ...string) []variant {
	return quoted("value", func(v string) string { return seeing(probed + ": " + v) }, values...)
}

// seenOtherwise makes what wants a request refused, or that the app sees the probed
// field as words with spaces between and around them.
func seenOtherwise(words string) func(answer) error {
	return func(a answer) error {
		if !a.whole() {
			return notRefused(a)
		}
		value, ok := suite.Seen(a.res.body, probed)
		switch {
		case !ok:
			return a.said()
		case strings.Join(strings.FieldsFunc(value, func(r rune) bool { return r == ' ' }), " ") != words:
			return fmt.Errorf("the app saw %q", value)
		}
		return nil
	}
}

// checkBareCR sends one in a value, where it is a space at most, and before what would
// be a field if it ended a line.
func checkBareCR(p *probe) error {
	return errors.Join(
		p.try(seenOtherwise("a b"), probedValues("a\rb", "\ra b", "a b\r")...),
		p.try(seenOtherwise(""), variant{name: "a field after a CR", text: seeing("X-Field: a\r" + probed + ": b")}))
}

// checkSpaceBeforeField sends it right after the request line.
func checkSpaceBeforeField(p *probe) error {
	return p.try(seenOtherwise(""), quoted("white space", func(s string) string {
		return "GET /seen HTTP/1.1\r\n" + s + probed + ": a\r\nHost: {host}\r\n\r\n"
	}, " ", "\t")...)
}

func checkRequestLine(p *probe) error {
	return errors.Join(
		p.try(notOf(400), variant{name: "no version", text: noVersion}, variant{name: "four words", text: fourWords}),
		p.try(notOf(400, 405, 501), quoted("method", method, "", "GE\x01T", "GE\x00T", "GE(T")...))
}

// otherHost is none that the server has.
const otherHost = "benchctl.example"

// checkAbsoluteHost takes the refusal of a host that is not the server's (RFC 9110
// section 7.4).
func checkAbsoluteHost(p *probe) error {
	return p.try(func(a answer) error {
		if a.err == nil && a.res.StatusCode == http.StatusMisdirectedRequest {
			return nil
		}
		if !a.whole() {
			return notOf(200, 421)(a)
		}
		host, ok := suite.Seen(a.res.body, "Host")
		switch {
		case !ok:
			return a.said()
		case host != otherHost:
			return fmt.Errorf("the app saw Host %q", host)
		}
		return nil
	}, variant{name: "http://" + otherHost, text: "GET http://" + otherHost + "/seen HTTP/1.1\r\nHost: {host}\r\n\r\n"})
}

// checkLongTarget takes the app's own 404, or its refusal of the parameter, for a
// sign that the target was taken.
func checkLongTarget(p *probe) error {
	text := "GET /no-such-app?" + strings.Repeat("a", long) + " HTTP/1.1\r\nHost: {host}\r\n\r\n"
	return answered(text, http.StatusRequestURITooLong, http.StatusNotFound)(p)
}
