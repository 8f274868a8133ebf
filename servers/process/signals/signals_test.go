package signals_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/benchctl/benchctl/servers/process/bus"
	"github.com/benchctl/benchctl/servers/process/signals"
)

// The test program is also the program that gets the signals.
func TestMain(m *testing.M) {
	if os.Getenv("SIGNALS_TEST_PART") != "" {
		os.Exit(program())
	}
	os.Exit(m.Run())
}

// program prints each event, and exits when it may read a line.
func program() int {
	b := bus.New(nil)
	table := signals.Default()
	table[syscall.SIGWINCH] = "own"
	for _, e := range table {
		b.On(e, bus.Listener{Name: "print", Run: func(context.Context) error { fmt.Println(e); return nil }})
	}
	b.On(bus.Stop, bus.Listener{Name: "drain", Run: func(ctx context.Context) error {
		fmt.Println("drains")
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		}()
		select {
		case <-read:
		case <-ctx.Done():
		}
		return nil
	}})
	signals.New(table).Attach(b)
	if err := b.Publish(bus.Start).Wait(context.Background()); err != nil {
		return 1
	}
	fmt.Println("up")
	return b.Wait()
}

type child struct {
	*testing.T
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(t *testing.T) child {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SIGNALS_TEST_PART=program")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := child{t, cmd, in, bufio.NewReader(out)}
	t.Cleanup(func() { // a process that was waited for is not killed again
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	c.says("up")
	return c
}

func (c child) says(want string) {
	c.Helper()
	line, err := c.out.ReadString('\n')
	if strings.TrimSpace(line) != want {
		c.Fatalf("said %q (%v), want %s", line, err, want)
	}
}

func (c child) send(s syscall.Signal) {
	c.Helper()
	if err := c.Process.Signal(s); err != nil {
		c.Fatal(err)
	}
}

// Each signal is its event.
func TestDefault(t *testing.T) {
	c := start(t)
	for _, s := range []struct {
		syscall.Signal
		event bus.Event
	}{
		{syscall.SIGHUP, bus.Reload}, {syscall.SIGUSR1, bus.Reopen}, {syscall.SIGUSR2, bus.Upgrade}, {syscall.SIGWINCH, "own"}, {syscall.SIGHUP, bus.Reload},
	} {
		c.send(s.Signal)
		c.says(string(s.event))
	}
	c.send(syscall.SIGTERM)
	c.says("drains")
	if _, err := io.WriteString(c.in, "\n"); err != nil {
		t.Fatal(err)
	}
	c.says(string(bus.Exit))
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// QUIT waits for nobody.
func TestExitNow(t *testing.T) {
	c := start(t)
	c.send(syscall.SIGQUIT)
	c.says("drains")
	c.says(string(bus.Exit))
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

// A second signal to exit kills, by that signal.
func TestSecondSignal(t *testing.T) {
	for _, two := range [][2]syscall.Signal{{syscall.SIGTERM, syscall.SIGTERM}, {syscall.SIGINT, syscall.SIGTERM}, {syscall.SIGTERM, syscall.SIGINT}} {
		c := start(t)
		c.send(two[0])
		c.says("drains")
		c.send(two[1])
		_ = c.Wait()
		status, ok := c.ProcessState.Sys().(syscall.WaitStatus)
		if !ok || !status.Signaled() || status.Signal() != two[1] {
			t.Errorf("%v: %v", two, c.ProcessState)
		}
	}
}

// A table without an entry takes no signal.
func TestEmptyTable(t *testing.T) {
	b := bus.New(nil)
	signals.New(nil).Attach(b)
	b.Publish(bus.Exit)
	b.Wait()
}
