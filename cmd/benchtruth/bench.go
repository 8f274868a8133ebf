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

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/servers/control"
)

// bench holds runs against loads.
type bench struct {
	options
	self, dir              string
	serverCPUs, loaderCPUs control.CPUs
	beside                 *row // the neighbour of the first subject
}

// subject is a server that is tried.
type subject struct {
	name, app     string
	void, putsOff bool
	argv          func(address string) []string // that serves it alone
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
	b.dir, err = os.MkdirTemp("", "benchtruth-")
	return b, err
}

// manifest is that of a trick, for benchctl run.
func manifest(t trick, self string) string {
	return fmt.Sprintf("name: %s\nclass: engine\ndoc: %q\ncommand: [%q, serve, %s, \"{{.Host}}:{{.Port}}\"]\napps: [%s]\n",
		t.name, t.doc, self, t.name, appName(t.load()))
}

// appName is an app without its parameters.
func appName(app string) string {
	name, _, _ := strings.Cut(app, "?")
	return name
}

// honest are servers as they are, of each kind one.
func honest() []string {
	return []string{
		"fasthttp", "nethttp", "hertz", "nbio", "nginx", "node",
		"gunicorn-gthread", "gunicorn-sync", "waitress", "gevent:tuned", "cheroot:tuned", "uwsgi-http:tuned",
	}
}

// subjects writes the manifests of the tricks that are chosen, or names the honest
// servers that are.
func (b *bench) subjects() (all []subject, err error) {
	if b.honest {
		for _, name := range honest() {
			if matches(name, b.only) {
				all = append(all, subject{name: name, app: "hello", argv: func(address string) []string {
					return []string{b.benchctl, "serve", "--server=" + name, "--addr=" + address}
				}})
			}
		}
		return all, nil
	}
	if err := os.Mkdir(b.serverDir(), 0o755); err != nil {
		return nil, err
	}
	for _, t := range chosen(b.only) {
		if err := os.WriteFile(filepath.Join(b.serverDir(), t.name+".yaml"), []byte(manifest(t, b.self)), 0o644); err != nil {
			return nil, err
		}
		all = append(all, subject{name: t.name, app: t.load(), void: t.void, putsOff: t.putsOff, argv: func(address string) []string {
			return []string{b.self, "serve", t.name, address}
		}})
	}
	return all, nil
}

func (b *bench) serverDir() string { return filepath.Join(b.dir, "servers") }

// neighbour is what a subject is measured beside.
func neighbour(s subject) string {
	if s.name == "nethttp" {
		return "nethttp#b"
	}
	return "nethttp"
}

// run is one "benchctl run", as a user would start it: the subject's row and the
// neighbour's.
func (b *bench) run(ctx context.Context, s subject) (own, beside row, err error) {
	scenario := filepath.Join(b.dir, "truth.yaml")
	text := fmt.Sprintf("name: truth\ndoc: as many requests as %d connections get answered\nengine: raw\nconnections: %d\napps: [%q]\n", b.connections, b.connections, s.app)
	if err := os.WriteFile(scenario, []byte(text), 0o644); err != nil {
		return own, beside, err
	}
	runs := filepath.Join(b.dir, "runs")
	defer os.RemoveAll(runs)
	args := []string{
		"run", "--json", "--scenario-file=" + scenario, "--servers=" + s.name + "," + neighbour(s),
		"--budget=" + b.budget.String(), "--out=" + runs,
	}
	if !b.honest {
		args = append(args, "--server-dir="+b.serverDir())
	}
	cmd := exec.CommandContext(ctx, b.benchctl, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it stops its servers
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	failed := cmd.Run() // an invalid row is one as well
	rows, err := parseSummary(out.Bytes())
	if err == nil && len(rows) != 2 {
		err = fmt.Errorf("%d rows, not 2", len(rows))
	}
	if err != nil {
		return own, beside, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), errors.Join(err, failed), errs.Bytes())
	}
	i := slices.IndexFunc(rows, func(r row) bool { return r.candidate == neighbour(s) })
	if i < 0 {
		return own, beside, fmt.Errorf("no row of %s", neighbour(s))
	}
	return rows[1-i], rows[i], nil
}

// pass is a load of the server alone, without interruptions.
func (b *bench) pass(ctx context.Context, s subject, byWrk bool) (seen, error) {
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
	argv, read := loadArgs(b.benchctl, url, bodyFile, b.connections, b.long), parseLoad
	if byWrk {
		script := filepath.Join(b.dir, "wrk.lua")
		if err := os.WriteFile(script, []byte(wrkScript(bodyFile)), 0o644); err != nil {
			return seen{}, err
		}
		argv, read = wrkArgs(url, script, b.connections, b.long), parseWrk
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
	if err := server.settle(ctx, s.putsOff, 5*b.long); err != nil {
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
	fmt.Printf("%s, %s, %s, %s; %d connections; loads of %v without interruptions, runs of %v\n\n", e.CPU, e.OS, e.Kernel, e.Go, b.connections, b.long, b.budget)
}
