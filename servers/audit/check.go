package audit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/benchctl/benchctl/servers/control"
)

// check tries all rules for what the candidate offers. An error tells what could not be
// removed of it, or that ctx has ended.
func (s *subject) check(ctx context.Context) error {
	for _, part := range []func(context.Context){s.background, s.occupied, s.again, s.privileges, s.inherited, s.bound} {
		if ctx.Err() != nil {
			return errors.Join(append(s.left, context.Cause(ctx))...)
		}
		part(ctx)
	}
	return errors.Join(s.left...)
}

// usual is what a daemon of the candidate is started with: all that it offers of both.
func (s *subject) usual() (use []control.Facility) {
	for _, f := range []control.Facility{control.Background, control.Pidfile} {
		if s.offered(f) {
			use = append(use, f)
		}
	}
	return use
}

// stage prepares a start and makes it from a stage. Strike is due, also if it fails.
func (s *subject) stage(set setting) (*staged, error) {
	sc, err := s.prepare(set)
	if err != nil {
		return &staged{scene: sc}, err
	}
	return sc.raise()
}

// serves waits for the launcher of a daemon to succeed, and for the server to answer.
func (g *staged) serves(ctx context.Context) error {
	if g.offered(control.Background) {
		switch code, err := g.launch(ctx); {
		case err != nil:
			return g.failure(err)
		case code != 0:
			return g.failure(fmt.Errorf("the launcher exits with %d", code))
		}
	}
	return g.up(ctx)
}

// background starts the candidate as it is started usually, and looks at its processes and
// its pidfile.
func (s *subject) background(ctx context.Context) {
	use := s.usual()
	if use == nil {
		return
	}
	const why = "the server did not start"
	s.leave(NotMade, why, s.of(control.Background, "D2", "D3", "D4", "D5", "D6", "D7")...)
	s.leave(NotMade, why, s.of(control.Pidfile, "P1", "P2", "P4", "P5", "P7")...)
	sc, err := s.prepare(setting{use: use})
	defer sc.strike()
	var w *watch
	if err == nil && s.offered(control.Pidfile) {
		if w, err = watchFile(sc.pidfile); err == nil {
			defer w.close()
		}
	}
	var g *staged
	if err == nil {
		g, err = sc.raise()
	}
	if err == nil && s.offered(control.Background) {
		err = s.launcher(ctx, g)
	}
	if err == nil {
		err = g.up(ctx)
	}
	if s.offered(control.Background) {
		s.judge("D1", err)
	} else if err != nil {
		s.leave(NotMade, err.Error(), "P1", "P2", "P4", "P5", "P7")
	}
	if err != nil {
		return
	}
	if s.offered(control.Background) {
		s.detached(g)
	}
	if s.offered(control.Pidfile) {
		s.pidfiled(ctx, g, w)
	}
}

// of are rules, where the candidate offers what they are of.
func (s *subject) of(f control.Facility, ids ...string) []string {
	if !s.offered(f) {
		return nil
	}
	return ids
}

// launcher judges how the launcher ends.
func (s *subject) launcher(ctx context.Context, g *staged) error {
	code, err := g.launch(ctx)
	switch {
	case err != nil:
		return g.failure(err)
	case code != 0:
		return g.failure(fmt.Errorf("the launcher exits with %d", code))
	}
	if err := g.answers(ctx); err != nil {
		err = fmt.Errorf("not before ready: when the launcher had exited, a request failed: %w", err)
		s.judge("D2", err)
	} else {
		s.judge("D2", nil)
	}
	return nil
}

// occupied starts a daemon whose port is taken.
func (s *subject) occupied(ctx context.Context) {
	if !s.offered(control.Background) {
		return
	}
	taken, err := occupy()
	if err != nil {
		s.leave(NotMade, err.Error(), "D8")
		return
	}
	defer taken.Close()
	g, err := s.stage(setting{use: s.usual(), address: taken.Addr().String()})
	defer g.strike()
	if err != nil {
		s.judge("D8", err)
		return
	}
	code, err := g.launch(ctx)
	if err == nil && code == 0 {
		err = errors.New("the launcher exits with 0, though nothing can serve there")
	}
	s.judge("D8", err)
}

// again starts the candidate on a pidfile that a dead process has left, and stops it.
func (s *subject) again(ctx context.Context) {
	if !s.offered(control.Pidfile) {
		return
	}
	s.leave(NotMade, "the server did not start", "P6")
	g, err := s.stale(ctx, true)
	s.judge("P3", err)
	if err != nil {
		g.strike()
		g, err = s.stale(ctx, false)
	}
	defer g.strike()
	if err != nil {
		return
	}
	s.judge("P6", g.stopped(ctx))
}

// stale starts the candidate, with the pidfile of a dead process if it is to be left.
func (s *subject) stale(ctx context.Context, left bool) (*staged, error) {
	sc, err := s.prepare(setting{use: s.usual()})
	g := &staged{scene: sc}
	if err != nil {
		return g, err
	}
	if left {
		if err := leaveBehind(sc); err != nil {
			return g, err
		}
	}
	if g, err = sc.raise(); err != nil {
		return &staged{scene: sc}, err
	}
	return g, g.serves(ctx)
}

// leaveBehind writes the pidfile of a process that has ended.
func leaveBehind(sc *scene) error {
	pid, err := deadProcess()
	if err != nil {
		return err
	}
	if err := os.WriteFile(sc.pidfile, fmt.Appendln(nil, pid), 0o644); err != nil {
		return err
	}
	return sc.user.Own(filepath.Dir(sc.pidfile))
}

// stopped has the server stop gracefully, and tells whether the pidfile is there still.
func (g *staged) stopped(ctx context.Context) error {
	main, err := g.named(ctx)
	if err != nil {
		return err
	}
	if err := g.ask(ctx, control.StopGraceful, main); err != nil {
		return err
	}
	if err := g.ends(ctx); err != nil {
		return err
	}
	text, err := os.ReadFile(g.pidfile)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("it is there still, with %q", text[:min(len(text), 40)])
}

// named waits until the pidfile names a process of the server: it may come up after the
// launcher has exited.
func (g *staged) named(ctx context.Context) (main int, err error) {
	var last error
	waited := g.await(ctx, "there is no pidfile of it", func() (bool, error) {
		if main, last = g.main(); last != nil {
			return false, nil
		}
		all, err := g.running()
		if err == nil && !slices.Contains(all, main) {
			last = fmt.Errorf("process %d, which the pidfile names, is none of the server", main)
		}
		return last == nil, err
	})
	return main, errors.Join(waited, last)
}
