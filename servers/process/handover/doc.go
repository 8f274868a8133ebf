// Package handover replaces a running server by its next version without losing a
// request.
//
// A supervisor has the listening sockets and never accepts from them nor closes them
// until it stops. It starts workers, processes that inherit the sockets: not new ones of
// the same port, so that what waits to be accepted waits for whichever worker comes. To
// replace a worker (Supervisor.Replace)
//
//  1. the supervisor starts the new one;
//  2. the new one accepts, and says so. If it ends before, or does not say so in time, the
//     old one serves on, and the error says why;
//  3. the old one is told to drain (package drain): it stops accepting, and what it has
//     accepted already it serves;
//  4. it ends each connection with a reply that says so, and touches none that asks for
//     nothing;
//  5. when no connection is left, or the time for that is over, it shuts down.
//
// A worker that ends unasked is started again, later each time, until it does so too
// often: the supervisor then ends, and says why. A supervisor that is killed takes its
// workers with it: by a signal that the kernel sends (Linux), and by the end of the pipe
// on which they get their orders.
//
// The same program can be both:
//
//	worker, err := handover.Inherit()
//	switch {
//	case err != nil:
//		return err
//	case worker != nil:
//		return worker.Serve(ctx, drain.HTTP(handler))
//	}
//	s, err := handover.Start(handover.Config{Listeners: listeners})
package handover
