package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/servers/control"
)

// Tests of runs that end before they are done: killed, interrupted, out of disk.

const marker = "BENCHCTL_TEST_RUN"

// benchctl starts this program as a user would, marked so that whatever it
// starts can be found.
func benchctl(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), marker+"="+dir, "TMPDIR="+temporary(t, dir))
	return cmd
}

// started starts a command, and tells when it has ended.
func started(t *testing.T, cmd *exec.Cmd) <-chan struct{} {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	return ended
}

// temporary is where a run started by benchctl puts temporary files, as open to all users
// as such a directory is.
func temporary(t *testing.T, dir string) string {
	t.Helper()
	tmp := filepath.Join(dir, "tmp")
	err := errors.Join(os.MkdirAll(tmp, 0o755), passable(dir), os.Chmod(tmp, 0o777|os.ModeSticky))
	if err != nil {
		t.Fatal(err)
	}
	return tmp
}

// nothingTemporary fails if temporary files are left. A directory may be, which a
// run was killed right after it made.
func nothingTemporary(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(temporary(t, dir), func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			t.Errorf("%s outlives its run", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// left lists the processes that carry the mark of dir. Candidates do not get it: they are
// known by their directory for temporary files, which is below dir.
func left(t *testing.T, dir string) []string {
	t.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	var pids []string
	for _, path := range environs {
		text, err := os.ReadFile(path)
		if err == nil && (bytes.Contains(text, []byte(marker+"="+dir+"\x00")) || bytes.Contains(text, []byte("TMPDIR="+dir+"/"))) {
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}

// noneLeft fails unless everything that carries the mark ends.
func noneLeft(t *testing.T, dir string) {
	t.Helper()
	var pids []string
	if !eventually(t, func() bool { pids = left(t, dir); return len(pids) == 0 }) {
		t.Fatalf("processes %v outlive their run", pids)
	}
}

// eventually looks at what only looking tells until it is so, for a minute at most.
func eventually(t *testing.T, so func() bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

func needLinux(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("processes are looked for in /proc")
	}
}

// trials reads the complete lines of a run's trials, and its directory; "" if
// there is no run yet.
func trials(t *testing.T, dir string) (run string, lines []byte) {
	t.Helper()
	runs, _ := filepath.Glob(filepath.Join(dir, "results", "runs", "*", "trials.jsonl"))
	if len(runs) == 0 {
		return "", nil
	}
	lines, err := os.ReadFile(runs[0])
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(runs[0]), lines
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	needLinux(t)
	dir := t.TempDir()
	cmd := benchctl(t, dir, "run", "--scenario=smoke", "--apps=hello", "--servers=nethttp", "--launches=1", "--pass=none", "--rounds=1000", "--slice=20ms")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if !eventually(t, func() bool { _, lines := trials(t, dir); return len(lines) > 0 }) {
		t.Error("nothing was measured")
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d, want %d; it said %s", code, exitInterrupted, errs.String())
	}
	if !strings.Contains(out.String(), "nethttp") || !strings.Contains(errs.String(), "\ncontinue with: benchctl run --resume ") {
		t.Errorf("printed %s\n%s", out.String(), errs.String())
	}
	noneLeft(t, dir)
	run, _ := trials(t, dir)
	if s, err := judge.ReadSummary(run); err != nil || s.Run.Status != judge.StatusPartial || len(s.Run.Notes) == 0 {
		t.Errorf("summary %+v: %v", s, err)
	}
}

// Whatever a command does when it is interrupted, it says that, and nothing of contexts.
func TestInterruptedSaysSo(t *testing.T) {
	needLinux(t)
	const slow, slowToTell = "command: [sh, -c, 'echo > %s; exec sleep 60']", "version: [sh, -c, 'echo > %s; exec sleep 60']\ncommand: [sleep, '60']"
	asUs := " --run-as=" + control.OwnName() // to write where this test looks
	deaf, asked := deafServer(t)
	for _, c := range []struct {
		command, manifest string
		code              int
		want              string
	}{
		{"verify --server-dir=. --servers=slow" + asUs, slow, exitInterrupted, "slow: broken: interrupted\nbenchctl: verify: interrupted\n"},
		{"verify --server-dir=. --servers=slow", slowToTell, exitInterrupted, "slow: broken: interrupted\nbenchctl: verify: interrupted\n"},
		{"run --scenario=smoke --apps=hello --server-dir=. --servers=slow" + asUs, slow, exitInterrupted, "benchctl: run: interrupted; what was measured is kept\ncontinue with: "},
		{"run --scenario=smoke --apps=hello --server-dir=. --servers=slow", slowToTell, exitInterrupted, "benchctl: run: interrupted\n"},
		{"list servers --server-dir=.", slowToTell, exitInterrupted, "benchctl: servers: interrupted\n"},
		{"serve --server-dir=. --server=slow" + asUs, slow, exitDone, ""},
		{"load --connections=1 --duration=60s " + deaf, "", exitInterrupted, "benchctl: load: interrupted\n"},
		{"load --engine=vegeta --connections=1 --duration=60s " + deaf, "", exitInterrupted, "benchctl: load: interrupted\n"},
	} {
		dir := t.TempDir()
		code, out, errs := interruptWhen(t, dir, c.command, c.manifest, asked)
		if code != c.code || !strings.Contains(errs, c.want) || strings.Contains(out+errs, "context") {
			t.Errorf("%s: exit code %d, want %d and %q; printed\n%s%s", c.command, code, c.code, c.want, out, errs)
		}
		noneLeft(t, dir)
	}
}

// What a command could not remove it tells when it was interrupted as well.
func TestInterruptedTellsWhatIsLeft(t *testing.T) {
	needLinux(t)
	for command, want := range map[string]string{ // of what says so
		"verify --server-dir=. --servers=slow":                            "slow: broken: interrupted\nunlinkat ",
		"run --scenario=smoke --apps=hello --server-dir=. --servers=slow": "warning: slow: unlinkat ",
		"serve --server-dir=. --server=slow":                              "benchctl: warning: unlinkat ",
	} {
		dir := t.TempDir()
		t.Cleanup(func() { removable(dir) })
		_, _, errs := interruptWhen(t, dir, command+" --run-as="+control.OwnName(), clutters, nil)
		if strings.Contains(errs, "permission denied (mount)") {
			t.Skip(errs)
		}
		if !strings.Contains(errs, want) {
			t.Errorf("%s: it says nothing of its directory, %q; printed\n%s", command, want, errs)
		}
	}
}

// clutters is a server that makes a directory which benchctl can't remove: by its rights
// or, as those are no bounds to root, by what is mounted there.
const clutters = `command: [sh, -c, 'mkdir -p "$TMPDIR/kept/within"; if [ $(id -u) = 0 ]; then mount -t tmpfs tmpfs "$TMPDIR/kept" || { echo "permission denied (mount)"; exit 1; }; else chmod 555 "$TMPDIR/kept"; fi; echo > %s; exec sleep 60']`

// removable lets go of what clutters has made below dir.
func removable(dir string) {
	_ = filepath.WalkDir(dir, func(path string, e os.DirEntry, _ error) error {
		if e != nil && e.Name() == "kept" {
			_ = exec.Command("umount", path).Run()
			_ = os.Chmod(path, 0o755)
			return filepath.SkipDir
		}
		return nil
	})
}

// interruptWhen interrupts a command of benchctl's, once the server slow of the manifest has
// written the file %s in that; without a manifest, once waits tells.
func interruptWhen(t *testing.T, dir, command, manifest string, waits <-chan struct{}) (code int, printed, said string) {
	t.Helper()
	cmd := benchctl(t, dir, strings.Fields(command)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if manifest != "" {
		there := filepath.Join(dir, "there")
		text := fmt.Appendf(nil, "name: slow\nclass: engine\ndoc: takes its time\n"+manifest+"\n", there)
		if err := os.WriteFile(filepath.Join(dir, "slow.yaml"), text, 0o644); err != nil {
			t.Fatal(err)
		}
		waits = appears(t, there)
	}
	ended := started(t, cmd)
	select {
	case <-waits:
		_ = cmd.Process.Signal(syscall.SIGINT)
	case <-ended:
		t.Logf("%s: ended by itself", command)
	}
	<-ended
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// deafServer takes requests and does not answer. It tells of each connection on which one
// comes.
func deafServer(t *testing.T) (url string, asked chan struct{}) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	asked = make(chan struct{})
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := conn.Read(make([]byte, 1)); err != nil {
					return
				}
				select {
				case asked <- struct{}{}:
					_, _ = io.Copy(io.Discard, conn) // until the client ends it
				case <-t.Context().Done():
				}
			}()
		}
	}()
	return "http://" + ln.Addr().String() + "/", asked
}

// appears tells once there is a file.
func appears(t *testing.T, path string) <-chan struct{} {
	there := make(chan struct{})
	go func() {
		for t.Context().Err() == nil {
			if _, err := os.Stat(path); err == nil {
				close(there)
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	return there
}

// The disk is a small file system in memory, which takes a privilege to mount.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	needLinux(t)
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("no small disk to be had: %s", out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", disk).Run() })
	cmd := benchctl(t, dir, "run", "--scenario=smoke", "--servers=nethttp,fasthttp", "--launches=1", "--pass=none", "--rounds=200", "--slice=10ms", "--out", disk)
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitEnvironment {
		t.Errorf("exit code %d, want %d", code, exitEnvironment)
	}
	if n := strings.Count(string(out), "no space left on device"); n != 1 || strings.Contains(string(out), "goroutine ") {
		t.Errorf("it said:\n%s", out)
	}
	noneLeft(t, dir)
	runs, err := results.List(disk)
	if err != nil || len(runs) != 1 {
		t.Fatalf("runs %v: %v", runs, err)
	}
	if r, err := results.Read(filepath.Join(disk, runs[0])); err != nil || len(r.Trials) == 0 {
		t.Errorf("what was measured can't be read: %v", err)
	}
}
