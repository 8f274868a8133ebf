// Package pidfile keeps the file that tells which process a server is, and that there is
// only one.
//
// The truth is a lock: a file beside the pidfile, with ".lock" at the end of its name, that
// the owner has locked (flock(2)). The kernel takes the lock back however the owner ends, so
// that a pidfile left by a kill is known to be stale, also when its number is another
// process's by now. The lock file stays: to remove it would let two processes lock two files
// of that name.
//
// The pidfile is written whole or not at all: to a temporary file, which is synced and then
// renamed.
package pidfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// File is a pidfile that this process has the lock of.
type File struct {
	path    string
	lock    *os.File
	written *os.File // what is at path if nobody replaced it; it can be emptied where it can't be removed
}

// Create locks the pidfile and writes this process's number to it. The error names the
// process that has it, if one has.
func Create(path string) (*File, error) {
	path, err := filepath.Abs(path) // the directory may change
	if err != nil {
		return nil, fmt.Errorf("pidfile: %w", err)
	}
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("pidfile: %w", err)
	}
	return take(path, lock)
}

// Adopt takes the pidfile over from a process that passed on its lock (see Lock). It does not
// write the pidfile: its present owner does, in HandOver, or Write.
func Adopt(path string, lock *os.File) (*File, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("pidfile: %w", err)
	}
	if err := same(lock, path+".lock"); err != nil {
		lock.Close()
		return nil, fmt.Errorf("pidfile %s: the lock that was passed on: %w", path, err)
	}
	syscall.CloseOnExec(int(lock.Fd()))
	return locked(path, lock)
}

// take is Create with an open lock file, which it closes if it fails.
func take(path string, lock *os.File) (*File, error) {
	f, err := locked(path, lock)
	if err != nil {
		return nil, err
	}
	if err := f.Write(); err != nil {
		lock.Close()
		return nil, err
	}
	return f, nil
}

func locked(path string, lock *os.File) (*File, error) {
	err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return &File{path: path, lock: lock}, nil
	}
	lock.Close()
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("pidfile: lock %s.lock: %w", path, err)
	}
	pid, err := Read(path)
	if err != nil { // it has just been created, or is being removed
		return nil, fmt.Errorf("pidfile %s: another process has it: %w", path, ErrLive)
	}
	return nil, fmt.Errorf("pidfile %s: process %d has it: %w", path, pid, ErrLive)
}

// ErrLive tells that the owner of a pidfile is alive.
var ErrLive = errors.New("it is running already")

// Read returns the number that a pidfile has. Its process may have ended.
func Read(path string) (pid int, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("pidfile: %w", err)
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 {
		return 0, fmt.Errorf("pidfile %s: no process number: %q", path, firstBytes(text))
	}
	return pid, nil
}

// firstBytes are enough of a file to tell what it is.
func firstBytes(text []byte) []byte { return text[:min(len(text), 40)] }

// Lock is the lock, to be passed on to a successor as an open file: both have it then, and
// it is free when both have ended. The file remains that of f, which closes it.
func (f *File) Lock() *os.File { return f.lock }

// Write makes this process the one that the pidfile tells.
func (f *File) Write() error { return f.write(os.Getpid()) }

// HandOver makes a successor, which has the lock too, the one that the pidfile tells. From
// now on Remove leaves it alone.
func (f *File) HandOver(pid int) error {
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("pidfile %s: hand over to process %d: %w", f.path, pid, err)
	}
	err := f.write(pid)
	if errors.Is(err, fs.ErrPermission) && f.ours() {
		return f.overwrite(pid)
	}
	return err
}

// ours tells whether what this process wrote is still at the path.
func (f *File) ours() bool { return f.written != nil && same(f.written, f.path) == nil }

// overwrite writes in place, where the right to do it properly was dropped.
func (f *File) overwrite(pid int) error {
	n, err := f.written.WriteAt(fmt.Appendln(nil, pid), 0)
	if err == nil {
		err = f.written.Truncate(int64(n))
	}
	if err == nil {
		err = f.written.Sync()
	}
	if err != nil {
		return fmt.Errorf("pidfile: %w", err)
	}
	return nil
}

// write replaces the pidfile. One temporary name is enough, as only the owner of the lock
// writes there; what a killed one left is removed.
func (f *File) write(pid int) error {
	temporary := f.path + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("pidfile: %w", err)
	}
	file, err := os.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("pidfile: %w", err)
	}
	err = fill(file, pid)
	if err == nil {
		err = os.Rename(temporary, f.path)
	}
	if err != nil {
		file.Close()
		_ = os.Remove(temporary)
		return fmt.Errorf("pidfile: %w", err)
	}
	if f.written != nil {
		f.written.Close()
	}
	f.written = file
	return syncDir(filepath.Dir(f.path))
}

func fill(file *os.File, pid int) error {
	if err := file.Chmod(0o644); err != nil { // whatever the umask is
		return err
	}
	if _, err := fmt.Fprintln(file, pid); err != nil {
		return err
	}
	return file.Sync()
}

// syncDir makes a rename last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("pidfile: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("pidfile: sync %s: %w", dir, err)
	}
	return nil
}

// Remove removes the pidfile, if it is this process's, and gives up the lock. One that tells
// of a successor stays. Where it can't be removed any longer, as the right to was dropped, it
// is made empty.
func (f *File) Remove() error {
	defer f.lock.Close()
	if f.written != nil {
		defer f.written.Close()
	}
	pid, err := Read(f.path)
	if errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err != nil || pid != os.Getpid() {
		return nil
	}
	err = os.Remove(f.path)
	if errors.Is(err, fs.ErrPermission) && f.ours() {
		err = f.written.Truncate(0)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("pidfile: %w", err)
	}
	return nil
}

// same tells whether an open file is the one at a path.
func same(file *os.File, path string) error {
	open, err := file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !os.SameFile(open, there) {
		return fmt.Errorf("it is not %s", path)
	}
	return nil
}
