package conform

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/benchctl/benchctl/apps/wsgi"
)

// Requests whose environments are validated. Bodies have lines, of which the app reads
// one by one, and a rest.
const (
	validatedBody  = "one\ntwo\nthree\nfour"
	validatedPlain = "GET /" + wsgi.Validate + " HTTP/1.1\r\nHost: {host}\r\n\r\n"
	validatedMany  = "GET /" + wsgi.Validate + " HTTP/1.1\r\nHost: {host}\r\nX-Field: one\r\nX-Field: two\r\nContent-Type: text/plain\r\nCookie: a=b\r\n\r\n"
	validatedSized = "POST /" + wsgi.Validate + " HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/plain\r\nContent-Length: 18\r\n\r\n" + validatedBody
	validatedChunk = "POST /" + wsgi.Validate + " HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n" + validatedBody + "\r\n0\r\n\r\n"
)

// checkPEP3333 asks the WSGI server's app to validate what it got from the server. It
// is of level Report: nobody sees it on the wire, the app answers correctly in spite of
// it, and the validator is one reading of the PEP.
func checkPEP3333(p *probe) error {
	for _, r := range []struct{ name, text, body string }{
		{"GET", validatedPlain, ""},
		{"GET with fields", validatedMany, ""},
		{"POST", validatedSized, validatedBody},
	} {
		_, res, err := p.ask(r.text)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if err := valid(res); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if res.StatusCode != http.StatusOK || string(res.body) != "valid\n"+r.body {
			return fmt.Errorf("%s: status %d, body %.60q: not 200 with \"valid\" and the request's body", r.name, res.StatusCode, res.body)
		}
	}
	// Whether a server decodes chunks is for another check.
	if _, res, err := p.ask(validatedChunk); err == nil && valid(res) != nil {
		return fmt.Errorf("POST with chunks: %w", valid(res))
	}
	return nil
}

// valid is what the validator said against the server, nil if that was nothing.
func valid(res *reply) error {
	text := strings.TrimSpace(string(res.body))
	if res.StatusCode != http.StatusInternalServerError || text == "" {
		return nil
	}
	return fmt.Errorf("%.1000s", text)
}
