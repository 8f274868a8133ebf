package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/control/proc"
	"github.com/benchctl/benchctl/servers/meter"
)

// Setup configures the agents of this machine.
type Setup struct {
	Candidates []servers.Candidate
	Benchctl   string            // program that serves Go engines; candidates with a version have their own
	Binaries   map[string]string // version -> program, for Go engines of other builds
	Guard      []string          // command line of the guard
	Env        []string          // NAME=VALUE, over the environment that every candidate gets
	User       *control.User     // that candidates run as; nil: this process's own
	ServerCPUs control.CPUs
	LoaderCPUs control.CPUs
	Meters     Meters
}

// LocalHost is this machine.
type LocalHost struct {
	setup  Setup
	beside *beside

	meters sync.Mutex // one at a time reads them

	mu      sync.Mutex
	last    ID
	running map[ID]*child
}

// child is a candidate that runs here.
type child struct {
	servers.Candidate
	process *control.Process // nil if it could not be started
	address string
	dir     string
	ids     string // file of the requests' ids; "": none
	tree    *measure.Tree
	given   *control.Given // nil if it is not known
	counts  measure.Counts
	socket  string       // of its meter; "": it has none
	meter   *meter.Meter // nil: it has none, or tells nothing any longer
	heap    meter.Allocations
}

// NewHost makes this machine a Host.
func NewHost(s Setup) *LocalHost {
	return &LocalHost{setup: s, beside: newBeside(s), running: make(map[ID]*child)}
}

// Start implements Host.
func (h *LocalHost) Start(ctx context.Context, s Start) (Started, error) {
	at := slices.IndexFunc(h.setup.Candidates, func(c servers.Candidate) bool { return c.Name == s.Candidate })
	if at < 0 {
		return Started{}, fmt.Errorf("start %s: there is no such candidate", s.Candidate)
	}
	c := &child{Candidate: h.setup.Candidates[at]}
	s.App.Layers = c.Layers
	app, err := s.App.Instance()
	if err != nil {
		return Started{}, err
	}
	if c.dir, err = control.MakeTemp(); err != nil {
		return Started{}, fmt.Errorf("start %s: %w", c.Name, err)
	}
	if path := filepath.Join(c.dir, "meter"); c.Metered() && len(path) <= meter.MaxPath {
		c.socket = path
	}
	if s.Noted {
		c.ids = filepath.Join(c.dir, "ids")
	}
	id := h.add(c)
	c.process, c.address, err = c.Candidate.Start(ctx, h.launch(c, s))
	if err != nil {
		return Started{ID: id}, err
	}
	if given, err := c.process.Given(h.setup.ServerCPUs); err == nil { // else it ended, which is told below
		c.given = &given
	}
	patience := s.Patience
	if patience == 0 {
		patience = c.Server.ReadyTimeout()
	}
	took, err := Await(ctx, c.process, c.address, app, min(patience, c.Server.ReadyTimeout()))
	if err != nil {
		return Started{ID: id}, err
	}
	asked, _ := c.ask() // what it allocates is told, if it can be
	tree := measure.NewHeld(c.process.Guard, c.process.Group)
	h.mu.Lock()
	c.tree, c.meter = tree, asked
	h.mu.Unlock()
	return Started{id, c.address, took}, nil
}

// launch is where and how a candidate starts.
func (h *LocalHost) launch(c *child, s Start) servers.Launch {
	l := servers.Launch{
		Benchctl: h.setup.Benchctl, Guard: h.setup.Guard, CPUs: h.setup.ServerCPUs, Workers: s.Workers, Dir: c.dir, Log: s.Log, Env: h.setup.Env, User: h.setup.User, IDs: c.ids, Lint: s.Lint, Init: s.Init, Mounts: s.Mounts, Meter: c.socket,
	}
	if other, ok := h.setup.Binaries[c.Version]; ok {
		l.Benchctl = other
	}
	if l.Workers == 0 {
		l.Workers = max(1, len(h.setup.ServerCPUs))
	}
	return l
}

// Await waits until the process at address answers app correctly and is known to hold the
// address, for patience at most. It returns the time since the start of the process.
func Await(ctx context.Context, p *control.Process, address string, app suite.Instance, patience time.Duration) (time.Duration, error) {
	return p.Ready(ctx, address, patience, func(ctx context.Context) error {
		err := conform.Probe(ctx, address, app)
		if errors.Is(err, conform.ErrMismatch) {
			return fmt.Errorf("%w: %w", control.ErrHopeless, err)
		}
		return err
	})
}

func (h *LocalHost) add(c *child) ID {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	h.running[h.last] = c
	return h.last
}

// child is the candidate of an id; an empty one if there is none.
func (h *LocalHost) child(id ID) *child {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c, ok := h.running[id]; ok {
		return c
	}
	return &child{}
}

// Stop implements Host. It also stops the candidates of an interrupted run gracefully.
func (h *LocalHost) Stop(id ID, grace time.Duration) (ended Ended) {
	c := h.child(id)
	h.mu.Lock()
	delete(h.running, id)
	h.mu.Unlock()
	h.meters.Lock()
	_ = c.meter.Close()
	h.meters.Unlock()
	var left []error
	if c.process != nil {
		exit := c.process.Stop(context.Background(), grace)
		ended.How, ended.Killed, ended.Outside = exit.String(), exit.Killed, exit.Outside
		if exit.Guard != nil {
			ended.Guard, ended.Killed = exit.Guard.Error(), false
		}
		if exit.Unasked != nil {
			ended.Unasked = exit.Unasked.Error()
		}
		left = append(left, exit.Left)
	}
	if c.dir != "" {
		left = append(left, os.RemoveAll(c.dir))
	}
	for _, err := range left {
		switch {
		case err == nil:
		case ended.Left == "":
			ended.Left = err.Error()
		default:
			ended.Left += "; " + err.Error()
		}
	}
	return ended
}

// Ask implements Host.
func (h *LocalHost) Ask(ctx context.Context, id ID, verb control.Verb) (control.Ack, error) {
	c := h.child(id)
	if c.process == nil {
		return control.Ack{}, errNotStarted
	}
	return c.process.Ask(ctx, verb)
}

var errNotStarted = errors.New("it was not started")

// Ended implements Host.
func (h *LocalHost) Ended(id ID, d time.Duration) error {
	c := h.child(id)
	if c.process == nil {
		return errNotStarted
	}
	select { // whatever the time is
	case <-c.process.Done():
		return c.process.Death()
	default:
	}
	select {
	case <-c.process.Done():
		return c.process.Death()
	case <-time.After(d):
		return nil
	}
}

// CPU implements Host.
func (h *LocalHost) CPU(ids []ID) []*int64 {
	h.meters.Lock()
	defer h.meters.Unlock()
	trees := make([]*measure.Tree, len(ids))
	for i, id := range ids {
		trees[i] = h.child(id).tree
	}
	all := make([]*int64, len(ids))
	for i, d := range measure.CPUs(trees) {
		if d != nil {
			ns := d.Nanoseconds()
			all[i] = &ns
		}
	}
	return all
}

// Memory implements Host.
func (h *LocalHost) Memory(id ID) *float64 {
	h.meters.Lock()
	defer h.meters.Unlock()
	c := h.child(id)
	if c.tree == nil {
		return nil
	}
	if mib, err := c.tree.Memory(); err == nil {
		return &mib
	}
	return nil
}

// Counters implements Host.
func (h *LocalHost) Counters(id ID) map[string]uint64 {
	h.meters.Lock()
	defer h.meters.Unlock()
	c := h.child(id)
	if c.tree == nil {
		return nil
	}
	before := c.counts
	c.counts = c.tree.Counts()
	all := c.counts.Since(before)
	c.allocations(all)
	return all
}

// Counters of a Go engine's heap.
const (
	allocations    = "allocations"
	allocatedBytes = "allocated_bytes"
)

// ask begins to ask the candidate for its allocations; nil if it does not tell them, as builds do not
// that are older than that.
func (c *child) ask() (*meter.Meter, error) {
	if c.socket == "" {
		return nil, nil
	}
	return meter.Dial(c.socket)
}

// allocations adds what the candidate has allocated since the last call, if it tells that.
func (c *child) allocations(to map[string]uint64) {
	if c.meter == nil {
		return
	}
	heap, err := c.meter.Read()
	if err != nil {
		_ = c.meter.Close()
		c.meter = nil
		return
	}
	since := heap.Since(c.heap)
	c.heap = heap
	to[allocations], to[allocatedBytes] = since.Objects, since.Bytes
}

// Runs implements Host.
func (h *LocalHost) Runs(id ID) bool {
	h.meters.Lock()
	defer h.meters.Unlock()
	c := h.child(id)
	return c.tree != nil && c.tree.Runs()
}

// Deed implements Host.
func (h *LocalHost) Deed(id ID) string {
	h.meters.Lock()
	defer h.meters.Unlock()
	c := h.child(id)
	if c.tree == nil {
		return ""
	}
	return c.deed(c.tree.PIDs())
}

// Faithful implements Host.
func (h *LocalHost) Faithful(id ID) (deed string, err error) {
	c := h.child(id)
	if c.process == nil {
		return "", nil
	}
	if err := c.process.OwnsSocket(c.address); err != nil {
		return "", err
	}
	held, err := c.process.Held()
	switch {
	case errors.Is(err, proc.ErrUnsupported):
		return "", nil
	case err != nil:
		return "", err
	}
	return c.deed(held), nil
}

// deed is what the candidate did, by any of these processes.
func (c *child) deed(pids []int) string {
	if c.given == nil {
		return ""
	}
	return joined(c.given.Deeds(pids))
}

// Steal implements Host.
func (h *LocalHost) Steal() *int64 {
	h.meters.Lock()
	defer h.meters.Unlock()
	return measure.Known(h.beside.Steal)
}

// Beside implements Host.
func (h *LocalHost) Beside() *results.Host {
	h.meters.Lock()
	defer h.meters.Unlock()
	h.mu.Lock()
	var trees []*measure.Tree
	for _, c := range h.running {
		if c.tree != nil {
			trees = append(trees, c.tree)
		}
	}
	h.mu.Unlock()
	return h.beside.turn(trees)
}
