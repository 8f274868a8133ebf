// Package loadtest helps the tests of load engines. It has servers that a test writes in one
// line, and runs slices of load until they have counted enough.
package loadtest

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Hello is the body that most servers of tests reply with.
const Hello = "Hello, World!"

// HelloReply is a whole correct reply.
const HelloReply = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n" + Hello

// Server is an HTTP server whose replies come from a function.
type Server struct {
	Address string
	Close   func()
}

// Reply answers the n-th request of a connection, from 1 on; false closes it.
type Reply func(c net.Conn, n int, head string) bool

// Serve listens until Close is called, which closes all connections.
func Serve(t testing.TB, answer Reply) *Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	open := map[net.Conn]bool{}
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			all.Go(func() {
				conversation(c, answer)
				c.Close()
				mu.Lock()
				delete(open, c)
				mu.Unlock()
			})
		}
	})
	s := &Server{Address: l.Addr().String()}
	s.Close = sync.OnceFunc(func() {
		l.Close()
		mu.Lock()
		for c := range open {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	t.Cleanup(s.Close)
	return s
}

func conversation(c net.Conn, answer Reply) {
	in := bufio.NewReaderSize(c, 4096)
	for n := 1; ; n++ {
		var head strings.Builder
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if line == "\r\n" {
				break
			}
			head.WriteString(line)
		}
		if !answer(c, n, head.String()) {
			return
		}
	}
}

// Says is a reply of the same bytes each time.
func Says(s string) Reply {
	return func(c net.Conn, _ int, _ string) bool {
		_, err := c.Write([]byte(s))
		return err == nil
	}
}

// Site is a net/http server with a page for each sort of framing.
func Site(t testing.TB) *Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, Hello) })
	mux.HandleFunc("/none", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/chunks", func(w http.ResponseWriter, r *http.Request) {
		for range 3 {
			_, _ = io.WriteString(w, Hello)
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(make([]byte, 300_000)) })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Agent", r.UserAgent())
		w.Header().Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
		_, _ = io.Copy(w, r.Body)
	})
	mux.HandleFunc("/back", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return &Server{s.Listener.Addr().String(), s.Close}
}
