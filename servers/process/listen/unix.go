package listen

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// maxPath is the longest path of a Unix socket, in bytes, without the one that ends it
// (sun_path of unix(7)).
const maxPath = len(unix.RawSockaddrUnix{}.Path) - 1

func checkPath(path string) error {
	switch {
	case path == "":
		return errors.New("no path")
	case len(path) > maxPath:
		return fmt.Errorf("the path is %d bytes long; a Unix socket's has at most %d", len(path), maxPath)
	}
	return nil
}

// unix makes a socket in the file system. A file that is there already is removed if it
// is a socket and nobody listens on it: what a server left that was killed. The directory
// is locked meanwhile, or of two that start at once the one could remove what the other
// has just made.
func (o *opener) unix(ctx context.Context, path string) (net.Listener, error) {
	unlock, err := lock(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if _, err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, cause(err)
	}
	ln.SetUnlinkOnClose(false) // it would remove whatever is at the path by then
	made, err := o.permit(path)
	if err != nil {
		return nil, errors.Join(err, ln.Close(), os.Remove(path))
	}
	return &owned{UnixListener: ln, path: path, made: made}, nil
}

// permit sets the permissions of a new socket, and tells which file it is.
func (o *opener) permit(path string) (fs.FileInfo, error) {
	if o.Mode != 0 {
		if err := os.Chmod(path, o.Mode); err != nil {
			return nil, err
		}
	}
	return os.Lstat(path)
}

// RemoveStale removes a Unix socket that nobody listens on, and tells whether there was one.
// It fails if there is something else, or somebody listens.
func RemoveStale(ctx context.Context, path string) (removed bool, err error) {
	unlock, err := lock(filepath.Dir(path))
	if err != nil {
		return false, fmt.Errorf("remove %s: %w", path, err)
	}
	defer unlock()
	if removed, err = removeStale(ctx, path); err != nil {
		return false, fmt.Errorf("remove %s: %w", path, err)
	}
	return removed, nil
}

// removeStale is RemoveStale with the lock.
func removeStale(ctx context.Context, path string) (removed bool, err error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case info.Mode().Type() != fs.ModeSocket:
		return false, errors.New("a file that is not a socket is there")
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		conn.Close()
		return false, errors.New("somebody listens on it")
	case errors.Is(err, unix.ECONNREFUSED):
		err = os.Remove(path)
		return err == nil, err
	}
	return false, fmt.Errorf("a socket is there, and whether somebody listens on it can't be told: %w", cause(err))
}

// lock locks a directory for others who do so too (flock(2)). The lock leaves no file.
func lock(dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(d.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return func() { d.Close() }, nil
}

// owned is a Unix socket whose file goes with its listener. Processes that inherit the
// socket make listeners of it that leave the file.
type owned struct {
	*net.UnixListener
	path string
	made fs.FileInfo
	once sync.Once
}

// Close removes the file, if it is still the one that was made.
func (o *owned) Close() error {
	err := o.UnixListener.Close()
	o.once.Do(func() { err = errors.Join(err, o.remove()) })
	return err
}

func (o *owned) remove() error {
	unlock, err := lock(filepath.Dir(o.path))
	if err != nil {
		return err
	}
	defer unlock()
	now, err := os.Lstat(o.path)
	if err != nil || !os.SameFile(now, o.made) {
		return nil
	}
	return os.Remove(o.path)
}
