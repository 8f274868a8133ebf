// Package conform is the conformance gate: checks over the wire that a server
// behaves as HTTP/1.1 asks while it carries a test app. Each check has an id, a
// level, and the rule that it checks. A server that fails a check of level Gate
// is not measured with that app: a reply that is wrong may well be fast.
package conform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
)

// Level says what a failed check means.
type Level string

// Levels.
const (
	Gate   Level = "gate"   // the app's cells are invalid
	Report Level = "report" // shown, nothing else
)

// Check is one case.
type Check struct {
	ID    string
	Level Level
	Rule  string                                    // in a sentence, with its source
	run   func(c *client, app suite.Instance) error // on a connection of its own
}

// Checks is every check, in the order they run.
func Checks() []Check {
	return []Check{
		{"reply", Gate, "the reply has the app's status, type, length and body, exactly (RFC 9110 section 6; app semantics)", checkReply},
		{"head", Gate, "a reply to HEAD has no body (RFC 9110 section 9.3.2)", checkHead},
		{"keep-alive", Gate, "requests on one connection are all answered, or the server says that it closes (RFC 9112 section 9.3)", checkKeepAlive},
		{"close", Gate, "\"Connection: close\" is honoured (RFC 9112 section 9.6)", checkClose},
		{"not-found", Gate, "an unknown path is answered 404 (app semantics)", checkNotFound},
		{"method", Gate, "a method the app does not take is answered 405 with Allow (RFC 9110 section 15.5.6)", checkMethod},
		{"fresh", Gate, "Date, if there is one, is the time of the reply: no cache answers for the app (RFC 9110 section 6.6.1)", checkFresh},
		{"date", Report, "replies carry a Date (RFC 9110 section 6.6.1)", checkDate},
	}
}

// Finding is how one check went.
type Finding struct {
	Check
	Err error // nil: passed
}

// Timeout bounds one check, and what the app itself takes comes on top.
const Timeout = 5 * time.Second

// Run runs every check against the server at address, which carries app. If the
// server hangs at the first one, or ctx has ended, those that are left fail
// without being tried.
func Run(ctx context.Context, address string, app suite.Instance) []Finding {
	var all []Finding
	for i, c := range Checks() {
		if err := ctx.Err(); err != nil {
			all = append(all, Finding{c, fmt.Errorf("not tried: %w", err)})
			continue
		}
		if i > 0 && errors.Is(all[0].Err, os.ErrDeadlineExceeded) {
			all = append(all, Finding{c, errors.New("not tried: the server hangs")})
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, Timeout+duration(app))
		all = append(all, Finding{c, connected(ctx, address, app, c.run)})
		cancel()
	}
	return all
}

// duration is about how long the app means to take for the requests of a check.
func duration(app suite.Instance) time.Duration {
	var d time.Duration
	for i, p := range app.Spec.Params {
		switch p.Name {
		case "ms":
			d += time.Duration(app.Args[i]) * time.Millisecond
		case "us":
			d += time.Duration(app.Args[i]) * time.Microsecond
		case "bytes":
			d += time.Duration(app.Args[i]) * 100 // ns: 10 MB/s
		}
	}
	return keepAliveRequests * d * 2
}

// ErrMismatch marks a reply with the right status and the wrong content, which no
// waiting will mend.
var ErrMismatch = errors.New("wrong reply")

// Probe asks for app once. It fails with ErrMismatch if the reply has the right
// status and is wrong otherwise.
func Probe(ctx context.Context, address string, app suite.Instance) error {
	return connected(ctx, address, app, checkReply)
}

// connected runs a check on a new connection, which it closes after.
func connected(ctx context.Context, address string, app suite.Instance, check func(*client, suite.Instance) error) error {
	c, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer c.close()
	return check(c, app)
}

// Gated joins the failures of level Gate into one error, nil if there are none.
func Gated(findings []Finding) error {
	var errs []error
	for _, f := range findings {
		if f.Err != nil && f.Level == Gate {
			errs = append(errs, fmt.Errorf("%s: %w", f.ID, f.Err))
		}
	}
	return errors.Join(errs...)
}
