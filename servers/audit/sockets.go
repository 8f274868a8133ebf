package audit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// activated starts a program as systemd does with a socket (sd_listen_fds(3)): the variables
// name the process that is to have it.
const activated = `export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"`

// inherited starts the candidate on a socket that listens already.
func (s *subject) inherited(ctx context.Context) {
	if !s.offered(control.Sockets) {
		return
	}
	s.leave(NotMade, "the server did not start", "L1", "L2")
	ln, err := occupy()
	if err != nil {
		s.leave(NotMade, err.Error(), "L1", "L2")
		return
	}
	defer ln.Close()
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		s.leave(NotMade, err.Error(), "L1", "L2")
		return
	}
	defer file.Close()
	sc, err := s.prepare(setting{use: []control.Facility{control.Sockets}, address: ln.Addr().String()})
	defer sc.strike()
	var before []string
	if err == nil {
		before, err = sc.inodes()
	}
	if err == nil {
		command := sc.command
		command.Argv = append([]string{"/bin/sh", "-c", activated, "sh"}, command.Argv...)
		err = sc.start(command, file, launcherLog)
	}
	file.Close()
	ln.Close() // the guard has it, and hands it on
	if err == nil {
		err = sc.up(ctx)
	}
	if err == nil {
		err = sc.serveOn(before)
	}
	s.judge("L1", err)
	if err == nil {
		s.kept(ctx, sc, "L2", control.Reload, before)
	}
}

// serveOn proves that some sockets, and no others, listen on the port of the server.
func (sc *scene) serveOn(before []string) error {
	now, err := sc.inodes()
	if err == nil && !slices.Equal(now, before) {
		err = fmt.Errorf("the sockets of the port are %s, not %s", inodes(now), inodes(before))
	}
	return err
}

func inodes(all []string) string {
	if len(all) == 0 {
		return "none"
	}
	return "socket:[" + strings.Join(all, "], socket:[") + "]"
}

// bound starts the candidate on a socket that it opens itself, reloads and upgrades it.
func (s *subject) bound(ctx context.Context) {
	for _, one := range []struct {
		id   string
		verb control.Verb
	}{{"L3", control.Reload}, {"L4", control.Upgrade}} {
		if ctx.Err() == nil {
			s.rebound(ctx, one.id, one.verb)
		}
	}
}

func (s *subject) rebound(ctx context.Context, id string, verb control.Verb) {
	sc, err := s.prepare(setting{})
	defer sc.strike()
	if err != nil {
		s.leave(NotMade, err.Error(), id)
		return
	}
	if _, offered := sc.command.Verbs[verb]; !offered {
		s.leave(NotOffered, "", id)
		return
	}
	err = sc.start(sc.command, nil, launcherLog)
	if err == nil {
		err = sc.up(ctx)
	}
	var before []string
	if err == nil {
		before, err = sc.inodes()
	}
	if err != nil {
		s.leave(NotMade, err.Error(), id)
		return
	}
	s.kept(ctx, sc, id, verb, before)
}

// errUnseen is that nothing told that a server did what it was asked for.
const errUnseen = lateError("no process shows that it did it")

// kept asks for a verb, and judges whether the server serves on the same sockets after it.
func (s *subject) kept(ctx context.Context, sc *scene, id string, verb control.Verb, before []string) {
	if _, offered := sc.command.Verbs[verb]; !offered {
		s.leave(NotOffered, "", id)
		return
	}
	switch err := sc.changed(ctx, verb); {
	case errors.Is(err, errUnseen):
		s.leave(NotMade, err.Error(), id)
	case err != nil:
		s.judge(id, err)
	default:
		s.judge(id, sc.serveOn(before))
	}
}

// changed asks for a verb, and waits until it is done: the command of it has ended, or another
// process runs, or one that executes its program anew, and the server answers. After a reload,
// all others but the main process are to be gone.
func (sc *scene) changed(ctx context.Context, verb control.Verb) error {
	if err := sc.settles(ctx); err != nil {
		return err
	}
	before, err := sc.census()
	if err != nil {
		return err
	}
	main := sc.process.PID()
	if _, err := sc.process.Ask(ctx, verb); err != nil {
		return err
	}
	if sc.command.Verbs[verb].Signal != 0 {
		if err := sc.await(ctx, errUnseen, func() (bool, error) {
			if sc.gone() {
				return false, sc.failure(fmt.Errorf("it ended: %s", sc.process.Exit()))
			}
			now, err := sc.census()
			return later(before, now, main, verb), err
		}); err != nil {
			return err
		}
	}
	return sc.up(ctx)
}

// census is what each process of the server executes.
func (sc *scene) census() (map[int]string, error) {
	all, err := sc.running()
	if err != nil {
		return nil, err
	}
	images := make(map[int]string)
	for _, pid := range all {
		if image, err := proc.Image(pid); err == nil && image != "" {
			images[pid] = image
		}
	}
	return images, nil
}

// later tells whether what runs now has come after a verb.
func later(before, now map[int]string, main int, verb control.Verb) bool {
	came, stays := false, false
	for pid, image := range now {
		was, old := before[pid]
		switch {
		case !old || was != image:
			came = true
		case pid != main && verb == control.Reload:
			stays = true
		}
	}
	return came && !stays
}
