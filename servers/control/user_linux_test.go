package control_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/servers/control"
)

func init() {
	otherParts["tell-user"] = tellUser
}

// tellUser serves on the handed-in listener what each of its threads may do, and whether it
// becomes root again.
func tellUser() {
	fmt.Println("here", os.Getenv("HOME"))
	f, err := os.OpenFile("/proc/self/fd/1", os.O_WRONLY, 0) // as servers open their log
	if err != nil {
		fmt.Println(err)
		os.Exit(7)
	}
	fmt.Fprintln(f, "by its path")
	ln, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		fmt.Println(err)
		os.Exit(7)
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	go http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		tasks, _ := filepath.Glob("/proc/self/task/*/status")
		for _, task := range tasks {
			text, _ := os.ReadFile(task)
			for line := range strings.Lines(string(text)) {
				switch name, _, _ := strings.Cut(line, ":"); name {
				case "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapAmb":
					fmt.Fprintln(w, strings.Join(strings.Fields(line), " "))
				}
			}
		}
		if _, _, errno := unix.RawSyscall(unix.SYS_SETUID, 0, 0, 0); errno != unix.EPERM {
			fmt.Fprintln(w, "it becomes root:", errno)
		}
		if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); errno != unix.EPERM {
			fmt.Fprintln(w, "it changes its groups:", errno)
		}
	}))
	<-stop.Done()
	os.Exit(0)
}

// body is what an address replies.
func body(t *testing.T, address string) string {
	t.Helper()
	res, err := http.Get("http://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// asRoot is the user that root may have candidates run as. Others have none.
func asRoot(t *testing.T) *control.User {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("takes root")
	}
	u, _, err := control.RunAs(control.Unprivileged)
	if err != nil {
		t.Skip(err)
	}
	return u
}

// A candidate that is started as another user has nothing of root left, in any thread, and
// what its guard made for it is that user's.
func TestRunsAsUser(t *testing.T) {
	u := asRoot(t)
	u.Groups = []uint32{u.GID, 4242} // more than one
	everyGroup(t, func(t *testing.T, groups control.Groups) {
		dir, err := control.MakeTemp()
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := u.Own(dir); err != nil {
			t.Fatal(err)
		}
		f, address := listen(t)
		log := filepath.Join(t.TempDir(), "log")
		p := start(t, "tell-user", func(s *control.Spec) {
			s.Listener, s.Log, s.User, s.Dir, s.Groups = f, log, u, dir, groups
			s.Env = append(s.Env, u.Environ(dir)...)
			s.Verbs = map[control.Verb]control.Action{control.Reload: {Argv: []string{"/bin/sh", "-c", "id -u && id -G && test -O file && echo done >by-verb"}}}
		})
		needGroup(t, p, groups)
		f.Close()
		if _, err := p.Ready(t.Context(), address, 30*time.Second, probe(address)); err != nil {
			t.Fatal(err)
		}
		got := body(t, address)
		for line := range strings.Lines(got) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			if name != "Groups" && strings.HasPrefix(name, "Cap") != (value == "0000000000000000") {
				t.Errorf("a thread has %s", line)
			}
			for _, id := range strings.Fields(value) {
				want := map[string][]string{"Uid": {fmt.Sprint(u.UID)}, "Gid": {fmt.Sprint(u.GID)}, "Groups": {fmt.Sprint(u.GID), "4242"}}
				if ids, ok := want[name]; ok && !slices.Contains(ids, id) {
					t.Errorf("a thread has %s", line)
				}
			}
		}
		if strings.Count(got, "Uid") < 2 || strings.Contains(got, "it ") {
			t.Errorf("it told:\n%s", got)
		}
		if ack, err := p.Ask(t.Context(), control.Reload); err != nil {
			t.Errorf("a verb: %+v, %v", ack, err)
		}
		info, err := os.Stat(filepath.Join(dir, "by-verb"))
		if err != nil || info.Sys().(*syscall.Stat_t).Uid != u.UID {
			t.Errorf("what the verb wrote: %+v, %v", info, err)
		}
		if exit := p.Stop(t.Context(), time.Minute); exit.Code != 0 || exit.Killed || exit.Left != nil {
			t.Errorf("stop: %+v", exit)
		}
		text, err := os.ReadFile(log)
		if err != nil || !strings.HasPrefix(string(text), "here "+dir+"\nby its path\n") {
			t.Errorf("it said %q, %v", text, err)
		}
	})
}

// A program that the user can't reach is started nevertheless, unless it is a script or not
// for it to execute, and then it is told what is closed.
func TestProgramOutOfReach(t *testing.T) {
	u := asRoot(t)
	closed := t.TempDir()
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	program := func(name string, text []byte, mode os.FileMode) string {
		path := filepath.Join(closed, name)
		if err := os.WriteFile(path, text, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	log := filepath.Join(t.TempDir(), "log")
	p := start(t, "say", func(s *control.Spec) {
		s.User, s.Argv[0], s.Log, s.Env = u, program("there", self, 0o755), log, append(s.Env, "TEST_SAID=it runs")
	})
	<-p.Done()
	if said := control.LogTail(log, 1); said != "it runs" || p.Exit().Code != 0 {
		t.Errorf("it said %q and ended: %s", said, p.Exit())
	}
	for _, path := range []string{program("script", []byte("#!/bin/sh\n"), 0o755), program("private", self, 0o700)} {
		s := spec("say", "")
		s.User, s.Argv = u, []string{path}
		checked := u.CheckProgram(path)
		var reach *control.ReachError
		if !errors.As(checked, &reach) || reach.Path != path || !strings.HasPrefix(closed, reach.Closed) || !strings.Contains(reach.Hint(), "--run-as") {
			t.Errorf("checked: %v", checked)
		}
		if _, err := control.Start("say", s); err == nil || err.Error() != "start say: "+checked.Error() {
			t.Errorf("started: %v, want %v", err, checked)
		}
	}
	if err := u.CheckProgram("/bin/sh"); err != nil {
		t.Errorf("what all may execute: %v", err)
	}
	if err := u.CheckDir(closed); err == nil || !strings.Contains(err.Error(), "can't reach") && !strings.Contains(err.Error(), "has no right to") {
		t.Errorf("a directory: %v", err)
	}
	if err := os.WriteFile(filepath.Join(closed, "after"), nil, 0o600); err != nil {
		t.Errorf("root itself has no rights any more: %v", err)
	}
}

func TestRunAs(t *testing.T) {
	own := control.OwnName()
	for _, name := range []string{own, fmt.Sprint(os.Geteuid())} {
		if u, note, err := control.RunAs(name); u != nil || note != "" || err != nil {
			t.Errorf("%s: %v, %q, %v", name, u, note, err)
		}
	}
	if u, note, err := control.RunAs("no-such-user"); u != nil || note != "" || err == nil || err.Error() != `user "no-such-user": there is no such user` {
		t.Errorf("%v, %q, %v", u, note, err)
	}
	u, note, err := control.RunAs("")
	if os.Geteuid() != 0 {
		if u != nil || note != "" || err != nil {
			t.Errorf("by default: %v, %q, %v", u, note, err)
		}
		if _, _, err := control.RunAs("root"); err == nil || err.Error() != `user "root": that takes root, and this is `+own {
			t.Errorf("root: %v", err)
		}
		return
	}
	if err != nil || (u == nil) == (note == "") || u != nil && u.Name != control.Unprivileged {
		t.Errorf("by default: %v, %q, %v", u, note, err)
	}
}

// Of no other user, nothing changes.
func TestOwnUser(t *testing.T) {
	var u *control.User
	if u.String() != control.OwnName() || u.Environ("/tmp") != nil || u.Own("/nowhere") != nil || u.CheckDir("/nowhere") != nil || u.CheckProgram("/nowhere") != nil || u.Become() != nil {
		t.Error("it is another")
	}
}
