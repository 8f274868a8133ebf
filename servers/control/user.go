package control

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// User is another user than this process's, for a candidate to run as. Of a nil *User, all
// methods do what is to be done for this process's own.
type User struct {
	Name     string // or the number
	UID, GID uint32
	Groups   []uint32 // supplementary
	Home     string   // "" if it has none
}

// Unprivileged is the user that candidates run as where this process is root and nothing
// else is asked for.
const Unprivileged = "nobody"

// RunAs finds the user that candidates run as, by name or number: nil if it is this process's
// own. To run as another one takes root. "" is Unprivileged for root. Where that can't be,
// they stay root, and a note says why.
func RunAs(name string) (u *User, note string, err error) {
	if name == "" {
		if os.Geteuid() != 0 {
			return nil, "", nil
		}
		if u, err = another(Unprivileged); err != nil {
			return nil, fmt.Sprintf("candidates run as root: user %q: %v", Unprivileged, err), nil
		}
		return u, "", nil
	}
	if u, err = another(name); err != nil {
		return nil, "", fmt.Errorf("user %q: %w", name, err)
	}
	return u, "", nil
}

// another is a user that this process may have candidates run as, nil if it is its own.
func another(name string) (*User, error) {
	u, err := lookup(name)
	switch {
	case err != nil:
		return nil, err
	case int(u.UID) == os.Geteuid():
		return nil, nil
	case os.Geteuid() != 0:
		return nil, errors.New("that takes root, and this is " + OwnName())
	}
	return u, rightsOver()
}

// lookup finds a user by name or number.
func lookup(name string) (*User, error) {
	known, err := user.Lookup(name)
	if _, number := strconv.ParseUint(name, 10, 32); err != nil && number == nil {
		known, err = user.LookupId(name)
	}
	if err != nil {
		return nil, errors.New("there is no such user")
	}
	u := &User{Name: known.Username, Home: known.HomeDir}
	ids, err := known.GroupIds()
	if err != nil {
		return nil, err
	}
	if u.UID, err = id(known.Uid); err == nil {
		u.GID, err = id(known.Gid)
	}
	for _, text := range ids {
		group, malformed := id(text)
		u.Groups, err = append(u.Groups, group), cmp.Or(err, malformed)
	}
	return u, err
}

func id(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err
}

// OwnName is the name of the user that this process runs as, or its number.
func OwnName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Geteuid())
}

// String is the name.
func (u *User) String() string {
	if u == nil {
		return OwnName()
	}
	return u.Name
}

// Own makes a directory of this process's the user's, with all in it. It fails with a
// *ReachError if the user can't get there.
func (u *User) Own(dir string) error {
	if u == nil {
		return nil
	}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return cmp.Or(err, os.Lchown(path, int(u.UID), int(u.GID)))
	})
	return cmp.Or(err, u.CheckDir(dir))
}

// CheckDir tells whether the user can get to what is in a directory: by a *ReachError if not.
func (u *User) CheckDir(dir string) error {
	if u == nil || u.may(dir, executable) == nil {
		return nil
	}
	return &ReachError{User: u.Name, Path: dir, Closed: u.closed(dir)}
}

// Environ is what of the environment depends on the user: its home, or tmp if it has none.
func (u *User) Environ(tmp string) []string {
	if u == nil {
		return nil
	}
	if info, err := os.Stat(u.Home); err == nil && info.IsDir() {
		return []string{"HOME=" + u.Home}
	}
	return []string{"HOME=" + tmp}
}

// Become makes this process the user's, for good, in all of its threads.
func (u *User) Become() error {
	if u == nil {
		return nil
	}
	groups := make([]int, len(u.Groups))
	for i, group := range u.Groups {
		groups[i] = int(group)
	}
	err := cmp.Or(syscall.Setgroups(groups), syscall.Setgid(int(u.GID)), syscall.Setuid(int(u.UID)))
	if err != nil {
		return fmt.Errorf("become %s: %w", u, err)
	}
	return nil
}

// credential is what a child runs with that is to be the user's.
func (u *User) credential() *syscall.Credential {
	if u == nil {
		return nil
	}
	return &syscall.Credential{Uid: u.UID, Gid: u.GID, Groups: u.Groups}
}

// Reaches tells whether the user can execute what a path leads to, by that path.
func (u *User) Reaches(path string) bool { return u == nil || u.may(path, executable) == nil }

// CheckProgram tells whether the user can run a program: by a *ReachError if not.
func (u *User) CheckProgram(path string) error {
	_, f, err := u.program(path)
	if f != nil {
		f.Close()
	}
	return err
}

// program is the path by which a child that is the user's executes a program. Where it can't
// reach that, as benchctl below /root, it is that of this process's descriptor, which the file
// is, to be closed when the child has begun. A script has no such path, as its
// interpreter would have to open it.
func (u *User) program(path string) (string, *os.File, error) {
	if u.Reaches(path) {
		return path, nil, nil
	}
	closed := &ReachError{User: u.Name, Path: path, Closed: u.closed(path)}
	f, err := openAside(path)
	switch {
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported):
		return "", nil, closed
	case err != nil:
		return "", nil, fmt.Errorf("open %s: %w", path, err)
	}
	begin := make([]byte, 2)
	byDescriptor := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	if _, err := f.ReadAt(begin, 0); err != nil || string(begin) == "#!" || u.may(byDescriptor, executable) != nil {
		f.Close()
		return "", nil, closed
	}
	return byDescriptor, f, nil
}

// closed is the first directory of a path that is closed to the user, or the path.
func (u *User) closed(path string) string {
	for at := 1; at < len(path); at++ {
		if path[at] == os.PathSeparator && u.may(path[:at], executable) != nil {
			return path[:at]
		}
	}
	return path
}

// ReachError is that a user can't reach a program or a directory.
type ReachError struct {
	User, Path string
	Closed     string // what of the path is closed to it
}

func (e *ReachError) Error() string {
	if e.Closed == e.Path {
		return fmt.Sprintf("user %s has no right to %s", e.User, e.Path)
	}
	return fmt.Sprintf("user %s can't reach %s: %s is closed to it", e.User, e.Path, e.Closed)
}

// Hint is what to do.
func (e *ReachError) Hint() string {
	return fmt.Sprintf("put it where %s has access, open it with chmod o+x %s, or name another user with --run-as", e.User, e.Closed)
}
