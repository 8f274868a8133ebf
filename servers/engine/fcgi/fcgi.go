// Package fcgi serves apps with the standard library's net/http/fcgi behind nginx: the
// cost of a Go program that is not its own HTTP server.
//
// nginx takes the listening socket over, with the vendor's defaults except for
//
//   - buffering off in both directions: the contract streams bodies (S3, S5).
//   - no limit of a request body's size, and no access log.
//   - its temporary files go with the launch.
//
// nginx opens a connection to the Go side, over a Unix socket, for each request, as
// it does by default.
//
// An adapter cannot change these deviations of nginx:
//
//   - A chunked request body is not streamed: nginx reads it whole, since FastCGI
//     requires its length.
//   - nginx stops reading a request body once the reply has begun.
//   - A failed stream looks complete unless it has a Content-Length: neither the end of
//     a FastCGI request nor the end of the connection shows the failure.
//   - "OPTIONS *" is answered 400.
package fcgi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/adapter"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// Nginx is the path of nginx.
const Nginx = "/usr/sbin/nginx"

// socketName is the file of the socket on which the Go side listens.
const socketName = "backend.sock"

// configName is the file of nginx's configuration.
const configName = "nginx.conf"

// config is nginx's configuration; it takes who the workers run as, their number, the
// address and the path of the socket.
const config = `daemon off;
%s
worker_processes %d;
pid nginx.pid;
error_log stderr crit;
events {
    worker_connections 20000;
}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    client_max_body_size 0;
    server {
        listen %s;
        location / {
            fastcgi_pass unix:%s;
            fastcgi_buffering off;
            fastcgi_request_buffering off;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_param QUERY_STRING $query_string;
            fastcgi_param CONTENT_TYPE $content_type;
            fastcgi_param CONTENT_LENGTH $content_length;
            fastcgi_param SERVER_PROTOCOL $server_protocol;
            fastcgi_param REMOTE_ADDR $remote_addr;
            fastcgi_param REMOTE_PORT $remote_port;
        }
    }
}
`

// Serve serves app on ln, made of a *net.TCPListener, until ctx ends, then stops
// gracefully: nginx finishes the requests in flight. After adapter.Grace it is ended, and
// an error says so. nginx accepts by itself and knows no draining: it goes on accepting
// when ln is stopped, and counts no connections in it.
func Serve(ctx context.Context, ln *drain.Listener, app apps.App) error {
	runtime.LockOSThread() // whose end nginx takes for that of this process (prctl(2))
	defer runtime.UnlockOSThread()
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	dir, err := os.MkdirTemp("", "benchctl-fcgi-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	backend, err := listen(dir)
	if err != nil {
		return fmt.Errorf("fcgi: %w", err)
	}
	defer backend.Close()
	front, err := start(dir, ln.Inner())
	if err != nil {
		return fmt.Errorf("fcgi: start nginx: %w", err)
	}
	ln.Started()
	ln.Close() // nginx has its own
	failed := make(chan error, 2)
	go func() { failed <- fcgi.Serve(backend, contained{base, nethttp.SizedHandler(app)}) }()
	exited := make(chan struct{})
	go func() {
		failed <- front.Wait()
		close(exited)
	}()
	select {
	case err := <-failed:
		end(front, exited)
		return fmt.Errorf("fcgi serve %s: ended: %w", ln.Addr(), errors.Join(err, errEnded))
	case <-ctx.Done():
	}
	return stop(front, exited)
}

// maxSocketPath is the longest path of a unix socket, in bytes, without the one that
// ends it (sun_path of unix(7)).
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// listen listens on a socket in dir. A path that is too long for a socket goes by way of
// the directory's descriptor, where the system has such paths.
func listen(dir string) (net.Listener, error) {
	path := filepath.Join(dir, socketName)
	if len(path) > maxSocketPath {
		d, err := os.Open(dir)
		if err != nil {
			return nil, err
		}
		defer d.Close()
		path = fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), socketName)
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	ln.SetUnlinkOnClose(false) // it goes with its directory, and the path may be no more
	return ln, nil
}

var errEnded = errors.New("nginx or its backend is gone")

// start starts nginx on ln: it takes over sockets that the variable NGINX lists, as
// from an nginx before it.
func start(dir string, ln net.Listener) (*exec.Cmd, error) {
	socket, err := handedOver(ln)
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	text := fmt.Sprintf(config, user(), runtime.GOMAXPROCS(0), ln.Addr(), socketName)
	if err := os.WriteFile(filepath.Join(dir, configName), []byte(text), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(Nginx, "-p", ".", "-e", "stderr", "-c", configName)
	cmd.Env, cmd.Dir = append(os.Environ(), "NGINX=3;"), dir // where its paths begin: what is special in one can't be quoted
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = dieWithParent()
	return cmd, cmd.Start()
}

// handedOver is a socket of ln for another process, which does not block, as a
// TCPListener's File would. nginx does not look: a worker that is woken for a connection
// which another one takes would wait in accept for ever, and hear of no stop.
func handedOver(ln net.Listener) (*os.File, error) {
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		return nil, fmt.Errorf("a %T can't be handed over", ln)
	}
	socket, err := tcp.File()
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	fd, err := unix.FcntlInt(socket.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "listener"), nil
}

// user keeps root's workers root, as they could not reach what is private to the
// launch otherwise.
func user() string {
	if os.Geteuid() == 0 {
		return "user root;"
	}
	return ""
}

// stop asks nginx to finish and waits for it.
func stop(front *exec.Cmd, exited <-chan struct{}) error {
	_ = front.Process.Signal(syscall.SIGQUIT)
	select {
	case <-exited:
		return nil
	case <-time.After(adapter.Grace):
		end(front, exited)
		return fmt.Errorf("fcgi stop: nginx ended after %v", adapter.Grace)
	}
}

// endTime is how long nginx may take to end its workers.
const endTime = time.Second

// end ends nginx. Killed at once, it would leave its workers behind.
func end(front *exec.Cmd, exited <-chan struct{}) {
	_ = front.Process.Signal(syscall.SIGTERM)
	select {
	case <-exited:
	case <-time.After(endTime):
		_ = front.Process.Kill()
		<-exited
	}
}

// contained does for a request what net/http does and net/http/fcgi does not: its
// context ends with it, and a handler that panics does not end the program.
type contained struct {
	base context.Context
	http.Handler
}

// ServeHTTP implements http.Handler.
func (c contained) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(c.base)
	defer cancel()
	defer func() {
		if p := recover(); p != nil && p != any(http.ErrAbortHandler) {
			panic(p)
		}
	}()
	c.Handler.ServeHTTP(w, r.WithContext(ctx))
}
