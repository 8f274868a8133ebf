package conform

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Requests that are unusual or malformed. "{host}" stands for the server's address.
const (
	noHost           = "GET /hello HTTP/1.1\r\n\r\n"
	twoHosts         = "GET /hello HTTP/1.1\r\nHost: {host}\r\nHost: other.example\r\n\r\n"
	invalidHost      = "GET /hello HTTP/1.1\r\nHost: not a host\r\n\r\n"
	spaceBeforeColon = "GET /hello HTTP/1.1\r\nHost: {host}\r\nX-Field : value\r\n\r\n"
	bareLF           = "GET /hello HTTP/1.1\nHost: {host}\n\n"
	noVersion        = "GET /hello\r\nHost: {host}\r\n\r\n"
	fourWords        = "GET /hello and HTTP/1.1\r\nHost: {host}\r\n\r\n"
	unknownVersion   = "GET /hello HTTP/9.9\r\nHost: {host}\r\n\r\n"
)

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
	return func(p *probe) error {
		_, res, err := p.ask(text)
		return oneOf(text, res, err, statuses...)
	}
}

// oneOf wants a reply with one of the statuses.
func oneOf(text string, res *reply, err error, statuses ...int) error {
	if err == nil && slices.Contains(statuses, res.StatusCode) {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("status is %d", res.StatusCode)
	}
	return fmt.Errorf("%s: %w, not %s", first(text), err, alternatives(statuses))
}

// first is the beginning of a request, to name it by.
func first(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return fmt.Sprintf("%.40q", strings.TrimRight(line, "\r"))
}

func alternatives(statuses []int) string {
	var out []string
	for _, s := range statuses {
		out = append(out, strconv.Itoa(s))
	}
	return strings.Join(out, " or ")
}

// refused makes a check that wants a request refused with a status.
func refused(text string, status int) func(*probe) error { return answered(text, status) }

// refusedAll makes a check that wants each of the requests refused with a status.
func refusedAll(status int, texts ...string) func(*probe) error {
	return func(p *probe) error {
		var errs []error
		for _, text := range texts {
			errs = append(errs, refused(text, status)(p))
		}
		return errors.Join(errs...)
	}
}

// fieldOr400 makes a check that wants a request with such a field refused, or the
// app to see it with the offending characters as spaces.
func fieldOr400(value string) func(*probe) error {
	text := "GET /headers?count=1 HTTP/1.1\r\nHost: {host}\r\nX-Bench-0: " + value + "\r\n\r\n"
	return func(p *probe) error {
		_, res, err := p.ask(text)
		if err != nil {
			return err
		}
		got := res.Header.Get("X-Reply-0")
		if res.StatusCode == http.StatusOK && strings.Join(strings.Fields(got), " ") == "a b" && !strings.ContainsAny(got, "\r\n\x00") {
			return nil
		}
		if res.StatusCode != http.StatusBadRequest {
			return fmt.Errorf("a field with the value %q: status is %d and the app saw %q", value, res.StatusCode, got)
		}
		return nil
	}
}

func checkAbsoluteForm(p *probe) error {
	_, res, err := p.ask("GET http://{host}/hello HTTP/1.1\r\nHost: {host}\r\n\r\n")
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK || string(res.body) != "Hello, World!" {
		return fmt.Errorf("GET http://%s/hello: status %d, body %.40q", p.Address, res.StatusCode, res.body)
	}
	return nil
}

func checkVersion(p *probe) error {
	_, res, err := p.ask(unknownVersion)
	if err != nil {
		return err
	}
	if res.StatusCode < 400 {
		return fmt.Errorf("HTTP/9.9: status is %d, not an error", res.StatusCode)
	}
	return nil
}

// checkLongTarget takes the app's own 404, or its refusal of the parameter, for a
// sign that the target was taken.
func checkLongTarget(p *probe) error {
	text := "GET /no-such-app?" + strings.Repeat("a", long) + " HTTP/1.1\r\nHost: {host}\r\n\r\n"
	return answered(text, http.StatusRequestURITooLong, http.StatusNotFound)(p)
}
