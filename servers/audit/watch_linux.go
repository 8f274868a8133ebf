package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// watch tells how a file came up (inotify(7)). The kernel keeps what happened in order, so
// that no polling can miss it.
type watch struct {
	file *os.File
	name string
}

// watchFile watches for a file in a directory that is there.
func watchFile(path string) (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	w := &watch{os.NewFile(uintptr(fd), "inotify"), filepath.Base(path)}
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(path), unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_MODIFY); err != nil {
		w.file.Close()
		return nil, os.NewSyscallError("inotify_add_watch", err)
	}
	return w, nil
}

// whole tells by an error if the file was written where it is: a reader could have seen none
// or a part of it. It is to be called once the file is complete.
func (w *watch) whole() error {
	events, err := w.read()
	if err != nil {
		return err
	}
	var created bool
	for len(events) >= unix.SizeofInotifyEvent {
		e := (*unix.InotifyEvent)(unsafe.Pointer(&events[0]))
		name := string(bytes.TrimRight(events[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+int(e.Len)], "\x00"))
		events = events[unix.SizeofInotifyEvent+int(e.Len):]
		switch {
		case e.Mask&unix.IN_Q_OVERFLOW != 0:
			return errors.New("too much happened in its directory to tell")
		case name != w.name:
		case e.Mask&unix.IN_MODIFY != 0 && created:
			return errors.New("it was created, and written then: who reads it in between finds it empty")
		case e.Mask&unix.IN_MODIFY != 0:
			return errors.New("it was written over where it is")
		case e.Mask&unix.IN_CREATE != 0:
			created = true
		}
	}
	return nil
}

// read is all events up to now.
func (w *watch) read() ([]byte, error) {
	raw, err := w.file.SyscallConn()
	if err != nil {
		return nil, err
	}
	var all []byte
	buffer := make([]byte, 64<<10)
	for {
		var n int
		var failed error
		if err := raw.Read(func(fd uintptr) bool { n, failed = unix.Read(int(fd), buffer); return true }); err != nil {
			return nil, err
		}
		switch {
		case errors.Is(failed, unix.EAGAIN):
			return all, nil
		case failed != nil:
			return nil, fmt.Errorf("inotify: %w", failed)
		}
		all = append(all, buffer[:n]...)
	}
}

func (w *watch) close() { w.file.Close() }
