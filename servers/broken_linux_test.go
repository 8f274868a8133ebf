package servers_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
)

// refusals are what candidates say of a reload that reads something broken, which they
// survive. All others end.
var refusals = map[string]string{
	"nginx":                 `unknown directive "this"`,
	"haproxy:master-worker": "Loading failure!",
	"caddy":                 "Error: adapting config",
	"nethttp:supervised":    "this program is broken",
	"fasthttp:supervised":   "this program is broken",
	"gnet:supervised":       "this program is broken",
}

// TestBroken has servers of each kind that is installed reload what is broken, and then what
// was mended: those that survive the one do the other.
func TestBroken(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, name := range []string{
		"nginx", "caddy", "haproxy:master-worker", "lighttpd", "mod-wsgi", "gunicorn-sync", "gunicorn-gthread", "uwsgi-http11", "cherrypy",
		"nethttp:supervised", "fasthttp:supervised", "gnet:supervised",
	} {
		choice, err := servers.Choose(all(t), []string{name})
		if err != nil {
			t.Fatal(err)
		}
		c := choice.Candidates[0]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := c.Server.Check(t.Context()); err != nil {
				t.Skip(err)
			}
			begin(t, c, control.Reload).survives(c)
		})
	}
}

// survives holds that it serves on by what it read before, whatever it is asked to read, or
// else ends.
func (r *trial) survives(c servers.Candidate) {
	if err := c.Mend(r.dir); !errors.Is(err, servers.ErrWhole) {
		r.Errorf("what is whole is mended: %v", err)
	}
	if err := c.Break(r.dir); err != nil {
		r.Fatal(err)
	}
	if err := c.Break(r.dir); !errors.Is(err, servers.ErrBroken) {
		r.Errorf("what is broken is broken: %v", err)
	}
	_, refused := r.process.Ask(r.ctx, r.verb)
	says := refusals[r.name]
	if says == "" {
		if refused != nil {
			r.Errorf("asked: %v", refused)
		}
		r.until("it has ended", func() bool {
			select {
			case <-r.process.Done():
				return true
			default:
				return false
			}
		})
		return
	}
	r.until("it refuses", func() bool {
		log, err := os.ReadFile(r.log)
		return err == nil && bytes.Contains(log, []byte(says)) || refused != nil && strings.Contains(refused.Error(), says)
	})
	if body, err := r.hello(); err != nil || body != said {
		r.Errorf("it says %q, %v", body, err)
	}
	if strings.HasPrefix(r.name, "haproxy") { // which executes itself anew after a refusal, and loses signals meanwhile
		r.until("it waits for the next reload", func() bool {
			environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", r.process.PID()))
			return err == nil && bytes.Contains(environ, []byte("HAPROXY_MWORKER_WAIT_ONLY=1")) && catches(r.process.PID(), syscall.SIGUSR2)
		})
	}
	if err := c.Mend(r.dir); err != nil {
		r.Fatal(err)
	}
	r.reloadsMended()
}

// catches reports whether a process has a handler for a signal, and does not hold it back (proc(5)).
func catches(pid int, s syscall.Signal) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	has := func(field string) bool {
		_, after, _ := strings.Cut(string(status), "\n"+field+":\t")
		mask, _, _ := strings.Cut(after, "\n")
		bits, err := strconv.ParseUint(mask, 16, 64)
		return err == nil && bits>>(s-1)&1 == 1
	}
	return has("SigCgt") && !has("SigBlk")
}

// reloadsMended holds that it serves by other workers, if it has any.
func (r *trial) reloadsMended() {
	if !strings.HasSuffix(r.name, ":"+servers.Supervised) { // whose program is the same
		r.change()
	}
	workers := slices.DeleteFunc(r.held(), func(pid int) bool { return !slices.Contains(r.before, pid) })
	r.ask()
	if !strings.HasSuffix(r.name, ":"+servers.Supervised) {
		r.saysAnew()
	}
	r.until("its workers are others", func() bool { return !slices.ContainsFunc(workers, proc.Alive) })
}

// What is broken is in the directory of the launch alone, and is put back as it was.
func TestBreakAndMend(t *testing.T) {
	dir := t.TempDir()
	choice, err := servers.Choose(all(t, manifests(t, alpha+"; files: {a/conf: whole}; break: {file: a/conf, content: broken}", beta)), []string{"alpha", "beta", "nethttp"})
	if err != nil {
		t.Fatal(err)
	}
	c := choice.Candidates[0]
	path := filepath.Join(dir, "a", "conf")
	if err := c.Break(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing was launched there: %v", err)
	}
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("whole"), 0o640); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Break(dir); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "broken" {
			t.Errorf("broken it is %q, %v", text, err)
		}
		if err := c.Mend(dir); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if text, _ := os.ReadFile(path); err != nil || string(text) != "whole" || info.Mode().Perm() != 0o640 {
			t.Errorf("mended it is %q, %v, %v", text, info, err)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left is %v, %v", left, err)
	}
	for _, none := range choice.Candidates[1:] {
		if err := none.Break(dir); none.Breaks() || err == nil || err.Error() != none.Name+": nothing says what it reads at a reload" {
			t.Errorf("%s: %v", none.Name, err)
		}
	}
}

// A link out of the directory is not followed.
func TestBreakStaysInside(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	choice, err := servers.Choose(all(t, manifests(t, alpha+"; files: {a/conf: whole}; break: {file: a/conf, content: broken}")), []string{"alpha"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(outside, "conf"), []byte("whole"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	if err := choice.Candidates[0].Break(dir); err == nil {
		t.Error("it was broken")
	}
	if text, err := os.ReadFile(filepath.Join(outside, "conf")); err != nil || string(text) != "whole" {
		t.Errorf("outside it is %q, %v", text, err)
	}
}
