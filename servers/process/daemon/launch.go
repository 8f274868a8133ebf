// Package daemon puts a program into the background, and tells the truth about it.
//
// The program starts itself a second time (Go has no bare fork). Launch runs in the process
// that the user started: it waits until the daemon is ready, and fails with the daemon's own
// words and status if it is not. Enter runs in the daemon, and finds out that it is one.
//
// The daemon leads a session of its own, without a terminal: a terminal that it opens should
// be opened with syscall.O_NOCTTY. Its standard input is /dev/null, and its output goes to a
// log or nowhere; what it writes before it is ready, its launcher repeats. If the launcher
// dies meanwhile, the daemon cannot say that it is ready, and should end.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Options say how a daemon runs. The zero value is usable.
type Options struct {
	Log   string        // file that the output is appended to; "" drops it once the daemon is ready
	Dir   string        // working directory; "" is the root, so that it holds no file system
	Umask int           // 0 leaves that of the launcher
	Limit time.Duration // time to get ready in; 0 is DefaultLimit
	Grace time.Duration // time to end in when asked to, as it was not ready; 0 is DefaultGrace
}

// Times that are waited where the options give none.
const (
	DefaultLimit = 30 * time.Second
	DefaultGrace = 5 * time.Second
)

// ExitError tells that the daemon ended before it was ready. Its words are on the launcher's
// standard error.
type ExitError struct {
	Status syscall.WaitStatus
}

// Error implements error.
func (e *ExitError) Error() string {
	if e.Status.Signaled() {
		return fmt.Sprintf("the daemon was killed before it was ready: %v", e.Status.Signal())
	}
	return fmt.Sprintf("the daemon ended before it was ready: exit status %d", e.Status.ExitStatus())
}

// Code is a status for the launcher to exit with: that of the daemon, what a shell tells of
// one that a signal killed, and 1 of one that ended without a failure, which is one here.
func (e *ExitError) Code() int {
	switch {
	case e.Status.Signaled():
		return 128 + int(e.Status.Signal())
	case e.Status.ExitStatus() == 0:
		return 1
	}
	return e.Status.ExitStatus()
}

// ErrLate tells that the daemon was not ready in time. It was ended.
var ErrLate = errors.New("the daemon was not ready in time")

// The descriptors of a daemon, and the variable that tells it of them: the process number of
// its launcher and the umask.
const (
	fdReady = 3
	fdLog   = 4
	marker  = "SERVER_PROCESS_DAEMON"
)

// Launch starts this program again, with the same arguments, as a daemon, and waits until it
// is ready. It returns its process number. A daemon that does not get ready is not left
// running: Launch fails with an ExitError, with ErrLate, or with the cause of ctx. What the
// daemon wrote meanwhile is copied to stderr in any case.
func Launch(ctx context.Context, o Options, stderr io.Writer) (pid int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, orDefault(o.Limit, DefaultLimit), ErrLate)
	defer cancel()
	said, err := openOutput(o.Log)
	if err != nil {
		return 0, fmt.Errorf("start the daemon: %w", err)
	}
	defer said.copy(stderr)
	l, err := start(o, said)
	if err != nil {
		return 0, fmt.Errorf("start the daemon: %w", err)
	}
	select {
	case <-l.ready:
		return l.cmd.Process.Pid, nil
	case <-l.ended:
		return 0, l.failure()
	case <-ctx.Done():
		l.end(orDefault(o.Grace, DefaultGrace))
		return 0, context.Cause(ctx)
	}
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// output is where a daemon writes until it is ready: its log, or a file without a name. A
// pipe would break when its launcher exits, under those whom the daemon started meanwhile.
type output struct {
	file *os.File
	from int64  // what is before was there
	path string // what it writes to once it is ready
}

func openOutput(log string) (*output, error) {
	if log == "" {
		file, err := os.CreateTemp("", "daemon")
		if err != nil {
			return nil, err
		}
		os.Remove(file.Name())
		return &output{file: file, path: os.DevNull}, nil
	}
	file, err := os.OpenFile(log, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		size = 0 // a terminal or a pipe, where nothing was
	}
	return &output{file: file, from: size, path: log}, nil
}

// copy copies what the daemon has written, and lets go of it.
func (o *output) copy(to io.Writer) {
	defer o.file.Close()
	if info, err := o.file.Stat(); err == nil && info.Mode().IsRegular() {
		_, _ = io.Copy(to, io.NewSectionReader(o.file, o.from, info.Size()-o.from))
	}
}

// launched is a daemon that runs.
type launched struct {
	cmd   *exec.Cmd
	ready chan struct{} // closed when it said so
	ended chan struct{} // closed when it has been reaped
}

// start runs the program, with a pipe for its word that it is ready.
func start(o Options, said *output) (*launched, error) {
	cmd, err := command(o)
	if err != nil {
		return nil, err
	}
	later, err := os.OpenFile(said.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	defer later.Close()
	word, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd.Stdout, cmd.Stderr = said.file, said.file
	cmd.ExtraFiles = []*os.File{fdReady - 3: theirs, fdLog - 3: later}
	if err := cmd.Start(); err != nil {
		word.Close()
		return nil, err
	}
	l := &launched{cmd: cmd, ready: make(chan struct{}), ended: make(chan struct{})}
	go l.hear(word)
	go func() {
		_ = cmd.Wait() // the state has it
		close(l.ended)
	}()
	return l, nil
}

// command is this program, as the daemon that the options describe.
func command(o Options) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Args = os.Args
	cmd.Dir = o.Dir
	if cmd.Dir == "" {
		cmd.Dir = string(filepath.Separator)
	}
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d", marker, os.Getpid(), o.Umask))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, nil
}

// hear waits for the daemon's word, which does not come if it ends.
func (l *launched) hear(word *os.File) {
	defer word.Close()
	if n, _ := word.Read(make([]byte, 1)); n == 1 {
		close(l.ready)
	}
}

// failure is the error of a daemon that has ended.
func (l *launched) failure() error {
	if status, ok := l.cmd.ProcessState.Sys().(syscall.WaitStatus); ok {
		return &ExitError{status}
	}
	return errors.New("the daemon ended before it was ready")
}

// end ends a daemon and its process group: it asks, waits, kills, and reaps.
func (l *launched) end(grace time.Duration) {
	group := -l.cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-l.ended:
	case <-time.After(grace):
	}
	_ = syscall.Kill(group, syscall.SIGKILL) // what it left, too
	<-l.ended
}
