package listen

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// open opens sockets that the test closes.
func open(t *testing.T, o Options, specs ...string) ([]Listener, error) {
	t.Helper()
	all, err := Open(t.Context(), o, specs...)
	t.Cleanup(func() {
		for _, l := range all {
			l.Close()
		}
	})
	return all, err
}

func says(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", texts)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error lacks %q: %v", text, err)
		}
	}
}

// answers checks that a connection to the address is accepted.
func answers(t *testing.T, ln net.Listener) {
	t.Helper()
	c, err := net.Dial(ln.Addr().Network(), ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	got.Close()
}

func TestTCP(t *testing.T) {
	all, err := open(t, Options{}, "tcp:127.0.0.1:0", "tcp:127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		answers(t, l)
	}
	taken := "tcp:" + all[0].Addr().String()
	_, err = open(t, Options{}, taken)
	says(t, err, "listen "+taken, "address already in use")
	if strings.Count(err.Error(), "listen") > 1 {
		t.Errorf("told twice: %v", err)
	}
}

// Only who asks for it shares a port.
func TestReusePort(t *testing.T) {
	all, err := open(t, Options{ReusePort: true}, "tcp:127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	same := "tcp:" + all[0].Addr().String()
	if _, err := open(t, Options{ReusePort: true}, same); err != nil {
		t.Error(err)
	}
	if _, err = open(t, Options{}, same); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("without asking for it: %v", err)
	}
}

func TestBadSpecs(t *testing.T) {
	long := filepath.Join("/", strings.Repeat("x", 200))
	for spec, want := range map[string]string{
		"":             "not of the form",
		"8080":         "not of the form",
		"udp:[::]:1":   "not of the form",
		"tcp:8080":     "missing port",
		"unix:":        "no path",
		"unix:" + long: "201 bytes long",
		"fd:x":         `"x" is not a file descriptor`,
		"fd:-1":        `"-1" is not a file descriptor`,
		"fd:987":       "bad file descriptor",
		"systemd":      "LISTEN_FDS is not set",
	} {
		_, err := open(t, Options{}, spec)
		says(t, err, "listen "+spec, want)
		if err := Check(spec); (err == nil) != (spec == "fd:987" || spec == "systemd") {
			t.Errorf("check of %q: %v", spec, err)
		}
	}
}

// Of several specs all are opened or none.
func TestAllOrNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	_, err := open(t, Options{}, "unix:"+path, "fd:987")
	says(t, err, "fd:987")
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

func TestUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	all, err := open(t, Options{Mode: 0o620}, "unix:"+path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Perm() != 0o620 {
		t.Errorf("the socket is %v, %v", info, err)
	}
	answers(t, all[0])
	_, err = open(t, Options{}, "unix:"+path)
	says(t, err, path, "somebody listens on it")
	if err := all[0].Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

// stale leaves a socket in the file system that nobody listens on.
func stale(t *testing.T, path string) {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
}

func TestUnixStale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	stale(t, path)
	all, err := open(t, Options{}, "unix:"+path)
	if err != nil {
		t.Fatal(err)
	}
	answers(t, all[0])
}

// What is no socket stays.
func TestUnixOtherFile(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "f"), filepath.Join(dir, "l")
	if err := errors.Join(os.WriteFile(file, []byte("mine"), 0o600), os.Symlink(file, link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, link, dir} {
		_, err := open(t, Options{}, "unix:"+path)
		says(t, err, path, "not a socket is there")
	}
	if text, err := os.ReadFile(file); string(text) != "mine" || err != nil {
		t.Errorf("the file has %q, %v", text, err)
	}
	_, err := open(t, Options{}, "unix:"+filepath.Join(dir, "none", "s"))
	says(t, err, "no such file or directory")
}

// Who closes a socket leaves another one's at its path.
func TestUnixOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	all, err := open(t, Options{}, "unix:"+path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+"2"); err != nil {
		t.Fatal(err)
	}
	others, err := open(t, Options{}, "unix:"+path)
	if err != nil {
		t.Fatal(err)
	}
	if err := all[0].Close(); err != nil {
		t.Error(err)
	}
	answers(t, others[0])
}

// Of many that find the same stale socket at once, one gets its place, and keeps it.
func TestUnixAtOnce(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "s")
		stale(t, path)
		var got [8][]Listener
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() { got[i], _ = Open(t.Context(), Options{}, "unix:"+path) })
		}
		wg.Wait()
		winners := 0
		for _, all := range got {
			for _, l := range all {
				winners++
				answers(t, l)
				l.Close()
			}
		}
		if winners != 1 {
			t.Errorf("%d listen at one path", winners)
		}
	}
}

// fdOf is a new descriptor of a socket, which the test closes unless it is taken.
func fdOf(t *testing.T, socket syscall.Conn) string {
	t.Helper()
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	fd := -1
	if cerr := raw.Control(func(s uintptr) { fd, err = unix.Dup(int(s)) }); errors.Join(cerr, err) != nil {
		t.Fatal(err, cerr)
	}
	return "fd:" + strconv.Itoa(fd)
}

func TestFD(t *testing.T) {
	all, err := open(t, Options{}, "tcp:127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	again, err := open(t, Options{}, fdOf(t, all[0]))
	if err != nil {
		t.Fatal(err)
	}
	if again[0].Addr().String() != all[0].Addr().String() {
		t.Errorf("it listens on %v, not on %v", again[0].Addr(), all[0].Addr())
	}
	answers(t, again[0])
}

func TestFDIsNone(t *testing.T) {
	file, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	datagrams, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer datagrams.Close()
	all, err := open(t, Options{}, "tcp:127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", all[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for spec, want := range map[string]string{
		"fd:" + strconv.Itoa(int(file.Fd())): "non-socket",
		fdOf(t, datagrams.(*net.UDPConn)):    "type datagram, not stream",
		fdOf(t, conn.(*net.TCPConn)):         "does not listen",
	} {
		_, err := open(t, Options{}, spec)
		says(t, err, spec, want)
	}
}
