package audit

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// A stage is what an operator starts a server from: a shell that leads a session with a
// terminal. What the server keeps of that can be seen. The stage is the main process of a
// guard and outlives the launcher, as the guard ends all when its main process ends.
//
//	guard ── stage ── shell ── launcher ── ... daemon (adopted by the guard)
//
// fdTold is the descriptor by which the shell tells its number and, once the launcher has
// ended, the exit status of that.
const fdTold = 3

// Files for the output of launchers and servers, and of the stage, in the directory that they
// start in. What a launcher has written is there when it has ended.
const (
	launcherLog = "launcher.log"
	stageLog    = "stage.log"
)

// script is what the shell does. At last it waits for the end of the terminal.
const script = `umask 022; echo $$ >&3; "$@" 3>&-; echo $? >&3; exec 3>&-; read -r end`

// RunStage is the body of the stage; cmd/benchctl calls it for a hidden command. It returns
// the exit code.
func RunStage(argv []string) int {
	if err := stage(argv); err != nil {
		fmt.Fprintln(os.Stderr, "stage:", err)
		return 1
	}
	return 0
}

func stage(argv []string) error {
	told := os.NewFile(fdTold, "told")
	syscall.CloseOnExec(fdTold)
	terminal, line, err := openTerminal()
	if err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	output, err := os.OpenFile(launcherLog, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	shell := exec.Command("/bin/sh", append([]string{"-c", script, "sh"}, argv...)...)
	shell.Stdin, shell.Stdout, shell.Stderr, shell.ExtraFiles = line, output, output, []*os.File{told}
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := shell.Start(); err != nil {
		return err
	}
	for _, f := range []*os.File{told, line, output} {
		f.Close()
	}
	go func() { _, _ = io.Copy(os.Stdout, terminal) }() // nobody is to wait until it is read
	return shell.Wait()                                 // until the guard kills both
}

// staged is a server that was started from a stage.
type staged struct {
	*scene
	shell int           // PID
	end   chan struct{} // closed when the launcher has ended, or its stage
	code  int           // of the launcher, once that is so
	err   error         // its stage ended before it did
	given [3]string     // descriptors 0 to 2 of the launcher
}

// raise starts the scene's command from a stage.
func (sc *scene) raise() (*staged, error) {
	g := &staged{scene: sc, end: make(chan struct{})}
	r, w, err := os.Pipe()
	if err != nil {
		return g, err
	}
	command := sc.command
	command.Argv = slices.Concat(sc.audit.Stage, command.Argv)
	err = sc.start(command, w, stageLog)
	w.Close()
	told := bufio.NewReader(r)
	if err == nil {
		sc.own = append(sc.own, sc.process.PID())
		g.shell, err = number(told)
	}
	if err != nil {
		r.Close()
		return g, sc.failure(fmt.Errorf("its stage did not start: %w", err))
	}
	sc.own = append(sc.own, g.shell)
	for fd := range g.given {
		g.given[fd] = descriptor(g.shell, fd)
	}
	go func() {
		defer r.Close()
		g.code, g.err = number(told)
		close(g.end)
	}()
	return g, nil
}

// launch waits for the end of the launcher, and tells its exit status.
func (g *staged) launch(ctx context.Context) (int, error) {
	limited, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the launcher did not end within %v", patience))
	defer cancel()
	select {
	case <-g.end:
		return g.code, g.err
	case <-limited.Done():
		return 0, context.Cause(limited)
	}
}

// over tells whether the launcher has ended.
func (g *staged) over() bool {
	select {
	case <-g.end:
		return true
	default:
		return false
	}
}

func number(r *bufio.Reader) (int, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(line))
}

// descriptor is what a descriptor of a process is, such as "/dev/pts/1" or "pipe:[123]"; ""
// if it is closed.
func descriptor(pid, fd int) string {
	to, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "fd", strconv.Itoa(fd)))
	if err != nil {
		return ""
	}
	return to
}
