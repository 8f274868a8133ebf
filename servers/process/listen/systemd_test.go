package listen

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// printing is the variable that makes the test's binary open the specs it lists, and
// tell what it got.
const printing = "LISTEN_TEST_PRINTS"

func TestMain(m *testing.M) {
	if specs := os.Getenv(printing); specs != "" {
		os.Exit(prints(strings.Fields(specs)))
	}
	os.Exit(m.Run())
}

// prints tells the names of the sockets, answers one connection on each, and tells which
// variables are left.
func prints(specs []string) int {
	all, err := Open(context.Background(), Options{}, specs...)
	if err != nil {
		fmt.Println("error:", err)
	}
	for _, l := range all {
		fmt.Println("socket:", l.Spec, l.Name, filepath.Base(l.Addr().String()))
	}
	for _, l := range all {
		c, err := l.Accept()
		if err != nil {
			fmt.Println("error:", err)
			return 1
		}
		fmt.Fprintln(c, l.Name)
		c.Close()
	}
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "LISTEN_") && !strings.HasPrefix(v, printing) {
			fmt.Println("left:", v)
		}
	}
	return 0
}

const activate = "systemd-socket-activate"

// started starts the test's binary by the real systemd-socket-activate, with a Unix socket
// of each of the names, and returns the output and what the sockets answered.
func started(t *testing.T, names string, specs string) (output string, answers []string) {
	t.Helper()
	program, err := exec.LookPath(activate)
	if err != nil {
		t.Skipf("without %s, which comes with systemd: %v", activate, err)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args := []string{"-E", printing + "=" + specs, "--fdname=" + names}
	var paths []string
	for i := range strings.Split(names, ":") {
		paths = append(paths, filepath.Join(dir, fmt.Sprint("s", i)))
		args = append(args, "-l", paths[i])
	}
	cmd := exec.CommandContext(ctx, program, append(args, os.Args[0])...)
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	for _, path := range paths { // the first connection has it start the program
		conns = append(conns, dialed(ctx, t, path))
	}
	for _, c := range conns {
		text, err := io.ReadAll(c)
		if err != nil {
			t.Error(err)
		}
		answers = append(answers, strings.TrimSpace(string(text)))
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	return out.String(), answers
}

// dialed is a connection to a socket, once it is there.
func dialed(ctx context.Context, t *testing.T, path string) net.Conn {
	for ctx.Err() == nil {
		c, err := net.Dial("unix", path)
		if err != nil {
			time.Sleep(time.Millisecond) // the program gives no sign when it listens
			continue
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	t.Fatalf("nobody listens at %s", path)
	return nil
}

func TestSystemd(t *testing.T) {
	output, answers := started(t, "web:admin:web", "systemd")
	want := "socket: systemd web s0\nsocket: systemd admin s1\nsocket: systemd web s2\n"
	if output != want {
		t.Errorf("got\n%swant\n%s", output, want)
	}
	if got := strings.Join(answers, " "); got != "web admin web" {
		t.Errorf("answers are %s", got)
	}
}

func TestSystemdByName(t *testing.T) {
	output, answers := started(t, "web:admin:web", "systemd:admin systemd:web")
	want := "socket: systemd:admin admin s1\nsocket: systemd:web web s0\nsocket: systemd:web web s2\n"
	if output != want || strings.Join(answers, " ") != "web admin web" {
		t.Errorf("got\n%swant\n%s", output, want)
	}
}

// selfStarted runs the test's binary with variables of socket activation of its own.
func selfStarted(t *testing.T, specs string, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), append(env, printing+"="+specs)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return string(out)
}

// Sockets that are another process's are refused, and the variables are unset all the
// same.
func TestSystemdForAnother(t *testing.T) {
	got := selfStarted(t, "systemd", "LISTEN_PID=1", "LISTEN_FDS=1")
	if !strings.HasPrefix(got, `error: listen systemd: the sockets are those of another process (LISTEN_PID is "1", this is `) || strings.Contains(got, "left:") {
		t.Errorf("got %s", got)
	}
}

func TestSystemdWithout(t *testing.T) {
	if got := selfStarted(t, "systemd"); got != "error: listen systemd: systemd has handed over no socket (LISTEN_FDS is not set)\n" {
		t.Errorf("got %s", got)
	}
}
