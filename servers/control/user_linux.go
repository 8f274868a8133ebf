package control

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// executable asks whether a program can be executed, and a directory passed.
const executable = unix.X_OK

// may asks the kernel whether the user has a right to a path, links followed.
func (u *User) may(path string, right uint32) error {
	return u.with(func() error { return unix.Faccessat(unix.AT_FDCWD, path, right, unix.AT_EACCESS) })
}

// aside is a descriptor that is above all those that a child is given, and that they go
// by on their way.
const aside = 20

// openAside opens a file, which a child that is started has by the same descriptor until
// it executes a program.
func openAside(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, aside)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// needed are the capabilities that it takes to run, watch and end what is another user's.
var needed = []struct {
	number uint
	name   string
}{
	{unix.CAP_CHOWN, "CHOWN"}, {unix.CAP_DAC_OVERRIDE, "DAC_OVERRIDE"}, {unix.CAP_KILL, "KILL"},
	{unix.CAP_SETGID, "SETGID"}, {unix.CAP_SETUID, "SETUID"}, {unix.CAP_SYS_PTRACE, "SYS_PTRACE"},
}

// rightsOver tells what root lacks to have and watch processes of another user, as it may in
// a container; nil if nothing.
func rightsOver() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return os.NewSyscallError("capget", err)
	}
	for _, c := range needed {
		if sets[0].Effective&(1<<c.number) == 0 {
			return fmt.Errorf("to have and watch processes of another user takes the capability %s, which root lacks here", c.name)
		}
	}
	return nil
}

// NameSelf gives this process a name in the process table, where it has that of the descriptor
// that it was executed by.
func NameSelf(name string) { _ = os.WriteFile("/proc/self/comm", []byte(name), 0) }

// with runs f by a thread that has the user's rights to files, and not root's (setfsuid(2)).
func (u *User) with(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		own, err := unix.Getgroups()
		if err == nil {
			err = u.rights(f)
		}
		result <- err
		back := &User{UID: uint32(unix.Geteuid()), GID: uint32(unix.Getegid()), Groups: ids(own)}
		if back.rights(func() error { return nil }) == nil {
			runtime.UnlockOSThread()
		} // else the thread ends with this
	}()
	return <-result
}

// rights gives the thread the user's rights to files, and runs f.
func (u *User) rights(f func() error) error {
	var first *uint32
	if len(u.Groups) > 0 {
		first = &u.Groups[0]
	}
	// Of this thread alone: unix.Setgroups is of all.
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(u.Groups)), uintptr(unsafe.Pointer(first)), 0); errno != 0 {
		return os.NewSyscallError("setgroups", errno)
	}
	if err := unix.Setfsgid(int(u.GID)); err != nil {
		return os.NewSyscallError("setfsgid", err)
	}
	if err := unix.Setfsuid(int(u.UID)); err != nil {
		return os.NewSyscallError("setfsuid", err)
	}
	return f()
}

func ids(groups []int) []uint32 {
	all := make([]uint32, len(groups))
	for i, group := range groups {
		all[i] = uint32(group)
	}
	return all
}
