package bridge_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/servers/engine/fasthttp"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// start serves h through the contract on an engine that pulls.
func start(t *testing.T, h http.HandlerFunc, fields ...string) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	app := leaf(t, h, fields...)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- fasthttp.Serve(ctx, drain.New(ln), app) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + ln.Addr().String()
}

func TestHandler(t *testing.T) {
	url := start(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Reply", r.Header.Get("X-Ask"))
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.RequestURI, r.Header.Get("Content-Type"), body)
	}, "X-Ask")
	req, err := http.NewRequest("PUT", url+"/a/b?x=1", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Ask", "something")
	req.Header.Set("Content-Type", "text/plain")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if want := "PUT /a/b?x=1 text/plain hello"; err != nil || string(body) != want {
		t.Errorf("body %q (%v), want %q", body, err, want)
	}
	if res.StatusCode != http.StatusCreated || res.Header.Get("X-Reply") != "something" {
		t.Errorf("status %d, X-Reply %q", res.StatusCode, res.Header.Get("X-Reply"))
	}
}

func TestHandlerFlush(t *testing.T) {
	read := make(chan struct{})
	url := start(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "one")
		w.(http.Flusher).Flush()
		<-read
		io.WriteString(w, "two")
	})
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	first := make([]byte, 3)
	if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "one" {
		t.Fatalf("first block %q (%v)", first, err)
	}
	close(read)
	if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != "two" {
		t.Errorf("second block %q (%v)", rest, err)
	}
}

func TestHandlerFails(t *testing.T) {
	url := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			io.WriteString(w, "one")
			w.(http.Flusher).Flush()
		}
		panic("on purpose")
	})
	res, err := http.Get(url + "/early")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusInternalServerError {
		t.Errorf("status %d after a panic, want 500", res.StatusCode)
	}
	res, err = http.Get(url + "/late")
	if err != nil {
		return // cut before the client had read the header
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("a reply cut by a panic looks complete: %q", body)
	}
}

// TestHandlerClientGone checks that the handler's writes fail, and with them
// the handler ends, when the client has left.
func TestHandlerClientGone(t *testing.T) {
	ended := make(chan struct{})
	url := start(t, func(w http.ResponseWriter, _ *http.Request) {
		defer close(ended)
		block := make([]byte, 64<<10)
		for {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	<-ended
}
