//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/servers/control"
)

// bench holds runs against loads.
type bench struct {
	options
	self, dir              string
	serverCPUs, loaderCPUs control.CPUs
	poll                   time.Duration // of benchctl load
}

// pollFor is how long the load generator of a run polls, where it has whole cores of
// its own: a server pays for waking one that sleeps.
const pollFor = 100 * us

// subject is a server that is tried.
type subject struct {
	name, app     string
	void, putsOff bool
	wrkShown      bool                          // not held against
	manifest      string                        // "" if benchctl knows it
	argv          func(address string) []string // that serves it alone
}

// trick is a trick as a subject.
func (b *bench) trick(t trick) subject {
	return subject{name: t.name, app: t.load(), void: t.void, putsOff: t.putsOff, manifest: manifest(t, b.self), argv: func(address string) []string {
		return []string{b.self, "serve", t.name, address, t.load()}
	}}
}

// plain is the server that a subject is measured beside and held against, with the
// subject's app.
func (b *bench) plain(s subject) subject {
	t := tricks()[0]
	t.app = s.app
	return b.trick(t)
}

func newBench(o options) (*bench, error) {
	b := &bench{options: o}
	var err error
	if b.options.benchctl, err = filepath.Abs(o.benchctl); err != nil {
		return nil, err
	}
	for _, program := range []string{b.benchctl, "wrk", "taskset"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, err
		}
	}
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	b.serverCPUs, b.loaderCPUs = control.Split()
	if len(b.loaderCPUs) > 0 && !control.ShareCore(os.DirFS("/"), b.loaderCPUs, b.serverCPUs) {
		b.poll = pollFor
	}
	b.dir, err = os.MkdirTemp("", "benchtruth-")
	return b, err
}

// manifest is that of a trick, for benchctl run.
func manifest(t trick, self string) string {
	return fmt.Sprintf("name: %s\nclass: engine\ndoc: %q\ncommand: [%q, serve, %s, \"{{.Host}}:{{.Port}}\", %q]\napps: [%s]\n",
		t.name, t.doc, self, t.name, t.load(), appName(t.load()))
}

// appName is an app without its parameters.
func appName(app string) string {
	name, _, _ := strings.Cut(app, "?")
	return name
}

// honest are servers as they are, of each kind one. wrk is shown beside them, and not
// held against: it sleeps when no reply is there, as happens where a server is slower than
// it is, and then the server pays for waking it. "benchctl load" without --poll sees the
// same (docs/methodology.md).
func honest() []string {
	return []string{
		"fasthttp", "nethttp", "hertz", "nbio", "nginx", "node",
		"gunicorn-gthread", "gunicorn-sync", "waitress", "gevent:tuned", "cheroot:tuned", "uwsgi-http:tuned",
	}
}

// subjects are the tricks that are chosen, or the honest servers that are.
func (b *bench) subjects() (all []subject) {
	if !b.honest {
		for _, t := range chosen(b.only) {
			all = append(all, b.trick(t))
		}
		return all
	}
	for _, name := range honest() {
		if matches(name, b.only) {
			all = append(all, subject{name: name, app: "hello", wrkShown: true, argv: func(address string) []string {
				return []string{b.benchctl, "serve", "--server=" + name, "--addr=" + address}
			}})
		}
	}
	return all
}

// neighbour is what the row of plain is called beside a subject.
func neighbour(s subject) string {
	if plain := tricks()[0].name; s.name != plain {
		return plain
	}
	return s.name + "#b"
}

// run is one "benchctl run", as a user would start it: the subject's row and plain's.
func (b *bench) run(ctx context.Context, s subject, by layout) (own, beside row, err error) {
	scenario := filepath.Join(b.dir, "truth.yaml")
	text := fmt.Sprintf("name: truth\ndoc: as many requests as %d connections get answered\nengine: raw\nconnections: %d\napps: [%q]\n", b.connections, b.connections, s.app)
	if by.lead > 0 {
		text += fmt.Sprintf("lead: %v\n", by.lead)
	}
	if err := os.WriteFile(scenario, []byte(text), 0o644); err != nil {
		return own, beside, err
	}
	servers, runs := filepath.Join(b.dir, "servers"), filepath.Join(b.dir, "runs")
	defer os.RemoveAll(runs)
	defer os.RemoveAll(servers)
	if err := writeManifests(servers, b.plain(s), s); err != nil {
		return own, beside, err
	}
	cmd := exec.CommandContext(ctx, b.benchctl, append([]string{
		"run", "--json", "--scenario-file=" + scenario, "--servers=" + s.name + "," + neighbour(s),
		"--budget=" + b.budget.String(), "--out=" + runs, "--server-dir=" + servers,
	}, by.flags...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it stops its servers
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	failed := cmd.Run() // an invalid row is one as well
	own, beside, err = readRun(out.Bytes(), runs, s)
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), errors.Join(err, failed), errs.Bytes())
	}
	return own, beside, err
}

func writeManifests(dir string, all ...subject) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, s := range all {
		if s.manifest == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, s.name+".yaml"), []byte(s.manifest), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// readRun reads the rows of a subject and of plain from what a run printed, and left
// in a directory.
func readRun(output []byte, runs string, s subject) (own, beside row, err error) {
	sum, err := parseSummary(output)
	if err != nil {
		return own, beside, err
	}
	i := slices.IndexFunc(sum.rows, func(r row) bool { return r.candidate == neighbour(s) })
	if len(sum.rows) != 2 || i < 0 {
		return own, beside, fmt.Errorf("%d rows, not 2 with one of %s", len(sum.rows), neighbour(s))
	}
	own, beside = sum.rows[1-i], sum.rows[i]
	own.ratios = sum.over(own.candidate, beside.candidate)
	return own, beside, own.addTimes(filepath.Join(runs, sum.id))
}

// long loads a subject without interruptions, and plain for a short time right before
// and right after.
func (b *bench) long(ctx context.Context, s subject, byWrk bool) (l long, err error) {
	for _, p := range []struct {
		of     subject
		length time.Duration
		to     *seen
	}{{b.plain(s), b.options.beside, &l.before}, {s, b.options.long, &l.seen}, {b.plain(s), b.options.beside, &l.after}} {
		if *p.to, err = b.pass(ctx, p.of, byWrk, p.length); err != nil {
			return l, err
		}
	}
	return l, nil
}

// pass is a load of the server alone, without interruptions.
func (b *bench) pass(ctx context.Context, s subject, byWrk bool, length time.Duration) (seen, error) {
	instance, err := suite.Parse(s.app)
	if err != nil {
		return seen{}, err
	}
	app := instance.Exchange()
	bodyFile, err := b.bodyFile(app)
	if err != nil {
		return seen{}, err
	}
	address, err := control.FreeAddress()
	if err != nil {
		return seen{}, err
	}
	url := "http://" + address + app.Target
	server, err := startAlone(ctx, pinned(b.serverCPUs, s.argv(address)), address, app)
	if err != nil {
		return seen{}, err
	}
	defer server.stop()
	argv, read := loadArgs(b.benchctl, url, bodyFile, b.connections, length, b.poll), parseLoad
	if byWrk {
		script := filepath.Join(b.dir, "wrk.lua")
		if err := os.WriteFile(script, []byte(wrkScript(bodyFile)), 0o644); err != nil {
			return seen{}, err
		}
		argv, read = wrkArgs(url, script, b.connections, length), parseWrk
	}
	return b.load(ctx, server, s, pinned(b.loaderCPUs, argv), read)
}

// load runs a loader and tells what it saw, with the server's CPU time.
func (b *bench) load(ctx context.Context, server *alone, s subject, argv []string, read func([]byte) (seen, error)) (seen, error) {
	before, err := server.cpu()
	if err != nil {
		return seen{}, err
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, failed := cmd.Output() // which wrong replies are as well
	result, err := read(out)
	if err != nil {
		return seen{}, fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), errors.Join(err, failed), errs.Bytes())
	}
	if err := server.settle(ctx, s.putsOff, 5*b.options.long); err != nil {
		return seen{}, err
	}
	after, err := server.cpu()
	if err != nil {
		return seen{}, err
	}
	result.figures[serverCPU] = float64((after - before).Nanoseconds()) / 1e3 / result.requests
	return result, nil
}

// bodyFile is a file with the body of an app's request, "" if it has none.
func (b *bench) bodyFile(app suite.Exchange) (string, error) {
	if len(app.Body) == 0 {
		return "", nil
	}
	file := filepath.Join(b.dir, "body")
	return file, os.WriteFile(file, app.Body, 0o644)
}

// head says what is held against what, and where.
func (b *bench) head() {
	e := measure.Environment()
	fmt.Printf("%s, %s, %s, %s; %d connections; loads of %v without interruptions, of plain around them of %v; runs of %v\n\n",
		e.CPU, e.OS, e.Kernel, e.Go, b.connections, b.options.long, b.options.beside, b.budget)
}
