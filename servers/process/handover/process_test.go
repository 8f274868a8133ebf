//go:build unix

package handover

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/process/drain"
	"github.com/benchctl/benchctl/servers/process/listen"
)

// roleVariable makes the test's binary a worker or a supervisor.
const roleVariable = "HANDOVER_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func play(role string) error {
	w, err := Inherit()
	switch {
	case err != nil:
		return err
	case role == "supervisor" && w == nil:
		return supervise()
	case w == nil:
		return errors.New("no supervisor has started this worker")
	}
	switch role {
	case "crash":
		return errors.New("the configuration is broken")
	case "hang":
		select {}
	case "spares": // it crashes but for the first generation
		if w.Generation > 1 {
			return errors.New("this version is broken")
		}
	}
	return w.Serve(context.Background(), drain.HTTP(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, set := os.LookupEnv(variable)
		fmt.Fprintf(rw, "%d %d %v", w.Generation, os.Getpid(), set)
	})))
}

// supervise tells the address and runs until it is killed.
func supervise() error {
	sockets, err := listen.Open(context.Background(), listen.Options{}, os.Getenv("HANDOVER_TEST_LISTEN"))
	if err != nil {
		return err
	}
	ln := sockets[0]
	s, err := Start(Config{
		Argv: []string{os.Args[0]}, Env: as(os.Getenv("HANDOVER_TEST_WORKER")), Listeners: []net.Listener{ln}, Workers: 2, Drain: time.Second,
	})
	if err != nil {
		return err
	}
	if err := s.Ready(context.Background()); err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	for os.Getenv("HANDOVER_TEST_ROLLS") != "" {
		if err := s.Replace(context.Background()); err != nil {
			return err
		}
	}
	return s.Err()
}

func as(role string) []string { return append(os.Environ(), roleVariable+"="+role) }

// site is a supervisor with its socket.
type site struct {
	*Supervisor
	address string

	mu     sync.Mutex
	alive  []int // processes
	told   chan struct{}
	events []Event
}

// open starts a supervisor of workers of a role, which the test ends.
func open(t *testing.T, role string, c Config) (*site, error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	st := &site{address: ln.Addr().String(), told: make(chan struct{}, 1)}
	c.Listeners, c.Output, c.Tell = append(c.Listeners, ln), io.Discard, st.tell
	if c.Argv == nil {
		c.Argv, c.Env = []string{os.Args[0]}, as(role)
	}
	if c.Ready == 0 {
		c.Ready = time.Minute
	}
	if st.Supervisor, err = Start(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		st.Kill()
		<-st.Done()
		if left := st.processes(); len(left) > 0 {
			t.Errorf("left are processes %v", left)
		}
		flags, err := flagsOf(ln.(*net.TCPListener))
		if err != nil || flags&unix.O_NONBLOCK == 0 {
			t.Errorf("the socket blocks, in all processes: flags %#x, %v", flags, err)
		}
	})
	return st, st.Ready(t.Context())
}

func flagsOf(ln *net.TCPListener) (flags int, err error) {
	raw, err := ln.SyscallConn()
	if err != nil {
		return 0, err
	}
	cerr := raw.Control(func(fd uintptr) { flags, err = unix.FcntlInt(fd, unix.F_GETFL, 0) })
	return flags, errors.Join(cerr, err)
}

func (st *site) tell(e Event) {
	st.mu.Lock()
	defer st.mu.Unlock()
	switch e.Kind {
	case Started:
		st.alive = append(st.alive, e.PID)
	case Ended:
		st.alive = slices.DeleteFunc(st.alive, func(pid int) bool { return pid == e.PID })
	}
	st.events = append(st.events, e)
	select {
	case st.told <- struct{}{}:
	default:
	}
}

func (st *site) processes() []int {
	st.mu.Lock()
	defer st.mu.Unlock()
	return slices.Clone(st.alive)
}

// await waits until an event has come.
func (st *site) await(t *testing.T, what func(Event) bool) {
	t.Helper()
	guard := time.After(time.Minute)
	for {
		st.mu.Lock()
		found := slices.ContainsFunc(st.events, what)
		st.mu.Unlock()
		if found {
			return
		}
		select {
		case <-st.told:
		case <-guard:
			t.Fatalf("it does not happen; what did is %+v", st.events)
		}
	}
}

// client is a connection that is kept.
type client struct {
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, address string) *client {
	t.Helper()
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return &client{c, bufio.NewReader(c)}
}

// ask is who answers, and whether the reply is the last.
func (c *client) ask() (generation, pid int, last bool, err error) {
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil {
		return 0, 0, false, err
	}
	r, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, 0, false, err
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, 0, false, err
	}
	var set bool
	if _, err := fmt.Sscan(string(text), &generation, &pid, &set); err != nil || set {
		return 0, 0, false, fmt.Errorf("got %q, %w", text, err)
	}
	return generation, pid, r.Close, nil
}

// A connection to the old worker is answered while that drains, and is its last.
func TestHandOver(t *testing.T) {
	st, err := open(t, "serve", Config{Drain: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	kept := dial(t, st.address)
	generation, old, last, err := kept.ask()
	if generation != 1 || last || err != nil {
		t.Fatalf("generation %d, last %v, %v", generation, last, err)
	}
	if err := st.Replace(t.Context()); err != nil {
		t.Fatal(err)
	}
	pid := old
	for pid == old && err == nil { // until the order has come, the old one accepts too
		late := dial(t, st.address)
		generation, pid, _, err = late.ask()
		late.Close()
	}
	if generation != 2 || err != nil {
		t.Errorf("a new connection got generation %d, %v", generation, err)
	}
	st.await(t, func(e Event) bool { return e.Kind == Draining && e.PID == old })
	// What is asked before the order has come is not the last.
	for !last && err == nil {
		generation, pid, last, err = kept.ask()
		if generation != 1 || pid != old {
			t.Fatalf("the old connection got generation %d, process %d, %v", generation, pid, err)
		}
	}
	if _, err := kept.in.ReadByte(); err != io.EOF {
		t.Errorf("after the last reply: %v", err)
	}
	st.await(t, func(e Event) bool { return e.Kind == Ended && e.PID == old && e.Err == nil })
	if err := st.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// A worker serves on all sockets, also on those of package listen.
func TestSeveralSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	more, err := listen.Open(t.Context(), listen.Options{}, "unix:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer more[0].Close()
	st, err := open(t, "serve", Config{Listeners: []net.Listener{more[0]}, Drain: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	kept := []*client{dial(t, path), dial(t, st.address)}
	for _, c := range kept {
		if generation, _, last, err := c.ask(); generation != 1 || last || err != nil {
			t.Errorf("generation %d, last %v, %v", generation, last, err)
		}
	}
	if err := st.Replace(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range kept {
		for last := false; !last; {
			if _, _, last, err = c.ask(); err != nil {
				t.Fatal(err)
			}
		}
	}
	st.await(t, func(e Event) bool { return e.Kind == Ended && e.Generation == 1 && e.Err == nil })
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the end of a worker removed the socket: %v", err)
	}
}

// The error of a worker that fails has its exit status and what it printed.
func TestProcessFails(t *testing.T) {
	_, err := open(t, "crash", Config{})
	says(t, err, "exit status 1", "the configuration is broken", "before it was ready")
	_, err = open(t, "", Config{Argv: []string{"sh", "-c", "echo out; echo err >&2; exit 7"}})
	says(t, err, "exit status 7", "out\nerr")
	_, err = open(t, "", Config{Argv: []string{"sh", "-c", "kill -9 $$"}})
	says(t, err, "signal: killed")
	_, err = open(t, "hang", Config{Ready: 100 * time.Millisecond})
	says(t, err, "not ready within 100ms")
}

// A version that fails leaves the old one serving, which is asked to do nothing.
func TestBrokenVersion(t *testing.T) {
	st, err := open(t, "spares", Config{})
	if err != nil {
		t.Fatal(err)
	}
	kept := dial(t, st.address)
	for range 2 {
		says(t, st.Replace(t.Context()), "this version is broken")
		if generation, _, last, err := kept.ask(); generation != 1 || last || err != nil {
			t.Errorf("generation %d, last %v, %v", generation, last, err)
		}
	}
}

// Workers that are killed at any moment, also while others replace them, are started
// again, and none is left at the end.
func TestKills(t *testing.T) {
	t.Parallel()
	kills := 100
	if testing.Short() {
		kills = 10
	}
	st, err := open(t, "serve", Config{Workers: 2, Drain: time.Second, Restart: Restart{First: time.Millisecond, Most: time.Millisecond, Limit: 10 * kills}})
	if err != nil {
		t.Fatal(err)
	}
	var asked sync.WaitGroup
	for i := range kills {
		if i%3 == 0 {
			asked.Go(func() { _ = st.Replace(t.Context()) }) // it may fail by the kill
		}
		if alive := st.processes(); len(alive) > 0 {
			_ = syscall.Kill(alive[rand.N(len(alive))], syscall.SIGKILL) // a child that has not been waited for: its PID is its own
		}
		c, err := net.Dial("tcp", st.address)
		if err != nil {
			t.Fatalf("kill %d: %v", i, err)
		}
		c.Close()
	}
	asked.Wait()
	for { // the last that was killed may have taken the connection
		if _, _, _, err := dial(t, st.address).ask(); err == nil {
			break
		}
	}
	if err := st.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := st.Err(); err != nil {
		t.Error(err)
	}
}

// The workers of a supervisor that is killed end, and what is left stops no next one.
func TestSupervisorKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for _, worker := range []string{"serve", "unsignalled"} {
		t.Run(worker, func(t *testing.T) { supervisorKilled(t, path, worker) })
	}
}

// supervisorKilled starts a supervisor on a socket and kills it.
func supervisorKilled(t *testing.T, path, worker string) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(as("supervisor"), "HANDOVER_TEST_LISTEN=unix:"+path, "HANDOVER_TEST_WORKER="+worker)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the supervisor said %q: %v", line, errors.Join(err, cmd.Wait()))
	}
	clients := make(map[int]*client)
	for len(clients) < 2 {
		c := dial(t, path)
		_, pid, _, err := c.ask()
		if err != nil {
			t.Fatal(err)
		}
		clients[pid] = c
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for pid, c := range clients {
		if _, err := c.in.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("worker %d goes on: %v", pid, err)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	awaitFree(t, path)
}

// awaitFree waits until nobody listens on the socket, which the killed supervisor has
// left: the files of an ending process are closed one after the other.
func awaitFree(t *testing.T, path string) {
	t.Helper()
	for until := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		c, err := net.Dial("unix", path)
		if err != nil {
			return
		}
		c.Close()
		if time.Now().After(until) {
			t.Fatalf("somebody listens on %s", path)
		}
	}
}
