package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/servers/control"
)

// Every command of the README's sh blocks runs here, in their order, in one
// directory, with runs made short. The YAML block is the manifest that the text
// around it names.
func TestReadme(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs every command of the README")
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/usr/bin/gunicorn"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("install gunicorn to run the README's commands")
	}
	free, err := control.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("127.0.0.1:8080"), []byte(free)) // somebody may use it
	dir := readmeDir(t, text)
	commands := 0
	for _, block := range blocks(text, "sh") {
		for _, line := range strings.Split(strings.TrimSpace(block), "\n") {
			runReadme(t, dir, line)
			commands++
		}
	}
	if commands < 10 {
		t.Errorf("only %d commands were found", commands)
	}
}

// readmeDir is a directory with the README's manifest and with benchctl in its
// path.
func readmeDir(t *testing.T, text []byte) string {
	dir := commandDir(t)
	manifests := blocks(text, "yaml")
	if len(manifests) != 1 {
		t.Fatalf("%d manifests, want 1", len(manifests))
	}
	if n := strings.Count(manifests[0], "\n"); n >= 15 {
		t.Errorf("the manifest takes %d lines", n)
	}
	if err := os.WriteFile(filepath.Join(dir, "servers", "mine.yaml"), []byte(manifests[0]), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// commandDir is a directory with benchctl in its path and a place for manifests.
func commandDir(t *testing.T) string {
	dir := t.TempDir()
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"bin", "servers"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(self, filepath.Join(dir, "bin", "benchctl")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func blocks(text []byte, language string) []string {
	var all []string
	for _, m := range regexp.MustCompile("(?s)\n```"+language+"\n(.*?)```").FindAllSubmatch(text, -1) {
		all = append(all, string(m[1]))
	}
	return all
}

func runReadme(t *testing.T, dir, line string) {
	t.Helper()
	switch {
	case strings.HasPrefix(line, "make "): // this test is one of what it runs
		cmd := exec.Command("make", "--dry-run", strings.TrimPrefix(line, "make "))
		cmd.Dir = filepath.Join("..", "..")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
		return
	case strings.HasPrefix(line, "benchctl serve "):
		serveReadme(t, dir, line)
		return
	case strings.HasPrefix(line, "benchctl run ") && !strings.Contains(line, "--resume"):
		line += " --launches=1 --rounds=6 --slice=50ms --pass=100ms"
	case line == "benchctl calibrate":
		line += " --duration=2s"
	}
	cmd := shell(dir, line)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	t.Logf("%v: %s", time.Since(began).Round(100*time.Millisecond), line)
	said := strings.Join(strings.Fields(string(out)), " ") // however it is folded
	if err != nil && (cmd.ProcessState.ExitCode() != exitFound || !mayFind.MatchString(line) && !tooLate.MatchString(said)) {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
}

// mayFind are the commands that may end with a finding: what a server breaks, that one is
// faster, and that a busy machine does not send at a rate. There a reply or a connection may
// come too late as well, which voids a row.
var (
	mayFind = regexp.MustCompile(`^benchctl (compare |verify |load .*--rate=)`)
	tooLate = regexp.MustCompile(`no whole reply in time|connection timed out`)
)

// serveReadme leaves the server running for the commands that follow.
func serveReadme(t *testing.T, dir, line string) {
	cmd := shell(dir, "exec "+line)
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	said := bufio.NewReader(errs)
	if first, err := said.ReadString('\n'); err != nil || !strings.Contains(first, "serves http://") {
		t.Fatalf("%s: said %q, %v", line, first, err)
	}
}

func shell(dir, line string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"), "BENCHCTL_STORE=")
	cmd.WaitDelay = time.Minute
	return cmd
}

func TestReadmeTableIsReal(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte("concurrency-256 · hello")) || !bytes.Contains(text, []byte("server CPU")) {
		t.Error("the README shows no table of the main job")
	}
	for _, image := range regexp.MustCompile(`\]\((docs/images/[^)]*)\)`).FindAllSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("..", "..", string(image[1]))); err != nil {
			t.Error(err)
		}
	}
}
