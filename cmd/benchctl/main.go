// Command benchctl tells, with evidence, which HTTP server is faster, by how
// much, and at what cost.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/servers/audit"
	"github.com/benchctl/benchctl/servers/control"
)

// Exit codes.
const (
	exitDone        = 0
	exitFound       = 1 // done, but a regression or an invalid cell was found
	exitUsage       = 2 // wrong usage or configuration
	exitEnvironment = 3 // the environment can't run it
	exitInterrupted = 130
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == guardCommand {
		os.Exit(control.RunGuard())
	}
	if len(os.Args) > 2 && os.Args[1] == stageCommand {
		os.Exit(audit.RunStage(os.Args[2:]))
	}
	ctx, stop := interruptible()
	code := run(ctx, environment(), os.Args[1:])
	stop()
	os.Exit(code)
}

// guardCommand is the hidden command that runs the guard of a candidate.
const guardCommand = "guard"

// stageCommand is the hidden command that a server is started from whose process control is
// checked.
const stageCommand = "stage"

// env is what the program gets from its surroundings.
type env struct {
	stdout, stderr io.Writer
	terminal       bool // stderr is one
	colour         bool // stdout takes colour
	width          int  // of stdout in columns; 0: not a terminal
	getenv         func(string) string
	executable     string // this program, to start candidates with
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, e env, args []string) int {
	err := execute(ctx, e, args)
	if err == nil {
		return exitDone
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{code: exitUsage, err: err}
	}
	if f.err != nil {
		e.say("benchctl: %v", f.err)
		if hint := f.hintText(); hint != "" {
			e.say("%s", hint)
		}
	}
	return f.code
}

// say writes a line, or several, to standard error. What texts of others have in them
// that a terminal would act on is made visible.
func (e env) say(format string, args ...any) {
	fmt.Fprintln(e.stderr, report.Prose(fmt.Sprintf(format, args...)))
}

// discard removes a directory of this command's own.
func (e env) discard(dir string) {
	if err := os.RemoveAll(dir); err != nil {
		e.say("benchctl: warning: %v", err)
	}
}

// failure is an error with the exit code that it leads to.
type failure struct {
	code int
	err  error // nil: everything has been said
	hint string
}

func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit code %d", f.code)
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// hintText is the failure's hint, or that of the error within that has one.
func (f *failure) hintText() string {
	if f.hint != "" {
		return f.hint
	}
	var hinted interface{ Hint() string }
	if errors.As(f.err, &hinted) {
		return hinted.Hint()
	}
	return ""
}

// failed is the failure of a command by what its call below returned: what was asked wrongly
// is marked there.
func failed(err error) error {
	if misuse.Is(err) {
		return usage(err)
	}
	return unable(err)
}

func usage(err error) error  { return fail(exitUsage, err) }
func unable(err error) error { return fail(exitEnvironment, err) }
func fail(code int, err error) error {
	if err == nil {
		return nil
	}
	return &failure{code: code, err: err}
}

// interruptible returns a context that the first interrupt ends; a second one
// ends the program at once, and the guards end the candidates. A write to a
// closed pipe is an error like others, not the end of the program.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go func() {
		<-signals
		cancel(interruption{})
		<-signals
		os.Exit(exitInterrupted)
	}()
	return ctx, func() { cancel(nil) }
}

// interruption is why the context of a command ends. What is told of a context that ended
// is its cause: nobody cancelled a context, somebody pressed Ctrl-C.
type interruption struct{}

func (interruption) Error() string { return "interrupted" }

// Is makes it the error that it is the cause of.
func (interruption) Is(target error) bool { return target == context.Canceled }

// interrupted is the failure of a command that was interrupted, and ended with err. What
// that tells beside the interruption is told as well.
func interrupted(command string, err error) error {
	return fail(exitInterrupted, errors.Join(fmt.Errorf("%s: %w", command, interruption{}), besides(err)))
}

// besides is what of an error is not of an interruption, such as what could not be removed
// after one; nil if nothing is.
func besides(err error) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	var rest []error
	switch err := err.(type) { //nolint:errorlint // it is taken apart
	case interface{ Unwrap() []error }:
		for _, part := range err.Unwrap() {
			rest = append(rest, besides(part))
		}
	case interface{ Unwrap() error }:
		rest = append(rest, besides(err.Unwrap()))
	}
	return errors.Join(rest...)
}
