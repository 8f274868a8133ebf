package process_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/process/bus"
	"github.com/benchctl/benchctl/servers/process/pidfile"
)

// page has the program that is built and run here.
var page = filepath.Join("..", "..", "docs", "process-control-library.md")

// site is a place where the program of the page runs.
type site struct {
	*testing.T
	dir, program, address, pidfile, files string
	manager                               *net.UnixConn // what a service manager hears
	socket                                string
}

// The program of the page is built and run, in all ways that its users know.
func TestProgram(t *testing.T) {
	s := newSite(t)
	for name, test := range map[string]func(*site){
		"life": (*site).life, "second": (*site).second, "background": (*site).background, "background fails": (*site).backgroundFails,
	} {
		t.Run(name, func(t *testing.T) {
			here := *s
			here.T = t
			here.listen()
			test(&here)
		})
	}
}

func newSite(t *testing.T) *site {
	dir, err := os.MkdirTemp("", "p") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &site{
		T: t, dir: dir, program: filepath.Join(dir, "program"), address: free(t),
		pidfile: filepath.Join(dir, "files.pid"), files: filepath.Join(dir, "www"), socket: filepath.Join(dir, "s"),
	}
	if err := os.Mkdir(s.files, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // www-data looks in, too
		t.Fatal(err)
	}
	s.build()
	return s
}

// listen makes the socket of a service manager.
func (s *site) listen() {
	os.Remove(s.socket)
	var err error
	s.manager, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.socket, Net: "unixgram"})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { s.manager.Close() })
	if err := os.Chmod(s.socket, 0o666); err != nil {
		s.Fatal(err)
	}
}

func free(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// What the page shows beside the program is part of an example, which runs.
func TestPage(t *testing.T) {
	example, err := os.ReadFile("example_plugin_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range blocks(t) {
		if !strings.HasPrefix(code, "package main") && !strings.Contains(string(example), code) {
			t.Errorf("no example has this:\n%s", code)
		}
	}
}

// blocks are what the page has of Go.
func blocks(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range goBlock.FindAllSubmatch(text, -1) {
		all = append(all, string(m[1]))
	}
	if len(all) < 2 || !strings.HasPrefix(all[0], "package main") {
		t.Fatalf("%s does not begin with the program", page)
	}
	return all
}

// build makes the page's program, with the places of this test.
func (s *site) build() {
	s.Helper()
	code := blocks(s.T)[0]
	if n := strings.Count(code, "\n"); n >= 30 {
		s.Errorf("the program takes %d lines", n)
	}
	for was, is := range map[string]string{"127.0.0.1:8080": s.address, "/run/files.pid": s.pidfile, "/srv/www": s.files} {
		if strings.Count(code, strconv.Quote(was)) != 1 {
			s.Fatalf("the program has no %q", was)
		}
		code = strings.ReplaceAll(code, strconv.Quote(was), strconv.Quote(is))
	}
	if !s.drops() {
		code = regexp.MustCompile(`privileges\.To\(.*?\), |.*/privileges"\n`).ReplaceAllString(code, "")
	}
	source := filepath.Join(s.dir, "main.go")
	if err := os.WriteFile(source, []byte(code), 0o600); err != nil {
		s.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", s.program, source).CombinedOutput(); err != nil {
		s.Fatalf("%v\n%s", err, out)
	}
}

// drops tells whether the program can drop privileges here.
func (s *site) drops() bool {
	passwd, _ := os.ReadFile("/etc/passwd")
	return os.Getuid() == 0 && bytes.Contains(passwd, []byte("\nwww-data:"))
}

func (s *site) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.program, args...)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+s.socket)
	return cmd
}

// start runs the program in the foreground, until it is ready.
func (s *site) start() (cmd *exec.Cmd, stderr *bytes.Buffer) {
	s.Helper()
	cmd, stderr = s.command(), new(bytes.Buffer)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	s.hears("READY=1")
	return cmd, stderr
}

func (s *site) hears(want string) {
	s.Helper()
	_ = s.manager.SetReadDeadline(time.Now().Add(time.Minute))
	message := make([]byte, 4096)
	n, err := s.manager.Read(message)
	if err != nil || !strings.HasPrefix(string(message[:n]), want) {
		s.Fatalf("heard %q (%v), want %s", message[:n], err, want)
	}
}

func (s *site) get(name string) *http.Response {
	s.Helper()
	reply, err := http.Get("http://" + s.address + "/" + name)
	if err != nil || reply.StatusCode != http.StatusOK {
		s.Fatal(reply, err)
	}
	s.Cleanup(func() { reply.Body.Close() })
	return reply
}

func (s *site) has(pid int) {
	s.Helper()
	if got, err := pidfile.Read(s.pidfile); err != nil || got != pid {
		s.Errorf("the pidfile has %d (%v), not %d", got, err, pid)
	}
}

func (s *site) stopped(pid int) {
	s.Helper()
	if got, err := pidfile.Read(s.pidfile); err == nil {
		s.Errorf("the pidfile of %d has %d still", pid, got)
	}
}

func (s *site) write(name string, size int) {
	if err := os.WriteFile(filepath.Join(s.files, name), make([]byte, size), 0o644); err != nil {
		s.Fatal(err)
	}
}

// The life of the program: ready, reload, a stop in which a reply under way is finished.
func (s *site) life() {
	const long = 32 << 20 // more than all buffers hold
	s.write("small", 10)
	s.write("long", long)
	cmd, stderr := s.start()
	s.has(cmd.Process.Pid)
	s.get("small")
	if s.drops() {
		s.wwwData(cmd.Process.Pid)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		s.Fatal(err)
	}
	s.hears("RELOADING=1\nMONOTONIC_USEC=")
	s.hears("READY=1")

	reply := s.get("long")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.Fatal(err)
	}
	s.hears("STOPPING=1")
	if n, err := io.Copy(io.Discard, reply.Body); err != nil || n != long {
		s.Errorf("%d bytes, %v", n, err)
	}
	if err := cmd.Wait(); err != nil || stderr.Len() > 0 {
		s.Errorf("%v\n%s", err, stderr)
	}
	s.stopped(cmd.Process.Pid)
}

// wwwData looks at the user of every thread.
func (s *site) wwwData(pid int) {
	s.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(threads) == 0 {
		s.Fatal(threads, err)
	}
	for _, path := range threads {
		if text, err := os.ReadFile(path); err == nil && !regexp.MustCompile(`(?s)\nUid:\t33\t33\t33\t33\n.*\nCapBnd:\t0+\n`).Match(text) {
			s.Errorf("%s:\n%s", path, text)
		}
	}
}

// A second program is refused, and leaves the first alone; a killed one is in nobody's way.
func (s *site) second() {
	s.write("small", 10)
	for range 2 {
		cmd, _ := s.start()
		s.refused(s.command(), fmt.Sprintf("process %d has it", cmd.Process.Pid))
		s.has(cmd.Process.Pid)
		s.get("small")
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		s.has(cmd.Process.Pid)
	}
	cmd, _ := s.start()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		s.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		s.Error(err)
	}
}

// In the background, the launcher returns when the program serves, or has failed.
func (s *site) background() {
	s.write("small", 10)
	if out, err := s.command("-daemon").CombinedOutput(); err != nil || len(out) > 0 {
		s.Fatalf("%v\n%s", err, out)
	}
	pid, err := pidfile.Read(s.pidfile)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if again, err := pidfile.Read(s.pidfile); err == nil && again == pid {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	s.get("small")
	if session, err := unix.Getsid(pid); err != nil || session != pid {
		s.Errorf("its session is %d, %v", session, err)
	}
	s.refused(s.command("-daemon"), fmt.Sprintf("process %d has it", pid))
	s.has(pid)
	lock, err := os.Open(s.pidfile + ".lock")
	if err != nil {
		s.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		s.Fatal(err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil { // it is free when the daemon has stopped
		s.Fatal(err)
	}
	s.stopped(pid)
}

// A port that is taken is the reason that the launcher tells.
func (s *site) backgroundFails() {
	ln, err := net.Listen("tcp", s.address)
	if err != nil {
		s.Fatal(err)
	}
	defer ln.Close()
	s.refused(s.command("-daemon"), "address already in use")
	s.stopped(0)
}

// refused runs a program that can't start, and tells why in its first line.
func (s *site) refused(cmd *exec.Cmd, why string) {
	s.Helper()
	out, err := cmd.CombinedOutput()
	first, _, _ := strings.Cut(string(out), "\n")
	if err == nil || cmd.ProcessState.ExitCode() != bus.StatusStartFailed || !strings.Contains(first, why) {
		s.Errorf("%v\n%s", err, out)
	}
}
