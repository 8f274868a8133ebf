package audit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// pidfiled looks at the pidfile of a server that answers, and starts others on it.
func (s *subject) pidfiled(ctx context.Context, g *staged, w *watch) {
	main, err := g.named(ctx)
	if err == nil {
		err = g.each(func(pid int) error {
			if !proc.Descends(pid, main) {
				return fmt.Errorf("does not descend from process %d, which the pidfile names", main)
			}
			return nil
		})
	}
	s.judge("P1", err)
	if err != nil {
		s.leave(NotMade, "the pidfile does not name its process", "P2", "P4", "P5", "P7")
		return
	}
	s.judge("P2", w.whole())
	s.judge("P7", guarded(g.pidfile))
	if err := s.second(ctx, g, main); errors.Is(err, errShared) {
		s.leave(NotMade, err.Error(), "P5")
	} else {
		s.judge("P5", err)
	}
	s.judge("P4", s.other(ctx, g, main))
}

// guarded tells whether others than its owner can write to a file.
func guarded(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o022 != 0 {
		err = fmt.Errorf("its mode is %04o", info.Mode().Perm())
	}
	return err
}

// errShared is that two servers listen on one port, each with a socket of its own
// (SO_REUSEPORT of socket(7)).
var errShared = errors.New("a second server serves beside the first, on the same port and pidfile")

// second makes the same start once more beside a server that lives, and looks whether that
// has kept what it had.
func (s *subject) second(ctx context.Context, g *staged, main int) error {
	again, err := s.stage(setting{use: s.usual(), address: g.address, pidfile: g.pidfile})
	defer again.strike()
	if err == nil {
		err = again.fails(ctx, errShared)
	}
	if err != nil {
		return err
	}
	now, err := g.main()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return errors.New("the second start took the pidfile away")
	case err != nil:
		return err
	case now != main:
		return fmt.Errorf("the pidfile names process %d after the second start, not %d", now, main)
	}
	return g.answers(ctx)
}

// other starts another server, on another port, with the pidfile of one that lives.
func (s *subject) other(ctx context.Context, g *staged, main int) error {
	if err := g.restore(main); err != nil {
		return err
	}
	other, err := s.stage(setting{use: s.usual(), pidfile: g.pidfile})
	defer other.strike()
	if err != nil {
		return err
	}
	return other.fails(ctx, errors.New("another server serves beside it"))
}

// restore gives the pidfile back what a start before has taken from it.
func (g *staged) restore(main int) error {
	if now, err := g.main(); err == nil && now == main {
		return nil
	}
	if err := os.WriteFile(g.pidfile, fmt.Appendln(nil, main), 0o644); err != nil {
		return err
	}
	return g.user.Own(filepath.Dir(g.pidfile))
}

// fails waits until a start has failed, and nothing of it is left. Serves is the error if it
// listens instead.
func (g *staged) fails(ctx context.Context, serves error) error {
	port, err := g.port()
	if err != nil {
		return err
	}
	return g.await(ctx, "the second start neither serves nor ends", func() (bool, error) {
		all, err := g.running()
		if err != nil || g.over() && len(all) == 0 {
			return true, err
		}
		owners, err := proc.ListenerOwners(port, all)
		if err == nil && owners.Owned > 0 {
			err = serves
		}
		return false, err
	})
}
