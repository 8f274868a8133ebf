package servers_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// change has the candidate say something else once it reads its files anew.
func (r *trial) change() {
	r.Helper()
	if strings.HasPrefix(r.name, "lighttpd") { // which has it of a file that it reads each time
		r.replace("lighttpd.conf", `"/www"`, `"/new"`)
		if err := os.Mkdir(filepath.Join(r.dir, "new"), 0o755); err != nil {
			r.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(r.dir, "new", "hello"), []byte(saysN), 0o644); err != nil {
			r.Fatal(err)
		}
		return
	}
	if strings.HasPrefix(r.name, "mod-wsgi") { // whose processes read the app when they first need it
		r.replace("apache.conf", "/app.py", "/new.py")
		if err := os.WriteFile(filepath.Join(r.dir, "new.py"), []byte(sayingN), 0o644); err != nil {
			r.Fatal(err)
		}
		return
	}
	for _, file := range []string{"benchctl/suite.py", "nginx.conf", "haproxy.cfg", "Caddyfile"} {
		if _, err := os.Stat(filepath.Join(r.dir, file)); err == nil {
			r.replace(file, said, saysN)
			return
		}
	}
	r.Fatal("it reads no file that could be changed")
}

func (r *trial) replace(file, old, new string) {
	r.Helper()
	path := filepath.Join(r.dir, file)
	text, err := os.ReadFile(path)
	if err != nil {
		r.Fatal(err)
	}
	changed := strings.ReplaceAll(string(text), old, new)
	if changed == string(text) {
		r.Fatalf("%s has no %s", file, old)
	}
	if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
		r.Fatal(err)
	}
}

// hello is what the candidate says.
func (r *trial) hello() (string, error) {
	res, err := get(r.ctx, r.address, "hello")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = errors.New(res.Status)
	}
	return string(body), err
}

// saysAnew waits until the candidate says what it was changed to, whichever of its
// processes answers, and nothing else meanwhile.
func (r *trial) saysAnew() {
	r.Helper()
	var failed error
	lost := 0
	for anew := 0; anew < 50; {
		body, err := r.hello()
		switch {
		case r.ctx.Err() != nil:
			r.Fatalf("it says no %q: %q, %v", saysN, body, failed)
		case err != nil:
			failed, anew = err, 0
			lost++
			time.Sleep(5 * time.Millisecond)
		case body == saysN:
			anew++
		case body == said:
			anew = 0
		default:
			r.Fatalf("it says %q", body)
		}
	}
	if lost > 0 {
		r.Logf("%d requests were lost meanwhile, the last one: %v", lost, failed)
	}
}

// gone waits until none of its processes is there that were before.
func (r *trial) gone() {
	r.Helper()
	r.until(fmt.Sprintf("the processes %v are gone", r.before), func() bool { return !slices.ContainsFunc(r.before, proc.Alive) })
}

// reloads holds that all workers, if there are any, are others that read their files anew,
// and the main process is the same. A Go engine reads none.
func (r *trial) reloads() {
	main, engine := r.process.PID(), strings.HasSuffix(r.name, ":"+servers.Supervised)
	if !engine {
		r.change()
	}
	if body, err := r.hello(); err != nil || body != said {
		r.Fatalf("before it is asked it says %q, %v", body, err)
	}
	r.ask()
	if !engine {
		r.saysAnew()
	}
	r.gone()
	if now := r.process.PID(); now != main {
		r.Errorf("the main process is %d and was %d", now, main)
	}
	select {
	case <-r.process.Done():
		r.Errorf("it ended: %s", r.process.Exit())
	default:
	}
}

// upgrades holds that there is another main process, once the old one has been stopped
// that brought it up.
func (r *trial) upgrades() {
	r.change()
	main := r.process.PID()
	r.ask()
	r.until("there are twice as many processes", func() bool { return len(r.held()) > 2*len(r.before) })
	if _, err := r.process.Ask(r.ctx, control.StopGraceful); err != nil {
		r.Fatal(err)
	}
	for e := range r.events {
		if e.Kind == control.EventGeneration {
			break
		}
		if e.Kind == control.EventExited {
			r.Fatalf("it ended: %+v", e)
		}
	}
	r.saysAnew()
	r.gone()
	if now := r.process.PID(); now == main {
		r.Errorf("the main process is still %d", now)
	}
}

// scales holds that there is one worker more or less, and the others are the same. Workers
// are children of the main process; they may have processes of their own.
func (r *trial) scales(by int) {
	before := r.workers()
	want := len(before) + by
	r.ask()
	r.until(fmt.Sprintf("there are %d workers", want), func() bool { return len(r.workers()) == want })
	for range 20 {
		if body, err := r.hello(); err != nil || body != said {
			r.Fatalf("it says %q, %v", body, err)
		}
	}
	now := r.workers()
	kept := slices.DeleteFunc(slices.Clone(before), func(pid int) bool { return !slices.Contains(now, pid) })
	if len(kept) != min(want, len(before)) {
		r.Errorf("of the workers %v %v are left", before, kept)
	}
}

// workers are the candidate's processes that its main process has started.
func (r *trial) workers() []int {
	r.Helper()
	started, err := proc.Children(r.process.PID())
	if err != nil {
		r.Fatal(err)
	}
	held := r.held()
	return slices.DeleteFunc(started, func(pid int) bool { return !slices.Contains(held, pid) })
}
