package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/engine"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers/control"
)

// Calibration determines what can be measured. To find the limit of the load generator, it loads
// a sink, a minimal server on the candidates' processors.
type Calibration struct {
	Benchctl               string        // program that serves Go engines, for Machine
	Sink                   []string      // command line of a server on descriptor 3 that calls Sink
	Guard                  []string      // command line of the guard
	User                   *control.User // that candidates run as, for Machine; nil: this process's own
	ServerCPUs, LoaderCPUs control.CPUs
	Warn                   func(text string) // told of what disturbs Machine meanwhile; nil: nobody is
}

// Ceilings loads the sink with one closed loop after the other, for d each and a tenth of
// it to warm up. This process stays pinned to the load generator's processors. An error
// beside ceilings is of what the sink left.
func (c Calibration) Ceilings(ctx context.Context, loads []scenarios.Load, d time.Duration) (all []results.LoaderCeiling, err error) {
	if err := control.PinSelf(c.LoaderCPUs); err != nil {
		return nil, err
	}
	dir, err := control.MakeTemp()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p, address, err := c.start(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		p.Kill()
		err = errors.Join(err, p.Exit().Left)
	}()
	for _, l := range loads {
		ceiling, err := c.ceiling(ctx, l, address, measure.NewHeld(p.Guard, p.Group), d)
		if err != nil {
			return nil, fmt.Errorf("load the sink: %w", err)
		}
		all = append(all, ceiling)
	}
	return all, nil
}

func (c Calibration) start(ctx context.Context, dir string) (*control.Process, string, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // plain TCP, as for every candidate
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	defer ln.Close()
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	p, err := control.Start("sink", control.Spec{
		Command: control.Command{Argv: c.Sink, Env: control.Environ(dir), Dir: dir}, Guard: c.Guard,
		Listener: file, CPUs: c.ServerCPUs, Log: filepath.Join(dir, "sink.log"), Scratch: dir,
	})
	return p, ln.Addr().String(), err
}

// ceiling opens the connections, warms up and measures a slice.
func (c Calibration) ceiling(ctx context.Context, l scenarios.Load, address string, sink *measure.Tree, d time.Duration) (results.LoaderCeiling, error) {
	none := results.LoaderCeiling{}
	hello, err := suite.Parse("hello")
	if err != nil {
		return none, err
	}
	session, err := engine.Open(ctx, load.Config{Address: address, Targets: agent.Targets(hello, address, 0), Load: l})
	if err != nil {
		return none, err
	}
	defer session.Close()
	if _, err := session.Slice(ctx, load.Window{Span: d / 10}); err != nil {
		return none, err
	}
	for range starved { // a busy machine may leave the sink no time in so short a slice
		if ceiling, err := c.slice(ctx, l, session, sink, d); !errors.Is(err, errNoReply) {
			return ceiling, err
		}
		d *= 2
	}
	return none, errNoReply
}

// starved is how often a slice without a reply is taken again, twice as long.
const starved = 4

var errNoReply = errors.New("no reply came in time")

// slice measures one slice.
func (c Calibration) slice(ctx context.Context, l scenarios.Load, session load.Session, sink *measure.Tree, d time.Duration) (results.LoaderCeiling, error) {
	none := results.LoaderCeiling{}
	loaderBefore, sinkBefore, began := measure.Known(measure.SelfCPU), measure.Known(sink.CPU), time.Now()
	res, err := session.Slice(ctx, load.Window{Span: d})
	if err != nil {
		return none, err
	}
	wall := time.Since(began)
	cpu, sinkCPU := measure.Between(loaderBefore, measure.Known(measure.SelfCPU)), measure.Between(sinkBefore, measure.Known(sink.CPU))
	switch {
	case res.Errored() > 0:
		return none, fmt.Errorf("%d replies, errors %v", res.Counted, res.Errors)
	case res.Counted == 0:
		return none, errNoReply
	case cpu == nil || *cpu <= 0:
		return none, errors.New("the load generator's CPU time is unknown")
	}
	perRequest := float64(*cpu) / 1e3 / float64(res.Answered)
	ceiling := results.LoaderCeiling{
		Engine: l.Engine, Connections: l.Connections, Seconds: res.Elapsed.Seconds(),
		Throughput: float64(res.Counted) / res.Elapsed.Seconds(), CPU: perRequest,
		RPS: 1e6 / perRequest * float64(count(c.LoaderCPUs)), LoaderShare: share(*cpu, wall, c.LoaderCPUs),
	}
	if sinkCPU != nil {
		used := share(*sinkCPU, wall, c.ServerCPUs)
		ceiling.SinkShare = &used
	}
	return ceiling, nil
}

// count is the number of processors in cpus, where empty means all.
func count(cpus control.CPUs) int {
	if len(cpus) == 0 {
		return runtime.NumCPU()
	}
	return len(cpus)
}

// share is the part that ns of CPU time are of the processors' time.
func share(ns int64, wall time.Duration, cpus control.CPUs) float64 {
	return float64(ns) / float64(wall) / float64(count(cpus))
}

// Look waits for d and reports how others used the processors meanwhile.
func Look(ctx context.Context, d time.Duration, servers, loader control.CPUs) ([]measure.Warning, error) {
	before, err := measure.ReadTicks()
	if errors.Is(err, measure.ErrUnsupported) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(d):
	}
	after, err := measure.ReadTicks()
	return measure.Disturbance(before, after, servers, loader), err
}

const (
	// lookFor is how long a run looks at the machine before it begins.
	lookFor = 500 * time.Millisecond
	// ceilingTime bounds what a run spends on its load generator's limits, and
	// ceilingSlice what it spends on one.
	ceilingTime  = 1500 * time.Millisecond
	ceilingSlice = 250 * time.Millisecond
)

// calibrate examines the machine and the load generator before the first launch, and
// records the result in the manifest. A failure to determine something stops no run.
func (r *run) calibrate(ctx context.Context) error {
	if r.Sink == nil || r.calibrated || r.InBudget(lookFor+ceilingTime) != nil {
		return nil
	}
	r.calibrated = true
	if r.Attempt == 0 {
		warnings, err := Look(ctx, lookFor, r.ServerCPUs, r.LoaderCPUs)
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := r.Warn(warnings); err != nil {
			return err
		}
	}
	m := r.Store.Manifest()
	if loads := closedLoops(m); len(m.LoaderCeilings) == 0 && len(loads) > 0 {
		c := Calibration{Sink: r.Sink, Guard: r.Guard, ServerCPUs: r.ServerCPUs, LoaderCPUs: r.LoaderCPUs}
		ceilings, err := c.Ceilings(ctx, loads, min(ceilingSlice, ceilingTime/time.Duration(len(loads))))
		switch {
		case ctx.Err() != nil:
			return errors.Join(ctx.Err(), err)
		case err != nil && ceilings == nil:
			m.Notes = append(m.Notes, fmt.Sprintf("the load generator's limit is unknown: %v", err))
		case err != nil:
			r.Tell(launch.Event{Kind: launch.Warning, Text: fmt.Sprintf("the sink: %v", err)})
		}
		m.LoaderCeilings = ceilings
	}
	return r.Store.Amend(m)
}

// closedLoops are a plan's plain closed loops, each once.
func closedLoops(m results.Manifest) []scenarios.Load {
	var loads []scenarios.Load
	for _, b := range m.Blocks {
		l := scenarios.Load{Engine: b.Load.Engine, Connections: b.Load.Connections}
		same := func(o scenarios.Load) bool { return o.Engine == l.Engine && o.Connections == l.Connections }
		if b.Load.Plain() && !slices.ContainsFunc(loads, same) {
			loads = append(loads, l)
		}
	}
	return loads
}
