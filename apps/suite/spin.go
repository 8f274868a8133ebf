package suite

import (
	"sync/atomic"

	"github.com/benchctl/benchctl/apps"
)

// spun keeps what Spin computes from being optimised away. That the store is
// atomic makes it a barrier: without it the processor starts on the request while
// it still computes, and a short spin costs nothing.
var spun atomic.Uint64

// Spin is app with the given number of steps of arithmetic before each request,
// each of them a multiplication and an addition that wait for the step before,
// about 4 cycles: an injected slowdown of fixed size, to see what a measurement
// tells apart. It reads no clock, which would itself take longer than the
// shortest of slowdowns, and costs more when the machine is slow, as a server does.
func Spin(app apps.App, steps int) apps.App { return spinning{app, steps} }

type spinning struct {
	apps.App
	steps int
}

// Serve implements apps.App.
func (s spinning) Serve(req apps.Request, res apps.Response) error {
	x := uint64(1)
	for range s.steps {
		x = x*6364136223846793005 + 1442695040888963407 // Knuth's MMIX generator
	}
	spun.Store(x)
	return s.App.Serve(req, res)
}

// Paths implements apps.Router, so that servers route to the slower app as to the other one.
func (s spinning) Paths() []string {
	if r, ok := s.App.(apps.Router); ok {
		return r.Paths()
	}
	return nil
}
