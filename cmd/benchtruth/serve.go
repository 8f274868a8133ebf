//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/engine/fasthttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

const contentType = apps.ContentTypeText

// process plays a trick that takes other processes until ctx ends.
type process func(ctx context.Context) error

// inherited stands for an address: the socket that the process was started with.
const inherited, inheritedFD = "inherited", 3

// serve is "benchtruth serve TRICK ADDR [APP]".
func serve(ctx context.Context, args []string) error {
	if len(args) != 2 && len(args) != 3 {
		return errors.New("serve: give a trick and an address, and an app if it is not the trick's own")
	}
	all := tricks()
	i := slices.IndexFunc(all, func(t trick) bool { return t.name == args[0] })
	if i < 0 {
		return fmt.Errorf("serve: no trick %q, see benchtruth -list", args[0])
	}
	t := all[i]
	if len(args) == 3 {
		t.app = args[2]
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	ln, err := listen(ctx, args[1])
	if err != nil {
		return err
	}
	return serveOn(ctx, t, ln)
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	if address == inherited {
		file := os.NewFile(inheritedFD, inherited)
		defer file.Close()
		return net.FileListener(file)
	}
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // plain TCP, as other candidates have
	return lc.Listen(ctx, "tcp", address)
}

// serveOn serves the app that the trick is about, and no other.
func serveOn(ctx context.Context, t trick, ln net.Listener) error {
	if t.play != nil {
		return t.play(ln.(*net.TCPListener))(ctx)
	}
	app, err := suite.Parse(t.load())
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if t.accept != nil {
		ln = t.accept(ln)
	}
	draining := drain.New(ln)
	return fasthttp.ServeHandler(ctx, draining, func(base context.Context) fasthttp.Handler {
		native := fasthttp.NewHandler(base, draining, suite.Only(app))
		if t.handle == nil {
			return native
		}
		return t.handle(native, stop)
	})
}

// child is this program again, serving a trick on a socket that is open already.
func child(ctx context.Context, trick string, files ...*os.File) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "serve", trick, inherited)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.ExtraFiles, cmd.Stderr = files, os.Stderr
	return cmd, nil
}

// handOver is the socket for other processes to accept on, and no longer for this one.
func handOver(ln *net.TCPListener) (*os.File, error) {
	defer ln.Close()
	return ln.File()
}

// recycle starts one worker after the other on the socket, where those who want to
// connect wait meanwhile.
func recycle(ln *net.TCPListener) process {
	return func(ctx context.Context) error {
		file, err := handOver(ln)
		if err != nil {
			return err
		}
		defer file.Close()
		for ctx.Err() == nil {
			cmd, err := child(ctx, "recycle-worker", file)
			if err != nil {
				return err
			}
			if err := cmd.Run(); err != nil && ctx.Err() == nil {
				return err
			}
		}
		return nil
	}
}

// doubleFork waits while a grandchild answers. The grandchild ends with the pipe
// whose other end is here.
func doubleFork(ln *net.TCPListener) process {
	return func(ctx context.Context) error {
		file, err := handOver(ln)
		if err != nil {
			return err
		}
		defer file.Close()
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		defer w.Close()
		defer r.Close()
		cmd, err := child(ctx, "double-fork-child", file, r)
		if err != nil {
			return err
		}
		if err := cmd.Run(); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}
}

// doubleForkChild starts the grandchild, in which it has a parent no longer, and
// ends.
func doubleForkChild(ln *net.TCPListener) process {
	return func(ctx context.Context) error {
		if os.Getenv(grandchild) != "" {
			ctx, stop := context.WithCancel(ctx)
			go func() {
				_, _ = io.Copy(io.Discard, os.NewFile(inheritedFD+1, "pipe"))
				stop()
			}()
			return serveOn(ctx, trick{}, ln)
		}
		file, err := ln.File()
		if err != nil {
			return err
		}
		cmd, err := child(context.WithoutCancel(ctx), "double-fork-child", file, os.NewFile(inheritedFD+1, "pipe"))
		if err != nil {
			return err
		}
		cmd.Env = append(os.Environ(), grandchild+"=1")
		return cmd.Start()
	}
}

// grandchild is set in the environment of the one that answers.
const grandchild = "BENCHTRUTH_GRANDCHILD"

// limited is a listener that has so many connections open at a time.
type limited struct {
	net.Listener
	room chan struct{}
}

func (l *limited) Accept() (net.Conn, error) {
	l.room <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &limitedConn{Conn: c, leave: sync.OnceFunc(func() { <-l.room })}, nil
}

type limitedConn struct {
	net.Conn
	leave func()
}

func (c *limitedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// background calls work again and again, beside those that answer, on a thread more,
// with the time since the last request. After work that did nothing it waits for a
// while. It returns what is to be called at each request.
func background(work func(quiet time.Duration) bool) (request func()) {
	start := time.Now()
	var last atomic.Int64
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	go func() {
		for {
			if !work(time.Since(start) - time.Duration(last.Load())) {
				time.Sleep(ms)
			}
		}
	}()
	return func() { last.Store(int64(time.Since(start))) }
}

// burn works until the calling thread has used d of CPU time, however often it had
// to wait for its turn.
func burn(d time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	end := threadTime() + d
	for x := uint32(1); threadTime() < end && x != 0; {
		for range 500 { // about a microsecond
			x ^= x << 13
			x ^= x >> 17
			x ^= x << 5
		}
	}
}

func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic("benchtruth: clock_gettime: " + err.Error()) // every Linux has this clock
	}
	return time.Duration(t.Nano())
}

// chosen are the tricks that match, without those that are a part of another one.
func chosen(only string) (some []trick) {
	for _, t := range tricks() {
		if !t.part && matches(t.name, only) {
			some = append(some, t)
		}
	}
	return some
}

// matches tells whether a name contains one of the parts, which commas divide.
func matches(name, parts string) bool {
	return slices.ContainsFunc(strings.Split(parts, ","), func(p string) bool { return strings.Contains(name, p) })
}
