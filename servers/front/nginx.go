package front

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/benchctl/benchctl/apps/adapter"
	"github.com/benchctl/benchctl/apps/stack/fronts"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// Nginx is the path of nginx.
const Nginx = "/usr/sbin/nginx"

// nginx starts nginx as it is described.
type nginx struct{ fronts.Nginx }

const (
	socketName = "backend.sock" // the file of the socket on which the server listens
	configName = "nginx.conf"
)

// config is nginx's configuration. Requests of HTTP/1.0 need no Host, those to the server do.
var config = template.Must(template.New(configName).Parse(`daemon off;
{{with .User}}user {{.}};
{{end}}worker_processes {{.Workers}};
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
    upstream backend {
        server unix:{{.Socket}};
        {{- with .KeepAlive}}
        keepalive {{.}};
        {{- end}}
    }
    map $http_host $host_field {
        "" $server_addr:$server_port;
        default $http_host;
    }
    server {
        listen {{.Address}};
        location / {
{{- if eq .Protocol "fastcgi"}}
            fastcgi_pass backend;
            fastcgi_buffering off;
            fastcgi_request_buffering off;
            {{- if .KeepAlive}}
            fastcgi_keep_conn on;
            {{- end}}
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_param QUERY_STRING $query_string;
            fastcgi_param CONTENT_TYPE $content_type;
            fastcgi_param CONTENT_LENGTH $content_length;
            fastcgi_param SERVER_PROTOCOL $server_protocol;
            fastcgi_param REMOTE_ADDR $remote_addr;
            fastcgi_param REMOTE_PORT $remote_port;
{{- else}}
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_set_header Host $host_field;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header Connection {{if .KeepAlive}}""{{else}}close{{end}};
{{- end}}
        }
    }
}
`))

func (n nginx) behind(serve drain.Serve) drain.Serve {
	n.Protocol = cmp.Or(n.Protocol, fronts.HTTP)
	return func(ctx context.Context, ln *drain.Listener) error {
		runtime.LockOSThread() // whose end nginx takes for that of this process (prctl(2))
		defer runtime.UnlockOSThread()
		dir, err := os.MkdirTemp("", "benchctl-nginx-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		backend, err := listen(dir)
		if err != nil {
			return fmt.Errorf("nginx: %w", err)
		}
		behind := drain.New(backend)
		defer behind.Close()
		process, err := n.start(dir, ln.Inner())
		if err != nil {
			return fmt.Errorf("start nginx: %w", err)
		}
		ln.Started()
		ln.Close() // nginx has its own
		return process.serve(ctx, func(ctx context.Context) error { return serve(ctx, behind) })
	}
}

// process is nginx as it runs.
type process struct {
	*exec.Cmd
	exited chan struct{} // closed at its end; err is why then
	err    error
}

// serve has a server serve to the process until ctx ends, and the process end before the server.
func (p *process) serve(ctx context.Context, serve func(context.Context) error) error {
	base, shutDown := context.WithCancel(context.WithoutCancel(ctx))
	defer shutDown()
	served := make(chan error, 1)
	go func() { served <- serve(base) }()
	select {
	case err := <-served:
		p.end()
		return fmt.Errorf("the server behind nginx ended: %w", cmp.Or(err, errEnded))
	case <-p.exited:
		shutDown()
		return errors.Join(fmt.Errorf("nginx ended: %w", cmp.Or(p.err, errEnded)), <-served)
	case <-ctx.Done():
	}
	err := p.stop()
	shutDown()
	if err != nil {
		return err // the server's requests have nobody who waits for them, and its own grace is not waited for
	}
	return <-served
}

var errEnded = errors.New("nobody had asked it to")

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

// start starts nginx on ln: it takes over sockets that the variable NGINX lists, as
// from an nginx before it.
func (n nginx) start(dir string, ln net.Listener) (*process, error) {
	socket, err := handedOver(ln)
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	var text strings.Builder
	err = config.Execute(&text, struct {
		fronts.Nginx
		User, Socket, Address string
		Workers               int
	}{n.Nginx, user(), socketName, ln.Addr().String(), runtime.GOMAXPROCS(0)})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, configName), []byte(text.String()), 0o600)
	}
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(Nginx, "-p", ".", "-e", "stderr", "-c", configName)
	cmd.Env, cmd.Dir = append(os.Environ(), "NGINX=3;"), dir // where its paths begin: what is special in one can't be quoted
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = dieWithParent()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{Cmd: cmd, exited: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// user keeps root's workers root, as they could not reach what is private to the
// launch otherwise; "" for nginx's own choice.
func user() string {
	if os.Geteuid() == 0 {
		return "root"
	}
	return ""
}

// stop asks nginx to finish and waits for it.
func (p *process) stop() error {
	_ = p.Process.Signal(syscall.SIGQUIT)
	select {
	case <-p.exited:
		return nil
	case <-time.After(adapter.Grace):
		p.end()
		return fmt.Errorf("nginx stop: ended after %v", adapter.Grace)
	}
}

// endTime is how long nginx may take to end its workers.
const endTime = time.Second

// end ends nginx. Killed at once, it would leave its workers behind.
func (p *process) end() {
	_ = p.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(endTime):
		_ = p.Process.Kill()
		<-p.exited
	}
}
