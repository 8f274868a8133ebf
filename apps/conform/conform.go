// Package conform is the conformance gate: checks over the wire that a server
// behaves as HTTP/1.1 asks and carries the test apps as they are. Each check has an
// id, a level, and the rule that it checks, with its source.
//
// A failure of level Gate concerns the cells of the apps whose requests are like
// the check's: they are not measured, as a reply that is wrong may well be fast.
// Others, such as those about malformed requests, which no load sends, are shown by
// "benchctl verify" and touch no cell.
package conform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
)

// Level says what a failed check means.
type Level string

// Levels.
const (
	Gate   Level = "gate"   // the server breaks a MUST or does not carry an app: it fails the gate
	Report Level = "report" // shown, nothing else
)

// Check is one case.
type Check struct {
	ID     string // "chunked-request"
	Level  Level
	Rule   string // in a sentence
	Source string // "RFC 9112 section 7.1", or "app semantics"
	// Each has the check made with every app, whose cells it concerns then. A check
	// without it needs the apps in Needs and concerns the cells of those in Concerns.
	Each     bool
	Needs    []string
	Concerns []string
	// Long checks take up to a minute.
	Long bool

	run func(*probe) error
}

// UsesClose stands in Concerns for loads that say "Connection: close".
const UsesClose = "connection: close"

// Target is the server that is checked.
type Target struct {
	Address string
	// Carries tells which apps the server serves; nil: all.
	Carries func(app string) bool
	// Memory is what the server uses, over its whole process tree, in MiB; nil: it
	// isn't known.
	Memory func() (float64, error)
}

func (t Target) carries(app string) bool { return t.Carries == nil || t.Carries(app) }

// Finding is how one check went.
type Finding struct {
	Check
	App string // that it was made with, of a check for each app
	// One of them at most is set; none if the check was passed.
	Err     error
	Skipped string // why it was not made
	// Transcript is what went over the connections of a check that failed.
	Transcript []Message
}

const (
	// Timeout bounds one check that is not Long, and what the app itself takes comes
	// on top.
	Timeout     = 5 * time.Second
	longTimeout = time.Minute
	// patience is how long a check waits for what a server should do at once.
	patience = 2 * time.Second
)

// App makes every check that concerns the cells of app, and what else its load uses.
// If the server hangs at the first one, or ctx has ended, those that are left fail
// without being tried.
func App(ctx context.Context, t Target, app suite.Instance, uses ...string) []Finding {
	var all []Finding
	for _, part := range app.Parts() {
		for _, c := range Checks() {
			if c.Each || c.concerns(append(uses, part.Spec.Name)) {
				all = append(all, t.check(ctx, c, part.Instance, hangs(all)))
			}
		}
	}
	return all
}

func (c Check) concerns(any []string) bool {
	return slices.ContainsFunc(c.Concerns, func(one string) bool { return slices.Contains(any, one) })
}

// Server makes every check, those for each app with every app that the server
// carries, with its parameters' defaults.
func Server(ctx context.Context, t Target) []Finding {
	var all []Finding
	hello, err := suite.Parse("hello")
	if err != nil {
		panic("conform: " + err.Error()) // there is no suite without it
	}
	for _, c := range Checks() {
		if !c.Each {
			all = append(all, t.check(ctx, c, hello, hangs(all)))
			continue
		}
		for _, s := range suite.All() {
			if app, err := suite.Parse(s.Name); err == nil && app.Loadable() == nil && len(app.Parts()) == 1 && t.carries(s.Name) {
				all = append(all, t.check(ctx, c, app, hangs(all)))
			}
		}
	}
	return all
}

// hangs tells whether the server did not answer the first check at all.
func hangs(all []Finding) bool {
	return len(all) > 0 && errors.Is(all[0].Err, os.ErrDeadlineExceeded)
}

// check makes one check.
func (t Target) check(ctx context.Context, c Check, app suite.Instance, hangs bool) Finding {
	f := Finding{Check: c}
	if c.Each {
		f.App = app.String()
	}
	for _, need := range c.Needs {
		if !t.carries(need) {
			f.Skipped = "the server does not carry app " + need
			return f
		}
	}
	switch {
	case ctx.Err() != nil:
		f.Err = fmt.Errorf("not tried: %w", context.Cause(ctx))
		return f
	case hangs:
		f.Err = errors.New("not tried: the server hangs")
		return f
	}
	timeout := Timeout
	if c.Long {
		timeout = longTimeout
	}
	limited, cancel := context.WithTimeout(ctx, timeout+duration(app))
	defer cancel()
	p := &probe{Target: t, ctx: limited, app: app}
	defer p.close()
	err := c.run(p)
	var skip skipped
	switch {
	case errors.As(err, &skip):
		f.Skipped = string(skip)
	case err != nil && ctx.Err() != nil:
		f.Err = fmt.Errorf("not finished: %w", context.Cause(ctx)) // the server is not to blame
	case err != nil:
		f.Err, f.Transcript = err, p.log.all()
	}
	return f
}

// skipped is the error of a check that can't be made.
type skipped string

func (s skipped) Error() string { return "skipped: " + string(s) }

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

// ErrMismatch marks a reply that no waiting will mend: one with the right status and the
// wrong content, or one that breaks the protocol.
var ErrMismatch = errors.New("wrong reply")

// Probe asks for app once, or for each app of a mix. It fails with ErrMismatch if a
// reply has the right status and is wrong otherwise, or is one that a load would refuse.
func Probe(ctx context.Context, address string, app suite.Instance) error {
	for _, part := range app.Parts() {
		p := &probe{Target: Target{Address: address}, ctx: ctx, app: part.Instance}
		err := p.answers(part.Exchange())
		p.close()
		if err != nil {
			return err
		}
	}
	return nil
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
