package audit

import (
	"context"
	"errors"
	"fmt"
	"os"

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
	s.judge("P5", s.second(ctx, g, main))
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

// second makes the same start once more beside a server that lives, and looks whether that
// has kept what it had.
func (s *subject) second(ctx context.Context, g *staged, main int) error {
	again, err := s.stage(setting{use: s.usual(), address: g.address, pidfile: g.pidfile})
	defer again.strike()
	if err != nil {
		return err
	}
	err = again.await(ctx, "the second start does not end", func() (bool, error) {
		all, err := again.running()
		return again.over() && len(all) == 0, err
	})
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
	if now, err := g.main(); err != nil || now != main {
		return errors.New("the pidfile was lost before")
	}
	other, err := s.stage(setting{use: s.usual(), pidfile: g.pidfile})
	defer other.strike()
	if err != nil {
		return err
	}
	return other.await(ctx, "the other server neither serves nor ends", func() (bool, error) {
		all, err := other.running()
		if err != nil || other.over() && len(all) == 0 {
			return true, err
		}
		if other.answers(ctx) == nil {
			return false, errors.New("the other server serves beside it")
		}
		return false, nil
	})
}
