package live_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/report/live"
)

type service struct {
	url  string
	news *io.PipeWriter
	done chan error
}

func serve(t *testing.T) service {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("the page"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(dir), "secret"), []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	s := service{"http://" + ln.Addr().String(), w, make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() { s.done <- live.Serve(ctx, ln, dir, r) }()
	return s
}

func get(t *testing.T, url, host string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// Pages are told what is new until the news end, and the service ends with them.
func TestNews(t *testing.T) {
	s := serve(t)
	if _, body := get(t, s.url+"/", ""); body != "the page" {
		t.Errorf("page %q", body)
	}
	res, err := http.Get(s.url + live.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if kind := res.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("type %q", kind)
	}
	events := bufio.NewReader(res.Body)
	event := func() (text string) {
		for {
			line, err := events.ReadString('\n')
			if err != nil {
				return text + "EOF"
			}
			if line == "\n" {
				return text
			}
			text += strings.TrimSuffix(line, "\n") + "; "
		}
	}
	for _, c := range []struct{ line, want string }{
		{"progress launch 2/6, round 1", "event: progress; data: launch 2/6, round 1; "},
		{"changed", "event: changed; data: ; "},
	} {
		if _, err := io.WriteString(s.news, c.line+"\n"); err != nil {
			t.Fatal(err)
		}
		if got := event(); got != c.want {
			t.Errorf("%q became %q, want %q", c.line, got, c.want)
		}
	}
	s.news.Close()
	if got := event(); got != "event: ended; data: ; " {
		t.Errorf("at the end: %q", got)
	}
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

// Only the machine itself is served, and only the report.
func TestOthersAreRefused(t *testing.T) {
	s := serve(t)
	for _, c := range []struct {
		path, host string
		status     int
	}{{"/", "evil.example", 403}, {"/", "localhost:80", 200}, {"/../secret", "", 307}, {"/secret", "", 404}, {"/%2e%2e/secret", "", 404}, {"/nothing", "", 404}} {
		if res, body := get(t, s.url+c.path, c.host); res.StatusCode != c.status || strings.Contains(body, "secret") && c.status == 200 {
			t.Errorf("%s by %q: %d %q", c.path, c.host, res.StatusCode, body)
		}
	}
	s.news.Close()
	<-s.done
}
