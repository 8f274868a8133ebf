// Package live serves the report of a run while it is measured, and tells its pages what is new, as server-sent
// events (HTML, section 9.2). It renders nothing: whoever measures writes the report when nothing is loaded.
package live

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
)

// Events are what pages are told of, each a line of the news: "progress launch 2/6", "changed".
const (
	Progress = "progress" // how the run goes, in a line
	Changed  = "changed"  // the report was written anew
	ended    = "ended"    // the news are over
)

// Path of the events.
const Path = "/events"

// Serve serves the files in dir on ln, which is on the loopback, and passes on the news: lines of an event and its text. It
// ends with the news, or with ctx.
func Serve(ctx context.Context, ln net.Listener, dir string, news io.Reader) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("serve %s: %w", dir, err)
	}
	defer root.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all := &audience{listeners: make(map[chan string]bool)}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(root.FS()))
	mux.HandleFunc("GET "+Path, all.serve)
	server := &http.Server{Handler: local(fresh(mux)), BaseContext: func(net.Listener) context.Context { return ctx }}
	go func() {
		for lines := bufio.NewScanner(news); lines.Scan(); {
			all.tell(lines.Text())
		}
		all.tell(ended)
		all.close()
		_ = server.Shutdown(ctx) // once the pages have been told
		cancel()
	}()
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", dir, err)
	}
	<-ctx.Done()
	return nil
}

// local refuses requests by other names than the loopback's: a page of elsewhere may have its own name lead here.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil || !slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, host) {
			http.Error(w, "this report is served to its own machine only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// fresh has browsers ask again, as files change.
func fresh(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// audience are the pages that listen.
type audience struct {
	mu        sync.Mutex
	listeners map[chan string]bool
	last      string // what those that come later are told first
	closed    bool
}

// behind is how many events a page may be behind; it misses the others.
const behind = 16

// tell passes on a line of the news.
func (a *audience) tell(line string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if strings.HasPrefix(line, Progress) {
		a.last = line
	}
	for l := range a.listeners {
		select {
		case l <- line:
		default:
		}
	}
}

// close ends the events of all pages.
func (a *audience) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for l := range a.listeners {
		close(l)
	}
	clear(a.listeners)
}

func (a *audience) join() chan string {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := make(chan string, behind)
	if a.last != "" {
		l <- a.last
	}
	if a.closed {
		close(l)
		return l
	}
	a.listeners[l] = true
	return l
}

func (a *audience) leave(l chan string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.listeners, l)
}

func (a *audience) serve(w http.ResponseWriter, r *http.Request) {
	l := a.join()
	defer a.leave(l)
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	_ = out.Flush() // the page knows then that it is heard
	for {
		select {
		case <-r.Context().Done():
			return
		case line, more := <-l:
			if !more {
				return
			}
			event, text, _ := strings.Cut(line, " ")
			if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, text); err != nil {
				return
			}
			_ = out.Flush()
		}
	}
}
