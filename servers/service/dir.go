package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/internal/nearest"
	"github.com/benchctl/benchctl/servers/process/listen"
)

// Dir is the directory with what is known of services:
//
//	NAME.json       the command line by which it was started last
//	NAME/control    the socket of a running one; NAME is its user's
//
// The command line is out of reach of the user that a service runs as: who may start
// services runs it.
type Dir string

// DefaultDir is the directory of a user's services: below XDG_RUNTIME_DIR, for root below
// /run, and for others below that of temporary files.
func DefaultDir() Dir {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return Dir(filepath.Join(dir, "benchctl"))
	}
	if os.Geteuid() == 0 {
		return "/run/benchctl"
	}
	return Dir(filepath.Join(os.TempDir(), fmt.Sprintf("benchctl-%d", os.Geteuid())))
}

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// CheckName tells what is wrong with the name of a service.
func CheckName(name string) error {
	if !validName.MatchString(name) {
		return misuse.Errorf("%q is no name of a service: it has letters, digits and . _ -, and begins with none of the latter", name)
	}
	return nil
}

func (d Dir) commandFile(name string) string { return filepath.Join(string(d), name+".json") }
func (d Dir) home(name string) string        { return filepath.Join(string(d), name) }
func (d Dir) socket(name string) string      { return filepath.Join(d.home(name), socketName) }

// socketName is the file of the socket of a service.
const socketName = "control"

// make makes the directory, and refuses one in which others could put something.
func (d Dir) make() error {
	if err := os.MkdirAll(string(d), 0o755); err != nil {
		return fmt.Errorf("directory of services: %w", err)
	}
	return d.trust()
}

func (d Dir) trust() error {
	info, err := os.Lstat(string(d))
	if err != nil {
		return fmt.Errorf("directory of services: %w", err)
	}
	of, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || ok && int(of.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("directory of services %s: it must be a directory that only this user may write to", d)
	}
	return nil
}

// Command is a command line of benchctl.
type Command struct {
	Dir  string   `json:"dir"`  // in which its relative paths begin
	Args []string `json:"args"` // without the program
}

// remember keeps the command line of a service. It is written whole or not at all.
func (d Dir) remember(name string, c Command) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	file := d.commandFile(name)
	if err := os.WriteFile(file+".new", append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("remember the command: %w", err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		return fmt.Errorf("remember the command: %w", err)
	}
	return nil
}

// Remembered is the command line by which a service was started last. It was asked wrongly
// if there is none (package misuse).
func (d Dir) Remembered(name string) (c Command, err error) {
	if err := CheckName(name); err != nil {
		return c, err
	}
	if _, err := os.Lstat(string(d)); err == nil {
		if err := d.trust(); err != nil {
			return c, err
		}
	}
	text, err := os.ReadFile(d.commandFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		return c, d.unknown(name)
	}
	if err != nil {
		return c, fmt.Errorf("service %s: %w", name, err)
	}
	if err := json.Unmarshal(text, &c); err != nil || len(c.Args) == 0 {
		return c, fmt.Errorf("service %s: %s is not a command line of it: remove it (%w)", name, d.commandFile(name), cmpErr(err))
	}
	return c, nil
}

func cmpErr(err error) error {
	if err == nil {
		return errors.New("it has none")
	}
	return err
}

// ToStart is the command line that starts a service in the background: with flags of
// "benchctl serve", as it was started last without any.
func (d Dir) ToStart(name string, flags []string) (Command, error) {
	if err := CheckName(name); err != nil {
		return Command{}, err
	}
	c := Command{Args: append([]string{"serve"}, flags...)}
	if len(flags) == 0 {
		var err error
		if c, err = d.Remembered(name); err != nil {
			return Command{}, err
		}
	}
	for _, flag := range []string{"--daemon", "--name=" + name, "--state-dir=" + string(d)} {
		if !slices.Contains(c.Args, flag) {
			c.Args = append(c.Args, flag)
		}
	}
	return c, nil
}

// unknown is the error of a name that no service has.
func (d Dir) unknown(name string) error {
	names, _ := d.names()
	return misuse.Errorf("no service %q is known in %s%s", name, d, nearest.Hint(name, names))
}

// names are those of all services that run or did, sorted.
func (d Dir) names() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("directory of services: %w", err)
	}
	var names []string
	for _, e := range entries {
		name, of := strings.CutSuffix(e.Name(), ".json")
		if validName.MatchString(name) && (of || e.IsDir()) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// States of services.
const (
	Running = "running"
	Stopped = "stopped"
	Killed  = "killed" // its socket is left, which stops no start
	Unknown = "unknown"
)

// Listed is a service that runs or did.
type Listed struct {
	Name   string  `json:"name"`
	State  string  `json:"state"`
	Status *Status `json:"status,omitempty"` // of one that runs
	Error  string  `json:"error,omitempty"`  // why nothing is known
}

// List tells of all services, by name.
func (d Dir) List(ctx context.Context) ([]Listed, error) {
	names, err := d.names()
	if err != nil {
		return nil, err
	}
	list := []Listed{}
	for _, name := range names {
		if one := d.list(ctx, name); one.State != "" {
			list = append(list, one)
		}
	}
	return list, nil
}

// list tells of one service. Its state is "" if there is no trace of one.
func (d Dir) list(ctx context.Context, name string) Listed {
	one := Listed{Name: name, State: Running}
	status, err := d.Status(ctx, name)
	switch {
	case err == nil:
		one.Status = &status
		return one
	case !errors.Is(err, ErrNotRunning):
		one.State, one.Error = Unknown, err.Error()
		return one
	}
	switch _, known := os.Lstat(d.commandFile(name)); {
	case d.has(name):
		one.State = Killed
	case known == nil:
		one.State = Stopped
	default:
		one.State = ""
	}
	return one
}

// Forget removes what is known of a service, and what it left if it was killed. It fails if
// the service runs. A name that no service has was asked wrongly (package misuse).
func (d Dir) Forget(ctx context.Context, name string) error {
	switch now, err := d.Status(ctx, name); {
	case err == nil:
		return of(name, fmt.Errorf("process %d runs it: stop it first (benchctl ctl stop %s)", now.PID, name))
	case misuse.Is(err) || !errors.Is(err, ErrNotRunning):
		return err
	}
	if _, err := listen.RemoveStale(ctx, d.socket(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return of(name, err) // it may have been started meanwhile
	}
	for _, path := range []string{d.home(name), d.commandFile(name)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return of(name, err)
		}
	}
	return nil
}
