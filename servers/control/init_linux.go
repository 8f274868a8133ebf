package control

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// asInit makes a child process 1 of a pid namespace of its own.
func asInit(sys *syscall.SysProcAttr) error {
	sys.Cloneflags |= unix.CLONE_NEWPID
	return nil
}

// CanInit tells why no process can have a pid namespace of its own here; nil if one can.
func CanInit() error {
	cmd := exec.Command("true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("no process can have a pid namespace of its own here: %w", err)
	}
	return nil
}

// Orphan starts a process in the pid namespace of the candidate's main process, which is
// process 1 of it. Its parent ends, so that the main process is its parent then, as in a
// container, and it ends itself as end says: a line for a shell, such as "exit 3". It
// returns once the process has closed its files, and tells which one it was.
func (p *Process) Orphan(end string) (pid int, err error) {
	select {
	case <-p.done:
		return 0, fmt.Errorf("%w: %s", ErrEnded, p.exit)
	default:
	}
	o, err := p.bear(end)
	if err != nil {
		return 0, fmt.Errorf("start an orphan in the namespace of process %d: %w", p.PID(), err)
	}
	defer o.close()
	if pid, err = o.adopted(p.PID()); err != nil {
		return 0, err
	}
	o.let.Close()
	_, _ = io.Copy(io.Discard, o.told) // until it ends
	return pid, nil
}

// orphan is a process whose parent has ended. It ends when let is closed.
type orphan struct {
	let  *os.File
	told *bufio.Reader // what it says: its number, as its namespace counts
	out  *os.File
}

func (o orphan) close() { o.let.Close(); o.out.Close() }

// bear starts an orphan. Process numbers are counted by the namespace that the starting
// thread has for its children (setns(2)).
func (p *Process) bear(end string) (o orphan, err error) {
	letR, letW, err := os.Pipe()
	if err != nil {
		return o, err
	}
	defer letR.Close()
	outR, outW, err := os.Pipe()
	if err != nil {
		letW.Close()
		return o, err
	}
	defer outW.Close()
	o = orphan{let: letW, told: bufio.NewReader(outR), out: outR}
	// The background process of a shell has no standard input, and no other descriptor is
	// taken from it.
	argv := []string{"sh", "-c", `sh -c "$1" & exit 0`, "sh", "echo $$; read line <&3; " + end}
	if err := inNamespace(p.PID(), func() error { return run(argv, outW, letR) }); err != nil {
		o.close()
		return o, err
	}
	return o, nil
}

// run runs a shell to its end, with a standard output, and a descriptor 3.
func run(argv []string, out, third *os.File) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	shell, err := os.StartProcess("/bin/sh", argv, &os.ProcAttr{Dir: "/", Files: []*os.File{null, out, null, third}})
	if err != nil {
		return err
	}
	_, err = shell.Wait()
	return err
}

// inNamespace runs f by a thread whose children are of the pid namespace that a process is the
// first of.
func inNamespace(first int, f func() error) error {
	if inner, err := proc.Inner(first); err != nil || inner != 1 {
		return errors.Join(errors.New("it is not process 1 of a pid namespace"), err)
	}
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err := childrenOf(first)
		if err == nil {
			err = f()
		}
		if childrenOf(os.Getpid()) == nil {
			runtime.UnlockOSThread()
		} // else the thread ends with this
		result <- err
	}()
	return <-result
}

// childrenOf has this thread's children be of the pid namespace of a process.
func childrenOf(pid int) error {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err != nil {
		return err
	}
	defer ns.Close()
	return os.NewSyscallError("setns", unix.Setns(int(ns.Fd()), unix.CLONE_NEWPID))
}

// adopted finds the orphan among the children of a process. Its parent has been waited for,
// so that it has another one.
func (o orphan) adopted(by int) (pid int, err error) {
	line, err := o.told.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("the orphan does not tell its number: %w", err)
	}
	inner, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return 0, fmt.Errorf("the orphan does not tell its number: %w", err)
	}
	children, err := proc.Children(by)
	if err != nil {
		return 0, err
	}
	at := slices.IndexFunc(children, func(pid int) bool {
		got, err := proc.Inner(pid)
		return err == nil && got == inner
	})
	if at < 0 {
		return 0, fmt.Errorf("process %d has not adopted the orphan", by)
	}
	return children[at], nil
}
