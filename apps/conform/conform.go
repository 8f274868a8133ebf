// Package conform is the conformance gate: checks over the wire that a server conforms to
// HTTP/1.1, or to HTTP/2 where its load speaks it, and serves the test apps unchanged. Each
// check has an id, a level, and its rule with the source.
//
// A failure of level Gate concerns the cells of the apps whose requests are like those of
// the check: these cells are not measured, as a wrong reply may be fast. Other failures,
// such as those of malformed requests, which no load sends, are shown by "benchctl verify"
// and concern no cell.
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

// Level is the consequence of a failed check.
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
	// Each makes the check with every app, and concerns the cells of that app. A check
	// without Each requires the apps in Needs and concerns the cells of those in Concerns.
	Each     bool
	Needs    []string
	Concerns []string
	// Long checks take up to a minute.
	Long bool
	// HTTP2 makes the check over HTTP/2 in cleartext with prior knowledge, if the server's
	// load speaks it.
	HTTP2 bool

	run func(*probe) error
}

// UsesClose stands in Concerns for loads that say "Connection: close".
const UsesClose = "connection: close"

// Target is the server that is checked.
type Target struct {
	Address string
	// Carries reports whether the server serves an app; nil: it serves all.
	Carries func(app string) bool
	// Memory is what the server uses, over its whole process tree, in MiB; nil: it
	// isn't known.
	Memory func() (float64, error)
	// Restart starts the server again if Server finds that it no longer answers; nil: that
	// is not possible.
	Restart func(context.Context) (Target, error)
	// HTTP2 means that its load speaks HTTP/2 in cleartext with prior knowledge (RFC 9113
	// section 3.3).
	HTTP2 bool
}

func (t Target) carries(app string) bool { return t.Carries == nil || t.Carries(app) }

// Finding is the result of one check.
type Finding struct {
	Check
	App string // that it was made with, of a check for each app
	// One of them at most is set; none if the check was passed.
	Err     error
	Skipped string // why it was not made
	// Transcript has the bytes of the connections of a failed check.
	Transcript []Message
}

const (
	// Timeout bounds one check that is not Long, and what the app itself takes comes
	// on top.
	Timeout     = 5 * time.Second
	longTimeout = time.Minute
	// patience is how long a check waits for an action that a server should do at once.
	patience = 2 * time.Second
)

// App makes every check that concerns the cells of app, and the other features that its load
// uses, over the protocol of its load. If the server no longer answers after a check, or ctx
// has ended, the remaining checks fail without being made.
func App(ctx context.Context, t Target, app suite.Instance, uses ...string) []Finding {
	t.Restart = nil // it is the caller's, who has more to do with it
	s := series{target: t}
	for _, part := range app.Parts() {
		for _, c := range Checks() {
			if c.HTTP2 == t.HTTP2 && (c.Each || c.concerns(append(uses, part.Spec.Name))) {
				s.check(ctx, c, part.Instance)
			}
		}
	}
	return s.findings
}

func (c Check) concerns(any []string) bool {
	return slices.ContainsFunc(c.Concerns, func(one string) bool { return slices.Contains(any, one) })
}

// Server makes every check; those for each app with every app that the server serves, with
// default parameters. A server that no longer answers after a check is started again for the
// next one. Checks over HTTP/2 are left out if the load does not speak it.
func Server(ctx context.Context, t Target) []Finding {
	s := series{target: t}
	hello, err := suite.Parse("hello")
	if err != nil {
		panic("conform: " + err.Error()) // there is no suite without it
	}
	for _, c := range Checks() {
		if c.HTTP2 && !t.HTTP2 {
			continue
		}
		if !c.Each {
			s.check(ctx, c, hello)
			continue
		}
		for _, spec := range suite.All() {
			if app, err := suite.Parse(spec.Name); err == nil && app.Loadable() == nil && len(app.Parts()) == 1 && t.carries(spec.Name) {
				s.check(ctx, c, app)
			}
		}
	}
	return s.findings
}

// series is checks that are made one after the other.
type series struct {
	target   Target
	findings []Finding
	down     error // why those that are left can't be tried
}

func (s *series) check(ctx context.Context, c Check, app suite.Instance) {
	f := s.target.check(ctx, c, app, s.down)
	s.findings = append(s.findings, f)
	if !errors.Is(f.Err, errStuck) || s.down != nil {
		return
	}
	s.down = fmt.Errorf("not tried: the server answers nobody since the check %s", c.ID)
	if s.target.Restart == nil {
		return
	}
	again, err := s.target.Restart(ctx)
	if err != nil {
		s.down = fmt.Errorf("%w, and can't be started again: %w", s.down, err)
		return
	}
	s.target, s.down = again, nil
}

// errStuck is that a server which did not answer one request does not answer right
// ones either, though the first has gone away.
var errStuck = errors.New("after it the server answers nobody")

// stuck reports whether that is so.
func (t Target) stuck(ctx context.Context) bool {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p := &probe{Target: t, ctx: limited}
	defer p.close()
	c, err := p.dial()
	if err == nil {
		c.send(hidden)
		_, err = c.read("GET")
	}
	return errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil
}

// check makes one check.
func (t Target) check(ctx context.Context, c Check, app suite.Instance, down error) Finding {
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
	case down != nil:
		f.Err = down
		return f
	}
	timeout := Timeout
	if c.Long {
		timeout = longTimeout
	}
	limited, cancel := context.WithTimeout(ctx, timeout+duration(app))
	defer cancel()
	p := &probe{Target: t, ctx: limited, app: app}
	err := c.run(p)
	p.close()
	var skip skipped
	if errors.As(err, &skip) {
		f.Skipped = string(skip)
		return f
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, errStuck) && ctx.Err() == nil && t.stuck(ctx) {
		err = errors.Join(err, errStuck)
	}
	switch {
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
	return max(keepAliveRequests, concurrent) * d * 2
}

// ErrMismatch marks a reply that waiting does not correct: one with the right status and the
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
