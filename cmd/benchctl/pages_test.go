package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/service"
)

// repository is the root of the checkout.
var repository = filepath.Join("..", "..")

// pages are the README, the guide for contributors and all documentation, by their paths
// in the repository.
func pages(t *testing.T) map[string][]byte {
	t.Helper()
	docs, err := filepath.Glob(filepath.Join(repository, "docs", "*.md"))
	if err != nil || len(docs) == 0 {
		t.Fatalf("no documentation: %v", err)
	}
	all := make(map[string][]byte)
	for _, path := range append(docs, filepath.Join(repository, "README.md"), filepath.Join(repository, "CONTRIBUTING.md")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(repository, path)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.ToSlash(name)] = text
	}
	return all
}

// Every command of each page runs here, in the page's order, in one directory, with runs
// made short. YAML blocks are files there: manifests below servers, scenarios, and those that name
// their file.
func TestPages(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs every command of the documentation")
	}
	if _, err := os.Stat("/usr/bin/gunicorn"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("install gunicorn to run the commands of the documentation")
	}
	commands := make(map[string]int)
	for name, text := range pages(t) {
		all := blocks(text)
		for _, b := range all {
			if b.language == "sh" || b.language == "go-checkout" {
				commands[name] += len(b.lines())
			}
		}
		if commands[name] == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newPage(t).run(all)
		})
	}
	for _, name := range []string{"README.md", "docs/tutorial.md", "docs/adding-a-server.md", "docs/ci.md", "docs/latency.md", "docs/choose-a-server.md", "docs/serve.md", "docs/stacks.md"} {
		if commands[name] < 4 {
			t.Errorf("only %d commands were found in %s", commands[name], name)
		}
	}
}

// block is a fenced block of a page.
type block struct{ language, text string }

var fence = regexp.MustCompile("(?ms)^```([a-z-]*)\n(.*?)^```$")

func blocks(text []byte) []block {
	var all []block
	for _, m := range fence.FindAllSubmatch(text, -1) {
		all = append(all, block{string(m[1]), string(m[2])})
	}
	return all
}

func (b block) lines() []string { return strings.Split(strings.TrimSpace(b.text), "\n") }

// page is where the blocks of one page are run.
type page struct {
	*testing.T
	dir   string // has benchctl in its path
	clone string // a copy of the files under version control, made when it is needed
	free  string // address in the place of one that somebody may use
}

func newPage(t *testing.T) *page {
	free, err := control.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	p := &page{T: t, dir: commandDir(t), free: free}
	t.Cleanup(p.stopServices)
	return p
}

// stopServices ends what a page that failed has left.
func (p *page) stopServices() {
	dir := service.Dir(filepath.Join(p.dir, "benchctl"))
	list, err := dir.List(context.Background())
	if err != nil {
		p.Error(err)
	}
	for _, s := range list {
		if s.State == service.Running {
			p.Errorf("service %s is left running", s.Name)
			_ = dir.Ask(context.Background(), s.Name, service.StopNow)
		}
	}
}

func (p *page) run(all []block) {
	for _, b := range all {
		if m := namedFile.FindStringSubmatch(b.text); m != nil {
			if err := os.WriteFile(filepath.Join(p.dir, m[1]), []byte(b.text), 0o644); err != nil {
				p.Fatal(err)
			}
			continue
		}
		switch b.language {
		case "yaml":
			p.file(b.text)
		case "sh":
			for _, line := range b.lines() {
				p.command(strings.ReplaceAll(line, "127.0.0.1:8080", p.free))
			}
		case "go-checkout":
			if p.clone == "" {
				p.clone = checkout(p.T)
			}
			for _, line := range b.lines() {
				p.inClone(line)
			}
		}
	}
}

// namedFile is a block that begins with the name of its file.
var namedFile = regexp.MustCompile(`\A# (\S+\.(?:yaml|ini))\n`)

var yamlName = regexp.MustCompile(`(?m)^name: (\S+)$`)

// file writes a manifest or a scenario under its name.
func (p *page) file(text string) {
	p.Helper()
	m := yamlName.FindStringSubmatch(text)
	if m == nil {
		p.Fatalf("a YAML block has no name:\n%s", text)
	}
	dir := p.dir
	if strings.Contains(text, "\ncommand: ") {
		dir = filepath.Join(dir, "servers")
		if n := strings.Count(text, "\n"); n >= 15 {
			p.Errorf("the manifest %s takes %d lines", m[1], n)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, m[1]+".yaml"), []byte(text), 0o644); err != nil {
		p.Fatal(err)
	}
}

// command runs a line of a page.
func (p *page) command(line string) {
	p.Helper()
	switch {
	case strings.HasPrefix(line, "make "): // this test is one of what it runs
		cmd := exec.Command("make", "--dry-run", strings.TrimPrefix(line, "make "))
		cmd.Dir = repository
		if out, err := cmd.CombinedOutput(); err != nil {
			p.Errorf("%s: %v\n%s", line, err, out)
		}
		return
	case strings.HasPrefix(line, "benchctl serve ") && !strings.Contains(line, "--daemon"):
		p.serve(line)
		return
	case strings.HasPrefix(line, "benchctl run ") && !strings.Contains(line, "--resume"):
		line += " --launches=1 --rounds=6 --slice=50ms --pass=100ms"
	case line == "benchctl calibrate":
		line += " --duration=2s"
	}
	cmd := shell(p.dir, line)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	p.Logf("%v: %s", time.Since(began).Round(100*time.Millisecond), line)
	said := strings.Join(strings.Fields(string(out)), " ") // however it is folded
	if err != nil && (cmd.ProcessState.ExitCode() != exitFound || !mayFind.MatchString(line) && !tooLate.MatchString(said)) {
		p.Errorf("%s: %v\n%s", line, err, out)
	}
}

// mayFind are the commands that may end with a finding: what a server breaks, that one is
// faster, and that a busy machine does not send at a rate. There a reply or a connection may
// come too late as well, which voids a row, or others may hamper each of the few slices.
var (
	mayFind = regexp.MustCompile(`^(bin/)?benchctl (compare |verify |load .*--rate=)`)
	tooLate = regexp.MustCompile(`no whole reply in time|connection timed out|no slice can be used`)
)

// serve leaves the server running for the commands that follow.
func (p *page) serve(line string) {
	p.Helper()
	cmd := shell(p.dir, "exec "+line)
	errs, err := cmd.StderrPipe()
	if err != nil {
		p.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	said := bufio.NewReader(errs)
	if first, err := said.ReadString('\n'); err != nil || !strings.Contains(first, "serves http://") {
		p.Fatalf("%s: said %q, %v", line, first, err)
	}
}

// inClone runs a line that changes the sources.
func (p *page) inClone(line string) {
	p.Helper()
	cmd := shell(p.dir, line)
	cmd.Dir = p.clone
	if out, err := cmd.CombinedOutput(); err != nil && (cmd.ProcessState.ExitCode() != exitFound || !mayFind.MatchString(line)) {
		p.Fatalf("%s: %v\n%s", line, err, out)
	}
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

func shell(dir, line string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"), "BENCHCTL_STORE=", "XDG_RUNTIME_DIR="+dir)
	cmd.WaitDelay = time.Minute
	return cmd
}

// checkout is a copy of the files under version control.
func checkout(t *testing.T) string {
	dir := t.TempDir()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = repository
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split(strings.TrimRight(string(out), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(list.Dir, name))
		if os.IsNotExist(err) { // deleted and not yet committed
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadmeTableIsReal(t *testing.T) {
	text := pages(t)["README.md"]
	if !bytes.Contains(text, []byte("concurrency-256 · hello")) || !bytes.Contains(text, []byte("server CPU")) {
		t.Error("the README shows no table of the main job")
	}
}
