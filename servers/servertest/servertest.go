// Package servertest checks, over the wire, that a server carries apps as the
// contract in package apps demands (duties S1 to S16).
//
// Every case is a subtest that begins with the duty it checks. A case that an
// engine cannot pass for a reason that lies in its library is declared as a
// Deviation; the suite fails if a declared deviation no longer occurs.
package servertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// Waits for something that must happen. They are only ever used up by cases that fail.
const (
	patience = 30 * time.Second // for bytes and calls
	vain     = time.Second      // the same where a deviation is known, of which many wait in vain
	stopping = time.Minute      // for Serve to return
)

// ServeFunc serves app on ln until ctx ends, then stops gracefully.
type ServeFunc = func(ctx context.Context, ln *drain.Listener, app apps.App) error

// Deviation is a case that a server is known not to pass.
type Deviation struct {
	Case   string // name of the subtest, or what it begins with: "S11"
	Reason string // for users: what the engine does instead, and why
	// Seldom is that now and then a connection ends in the midst of a reply: the case is
	// tried again where it fails so, and has to pass.
	Seldom bool
}

// tries are how often a case is tried that fails seldom.
const tries = 5

// TestServe runs the suite against serve.
func TestServe(t *testing.T, serve ServeFunc, known ...Deviation) {
	for _, d := range known {
		if !declaresCase(d) {
			t.Errorf("deviation %q names no case", d.Case)
		}
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			of := c.deviation(known)
			if testing.Short() && (c.slow || of != nil && !of.Seldom) {
				t.Skip("slow, or a known deviation, of which many wait in vain")
			}
			check(t, c, serve, of)
		})
	}
}

func declaresCase(d Deviation) bool {
	for _, c := range cases {
		if strings.HasPrefix(c.name, d.Case) {
			return true
		}
	}
	return false
}

// deviation finds the one that was declared for a case; nil for none.
func (c testCase) deviation(known []Deviation) *Deviation {
	for i, d := range known {
		if strings.HasPrefix(c.name, d.Case) {
			return &known[i]
		}
	}
	return nil
}

// check runs a case, which is to fail where a deviation is known.
func check(t *testing.T, c testCase, serve ServeFunc, known *Deviation) {
	try := func() error {
		h := &harness{serve: serve, patience: patience}
		if known != nil && !known.Seldom {
			h.patience = vain
		}
		return errors.Join(c.run(h), h.stop())
	}
	err := try()
	if known != nil && known.Seldom {
		for n := 1; n < tries && isCut(err); n++ {
			t.Logf("known to happen: %s\n(%v)", known.Reason, err)
			err = try()
		}
		known = nil
	}
	if known != nil { // which may be a race that the server loses most times
		for n := 1; n < tries && err == nil; n++ {
			err = try()
		}
	}
	switch {
	case known != nil && err == nil:
		t.Errorf("known deviation no longer occurs: %s", known.Reason)
	case known != nil:
		t.Logf("known deviation: %s\n(%v)", known.Reason, err)
	case err != nil:
		t.Error(err)
	}
}

// isCut tells whether a connection ended in the midst of a reply.
func isCut(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// testCase is one check; run returns what is wrong.
type testCase struct {
	name string
	run  func(*harness) error
	slow bool
}

// harness starts the server of one case.
type harness struct {
	serve    ServeFunc
	patience time.Duration // that its waits have
	network  string
	addr     string
	ln       *drain.Listener
	cancel   context.CancelFunc
	done     chan error
	conns    []net.Conn
}

// start serves app on a free port of the loopback.
func (h *harness) start(app apps.Func) error { return h.startOn("tcp", "127.0.0.1:0", app) }

func (h *harness) startOn(network, addr string, app apps.Func) error {
	ln, err := net.Listen(network, addr)
	if err != nil {
		return err
	}
	h.network, h.addr, h.ln = network, ln.Addr().String(), drain.New(ln)
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	done := make(chan error, 1)
	h.done = done
	go func() { done <- h.serve(ctx, h.ln, app) }()
	return nil
}

var errHangs = errors.New("serve did not return")

// stop ends the server, unless a case did, and reports how it went.
func (h *harness) stop() error {
	for _, c := range h.conns {
		c.Close()
	}
	if h.done == nil {
		return nil
	}
	h.cancel()
	return h.stopped(stopping)
}

// stopped waits for Serve to return.
func (h *harness) stopped(within time.Duration) error {
	select {
	case err := <-h.done:
		h.done = nil
		if err != nil {
			return fmt.Errorf("serve returned: %w", err)
		}
		return nil
	case <-time.After(within):
		h.done = nil
		return fmt.Errorf("%w within %v", errHangs, within)
	}
}

// wait waits for an event.
func (h *harness) wait(event <-chan struct{}, what string) error {
	select {
	case <-event:
		return nil
	case <-time.After(h.patience):
		return fmt.Errorf("%s: nothing within %v", what, h.patience)
	}
}
