package engine

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
	"github.com/benchctl/benchctl/scenarios"
)

// A chunked body comes in whole and without a length, also with a method that has
// none as a rule; no body, no chunks.
func TestChunked(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789"), 10_000)
	eachEngine(t, func(t *testing.T, open loadtest.Opener) {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got, err := io.ReadAll(r.Body)
			chunked := slices.Equal(r.TransferEncoding, []string{"chunked"}) && r.ContentLength == -1
			if err != nil || chunked != (r.URL.Path == "/chunked") || chunked && !bytes.Equal(got, body) || !chunked && len(got) > 0 {
				w.WriteHeader(http.StatusBadRequest)
			}
		}))
		defer s.Close()
		post, del, none := loadtest.Get("/chunked"), loadtest.Get("/chunked"), loadtest.Get("/none")
		post.Method, post.Body, post.Chunked = "POST", body, true
		del.Method, del.Body, del.Chunked = "DELETE", body, true
		none.Chunked = true
		c := load.Config{Address: s.Listener.Addr().String(), Targets: []load.Target{post, del, none}, Load: scenarios.Load{Connections: 2}}
		r := loadtest.SliceUntil(t, open, c, load.Window{Span: 100 * time.Millisecond}, func(r *load.Result) bool { return r.Answered >= 6 })
		if r.Errored() > 0 || r.Answered < 6 {
			t.Errorf("%v", loadtest.Summary(r))
		}
	})
}

// Both engines send the same chunks.
func TestSameChunks(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var mu sync.Mutex
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					var request strings.Builder
					for line := ""; line != "0\r\n"; request.WriteString(line) {
						var err error
						if line, err = in.ReadString('\n'); err != nil {
							return
						}
					}
					if _, err := in.Discard(len("\r\n")); err != nil {
						return
					}
					mu.Lock()
					seen[request.String()] = true
					mu.Unlock()
					if !loadtest.Says(loadtest.HelloReply)(c, 0, "") {
						return
					}
				}
			})
		}
	})
	c := loadtest.HelloConfig(&loadtest.Server{Address: l.Addr().String()}, 1)
	c.Targets[0].Method, c.Targets[0].Body, c.Targets[0].Chunked = "POST", bytes.Repeat([]byte("x"), 100_000), true
	for _, open := range openers() {
		if r := loadtest.SliceUntil(t, open, c, load.Window{Span: 20 * time.Millisecond}, loadtest.AnyAnswered); r.Errored() > 0 || r.Answered == 0 {
			t.Errorf("%v", loadtest.Summary(r))
		}
	}
	l.Close()
	all.Wait()
	if len(seen) != 1 {
		t.Errorf("%d different requests", len(seen))
	}
}
