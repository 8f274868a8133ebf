//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/external"
)

// TestMain lets the tests' own program play tricks, as benchtruth does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		if err := serve(context.Background(), os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// start starts a trick and tells its address.
func start(t *testing.T, tr trick) (address string, a *alone) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if address, err = control.FreeAddress(); err != nil {
		t.Fatal(err)
	}
	app, err := suite.Parse(tr.load())
	if err != nil {
		t.Fatal(err)
	}
	a, err = startAlone(t.Context(), []string{self, "serve", tr.name, address, tr.load()}, address, app.Exchange())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.stop)
	return address, a
}

// ask sends what the suite says of an app, and tells what is wrong with the reply.
func ask(client *http.Client, address, name string) error {
	app, err := suite.Parse(name)
	if err != nil {
		return err
	}
	want := app.Exchange()
	req, err := http.NewRequest(want.Method, "http://"+address+want.Target, bytes.NewReader(want.Body))
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	right := want.Match != nil && want.Match(0, body) || want.Whole != nil && want.Whole(body)
	if got := res.Header.Get("Content-Type"); res.StatusCode != want.Status || got != want.Type || int64(len(body)) != want.Length || !right {
		return fmt.Errorf("status %d, type %q, body %.40q", res.StatusCode, got, body)
	}
	return nil
}

// Every trick answers its app rightly at first, and nothing else, and leaves no
// process behind.
func TestTricksAnswer(t *testing.T) {
	for _, tr := range chosen("") {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			address, a := start(t, tr)
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for range 3 { // on one connection
				if err := ask(client, address, tr.load()); err != nil {
					t.Error(err)
				}
			}
			res, err := client.Get("http://" + address + "/nothing")
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != 404 {
				t.Errorf("status of a path that there is not: %d", res.StatusCode)
			}
			if _, err := a.cpu(); err != nil {
				t.Error(err)
			}
			client.CloseIdleConnections()
			a.stop()
			for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * ms) {
				if _, err := a.cpu(); err != nil {
					break // it says that there are none
				}
				if time.Now().After(end) {
					t.Fatal("there are processes after the stop")
				}
			}
		})
	}
}

// Beside a trick with another app, plain serves that one.
func TestPlainServesAnyApp(t *testing.T) {
	b := &bench{self: "/tmp/benchtruth"}
	for _, tr := range chosen("") {
		if tr.app == "" {
			continue
		}
		s := b.plain(b.trick(tr))
		if want := "serve plain x " + tr.app; s.app != tr.app || strings.Join(s.argv("x")[1:], " ") != want || !strings.Contains(s.manifest, tr.app) {
			t.Errorf("%s: plain is %q, %s", tr.name, s.argv("x"), s.manifest)
		}
		address, _ := start(t, trick{name: s.name, app: s.app})
		if err := ask(http.DefaultClient, address, tr.app); err != nil {
			t.Errorf("%s: %v", tr.app, err)
		}
	}
}

// The manifests are ones that benchctl takes, and name apps that it can load.
func TestManifests(t *testing.T) {
	seen := map[string]bool{}
	for _, tr := range chosen("") {
		if seen[tr.name] || tr.doc == "" || tr.differs == "" {
			t.Errorf("%s: known already, or without words", tr.name)
		}
		seen[tr.name] = true
		m, err := external.Read(tr.name+".yaml", []byte(manifest(tr, "/tmp/a b/benchtruth")))
		if err != nil {
			t.Error(err)
			continue
		}
		c, err := m.Command(external.Launch{Dir: t.TempDir(), Port: 8000})
		if want := []string{"/tmp/a b/benchtruth", "serve", tr.name, "127.0.0.1:8000", tr.load()}; err != nil || strings.Join(c.Argv, "|") != strings.Join(want, "|") {
			t.Errorf("%s: %q, %v", tr.name, c.Argv, err)
		}
		if !m.Carries(appName(tr.load())) {
			t.Errorf("%s does not carry %s", tr.name, tr.load())
		}
	}
}

// What the tricks do that one request does not show.
func TestTricksDiffer(t *testing.T) {
	t.Run("recycle", func(t *testing.T) {
		t.Parallel()
		address, a := start(t, chosen("recycle")[0])
		client := &http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		closed := 0
		for range 5100 {
			res, err := client.Get("http://" + address + "/hello")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.Close {
				closed++
			}
		}
		if closed == 0 || closed == 5100 {
			t.Errorf("%d of 5100 replies were the last on their connection", closed)
		}
		client.CloseIdleConnections()
		a.stop()
	})
	t.Run("costly", func(t *testing.T) {
		t.Parallel()
		before := threadTime()
		burn(5 * ms)
		if used := threadTime() - before; used < 4*ms {
			t.Errorf("5 ms of CPU time took %v", used)
		}
	})
	t.Run("digest-by-length", func(t *testing.T) {
		t.Parallel()
		address, _ := start(t, chosen("digest-by-length")[0])
		var last string
		for _, body := range []string{"abc", "abd", "abcd"} {
			res, err := http.Post("http://"+address+"/upload", "application/octet-stream", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode != 200 {
				t.Fatal(res.Status, err)
			}
			if same := string(got) == last; same != (body == "abd") {
				t.Errorf("the digest of %q is that before: %v", body, same)
			}
			last = string(got)
		}
	})
	t.Run("wrong", func(t *testing.T) {
		t.Parallel()
		address, _ := start(t, chosen("wrong")[0])
		client := &http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		bad := 0
		for range 10_000 {
			if ask(client, address, "hello") != nil {
				bad++
			}
		}
		if bad != 1 {
			t.Errorf("%d of 10,000 replies are wrong", bad)
		}
	})
}

func TestSessionCPU(t *testing.T) {
	session, used, err := parseStat([]byte("12 (a) b (c) S 1 2 34 0 -1 4194560 1 2 3 4 100 20 3 1 20 0 1 0 55 1 2\n"))
	if session != 34 || used != 1240*ms || err != nil {
		t.Errorf("session %d, %v, %v", session, used, err)
	}
	for _, bad := range []string{"", "12 (a", "12 (a) S 1", "12 (a) S 1 2 x 0 -1 4194560 1 2 3 4 100 20 3 1 20"} {
		if _, _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	// Children that have ended count, as do those that run.
	a := &alone{cmd: exec.Command("sh", "-c", `i=0; (while [ $i -lt 100000 ]; do i=$((i+1)); done); sleep 60`), exited: make(chan struct{})}
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = a.cmd.Wait(); close(a.exited) }()
	defer a.stop()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * ms) {
		used, err := a.cpu()
		if err != nil {
			t.Fatal(err)
		}
		if used >= 20*ms {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("only %v", used)
		}
	}
}
