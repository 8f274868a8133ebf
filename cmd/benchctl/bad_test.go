package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// badServer is a candidate that fails in the way of its second argument.
func badServer() {
	address, mode := os.Args[1], os.Args[2]
	switch mode {
	case "never-listens":
		select {}
	case "dies-at-once":
		fmt.Println("no configuration")
		os.Exit(4)
	case "daemonizes":
		daemonize(address, true)
	case "forks":
		daemonize(address, false)
	case "talks":
		go talk()
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Println(err)
		os.Exit(5)
	}
	switch mode {
	case "wrong-body":
		fails(http.Serve(ln, whole("Hello, world!")))
	case "one-for-all":
		fails(http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { say(w, "Hello, World!") })))
	case "bare-line-feeds":
		fails(http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			fails(err)
			_, _ = conn.Write([]byte("HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: 13\nConnection: close\n\nHello, World!"))
			conn.Close()
		})))
	case "exits-under-load":
		right := whole("Hello, World!")
		fails(http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if served.Add(1) == underLoad {
				fmt.Println("out of luck")
				os.Exit(3)
			}
			right.ServeHTTP(w, r)
		})))
	default: // the suite, but for what the mode changes
		mux := suite.Mux()
		fails(mux.(apps.Starter).Start(context.Background()))
		fails(nethttp.Serve(context.Background(), drain.New(ln), apps.Func(func(req apps.Request, res apps.Response) error {
			return mux.Serve(changed(mode, req, res))
		})))
	}
}

func fails(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(5)
	}
}

func say(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprint(w, body)
}

// whole serves app hello with such a body.
func whole(body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/hello":
			w.WriteHeader(http.StatusNotFound)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
		default:
			say(w, body)
		}
	})
}

// served counts the requests of a server that does something at one of them, which comes
// under load: the checks before it take fewer.
var served atomic.Int64

const underLoad = 500

// changed is what the app gets to see in a mode.
func changed(mode string, req apps.Request, res apps.Response) (apps.Request, apps.Response) {
	switch mode {
	case "skips-uploads":
		return bodiless{req}, res
	case "buffers-streams":
		return req, buffering{res}
	case "sticks":
		if req.Method() == http.MethodTrace {
			stuck.Store(true)
		}
		if stuck.Load() {
			select {}
		}
	case "moves":
		if served.Add(1) == underLoad {
			everywhere := make(control.CPUs, 1024)
			for n := range everywhere {
				everywhere[n] = n // the kernel leaves out what there is not
			}
			fails(control.PinSelf(everywhere))
		}
	}
	return req, res
}

// stuck is that the server has come to a stand.
var stuck atomic.Bool

// bodiless is a request whose body the server did not read.
type bodiless struct{ apps.Request }

func (bodiless) Body() io.Reader      { return bytes.NewReader(nil) }
func (bodiless) ContentLength() int64 { return 0 }

// buffering makes whole replies of streams.
type buffering struct{ apps.Response }

func (b buffering) Stream(status int, body apps.Body) error {
	defer body.Close()
	var all []byte
	for {
		block, err := body.Next()
		all = append(all, block...)
		if errors.Is(err, io.EOF) {
			return b.Reply(status, all)
		}
		if err != nil {
			return err
		}
	}
}

// daemonize starts the server again in the background and ends; as a daemon it is in
// a session of its own.
func daemonize(address string, session bool) {
	child := exec.Command(os.Args[0], address, "suite")
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: session, Setpgid: !session}
	fails(child.Start())
	fmt.Println("gone to the background")
	os.Exit(0)
}

// talk writes 100 MB to its log.
func talk() {
	line := bytes.Repeat([]byte("all work and no play makes a dull log\n"), 1000)
	for written := 0; written < 100<<20; written += len(line) {
		os.Stdout.Write(line)
	}
}
