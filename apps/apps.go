package apps

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
)

// App answers HTTP requests. See the package documentation for the numbered
// duties of apps (A1 to A8) and servers (S1 to S16).
//
// An error from Serve means that the app could not answer: the server sends 500,
// or cuts the connection if the reply had begun (S9).
type App interface {
	Serve(Request, Response) error
}

// Func is an App made of one function.
type Func func(Request, Response) error

// Serve calls f.
func (f Func) Serve(req Request, res Response) error { return f(req, res) }

// Request is one HTTP request as the app sees it. It and everything it hands
// out is valid until the request is over (S2); copy what must live longer.
type Request interface {
	// Context ends when the request is over or, on servers that declare it,
	// when the client went away.
	Context() context.Context
	// Method is the request method, as sent (RFC 9110 section 9).
	Method() string
	// Path is the path of the target, percent-decoded, beginning with "/".
	Path() string
	// Query is the raw query of the target, without "?"; "" if there is none.
	Query() string
	// Header is the value of the named field, "" if absent. Names are matched
	// without regard to case. Host is that of the target, where it has one (RFC 9112
	// section 3.2.2).
	Header(name string) string
	// Peer is the address of the other end of the connection, with that of IPv4 as one of IPv4. It
	// is the zero AddrPort if there is none, as on a Unix socket.
	Peer() netip.AddrPort
	// ContentLength is the length of the body in bytes, -1 if it is chunked.
	ContentLength() int64
	// Body reads the request body, bounded by its framing (S3). Never nil.
	Body() io.Reader
}

// Response takes the app's one answer.
type Response interface {
	// SetHeader sets a field of the reply, replacing an earlier value. Each Set-Cookie is
	// another field, and replaces none (S15).
	SetHeader(name, value string)
	// Reply answers with a whole body, which may be empty.
	Reply(status int, body []byte) error
	// Stream answers with a body that the server pulls block by block. The
	// server closes the body exactly once (S6), also if Stream returns an error.
	Stream(status int, body Body) error
}

// FileReplier is a Response of a server with its own way to send a file, such as
// sendfile(2). It is optional: apps find it by a type assertion.
type FileReplier interface {
	// File answers with the content of the regular file at path, like Reply with the
	// same bytes, but the server may read and cache it like its other files. The file
	// does not change while it is served.
	File(status int, path string) error
}

// Body is the iterator of a streamed reply.
type Body interface {
	// Next returns the next block, valid until the following call, or io.EOF
	// when there is no more. Empty blocks are allowed and send nothing.
	Next() ([]byte, error)
	// Close releases what the body holds. It is called exactly once.
	Close() error
}

// Starter is an App with work to do before the first request. If Start fails
// the server does not become ready.
type Starter interface {
	Start(ctx context.Context) error
}

// Stopper is an App with work to do after the last request.
type Stopper interface {
	Stop(ctx context.Context) error
}

// Deviation is a duty that a server or an app is known to break.
type Deviation struct {
	Rule   string // its number: "A6"
	Reason string // for users: what happens instead, and why
}

// Router is an App that answers at certain paths alone, and 404 at others. It is optional: a
// server with routes of its own has one for each of these paths then, and none for all.
type Router interface {
	App
	// Paths are exact, such as "/hello". nil: they are not known.
	Paths() []string
}

// ErrAnswered is returned by Reply and Stream when the request has already been
// answered (A2).
var ErrAnswered = errors.New("request already answered")

// Repeats tells whether fields of a name are sent one beside the other, as Set-Cookie
// is, and not the last one alone (S15).
func Repeats(name string) bool {
	const setCookie = "Set-Cookie"
	return len(name) == len(setCookie) && strings.EqualFold(name, setCookie)
}

// ContentTypeText is the media type of the plain text that apps answer with.
const ContentTypeText = "text/plain"
