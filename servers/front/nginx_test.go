package front

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack/fronts"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/engine/fasthttp"
	"github.com/benchctl/benchctl/servers/engine/fcgi"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
	"github.com/benchctl/benchctl/servers/servertest"
)

// needNginx skips the test without nginx, or fails it where everything must be there.
func needNginx(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(Nginx); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("install nginx to test what stands behind it")
	}
}

// Deviations of nginx, whatever its protocol.
var always = []servertest.Deviation{
	{Case: "S1 OPTIONS * is answered", Reason: "nginx answers 400"},
	{Case: "S2 Host is that of a target in absolute form", Reason: "nginx passes on the field as it came"},
	{Case: "S3 a large body is read inside Next", Reason: "nginx does not read the request's body on once the reply has begun"},
	{Case: "S7 a large reply on a Unix socket", Reason: "nginx is handed sockets of TCP alone: the path of another can't be written into its configuration whatever it is"},
	{Case: "S14", Reason: "nginx accepts by itself until it stops, and then closes idle connections"},
}

func TestServe(t *testing.T) {
	t.Parallel()
	needNginx(t)
	for name, test := range map[string]struct {
		nginx      fronts.Nginx
		serve      func(context.Context, *drain.Listener, apps.App) error
		deviations []servertest.Deviation
	}{
		"FastCGI": {fronts.Nginx{Protocol: fronts.FastCGI}, fcgi.Serve, byFastCGI},
		"HTTP":    {fronts.Nginx{KeepAlive: 8}, fasthttp.Serve, byHTTP},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servertest.TestServe(t, behind(test.nginx, test.serve), append(test.deviations, always...)...)
		})
	}
}

// behind is an engine behind nginx.
func behind(n fronts.Nginx, engine func(context.Context, *drain.Listener, apps.App) error) func(context.Context, *drain.Listener, apps.App) error {
	return func(ctx context.Context, ln *drain.Listener, app apps.App) error {
		return Behind(n, func(ctx context.Context, ln *drain.Listener) error { return engine(ctx, ln, app) })(ctx, ln)
	}
}

var byHTTP = []servertest.Deviation{
	{Case: "S16", Reason: "nginx connects to the server by a Unix socket, whose peers have no address"},
	{Case: "S3 a chunked body is decoded", Reason: "nginx gives a chunked body that it has whole a length"},
}

var byFastCGI = []servertest.Deviation{
	{Case: "S9 an error within a stream", Reason: "nginx takes every end of a FastCGI reply without a length for its end"},
	{Case: "S9 a panic within a stream", Reason: "nginx takes every end of a FastCGI reply without a length for its end"},
}

// Names of directories that mean something else where they are not quoted: a short one,
// and one that is too long for the path of a socket.
const hostile = `a "b" #1 {x} $HOME; é`

// TestServeAnywhere serves on an IPv6 address, with directories for temporary files whose
// names nothing is prepared for.
func TestServeAnywhere(t *testing.T) {
	needNginx(t)
	for name, serve := range map[string]func(context.Context, *drain.Listener, apps.App) error{
		hostile: behind(fronts.Nginx{}, nethttp.Serve),
		hostile + strings.Repeat(" 0123456789", 12): behind(fronts.Nginx{Protocol: fronts.FastCGI, KeepAlive: 8}, fcgi.Serve),
	} {
		tmp := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(tmp, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("TMPDIR", tmp)
		ln, err := net.Listen("tcp", "[::1]:0")
		if err != nil {
			t.Logf("without IPv6: %v", err)
			ln, err = net.Listen("tcp", "127.0.0.1:0")
		}
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- serve(ctx, drain.New(ln), suite.Mux()) }()
		// The socket listens already: what asks before nginx is there waits for it.
		if got, err := ask("http://" + ln.Addr().String() + "/hello"); got != "Hello, World!" {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		if made, err := os.ReadDir(tmp); err != nil || len(made) != 1 {
			t.Errorf("%s: made are %v, %v, not one directory", name, made, err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
			t.Errorf("%s: left are %v, %v", name, left, err)
		}
	}
}

func ask(url string) (body string, err error) {
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	reply, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	return string(text), err
}

// What is handed over does not block, also once a process is started with it.
func TestHandedOver(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	f, err := handedOver(ln)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0) // Fd is what starts a process, too
	if err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Errorf("flags %#x, %v", flags, err)
	}
}
