package harness

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/bench/agent"
	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/bench/plan"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

// A calibration loads the sink, and a server and itself, by the same number of connections.
const (
	floorScenario    = "concurrency-64"
	floorConnections = 64
)

// floorCandidates is a server and itself.
var floorCandidates = []string{"nethttp", "nethttp#b"}

// Machine determines in about d what this machine can measure, and what disturbs it. It spends a
// tenth of the time, at most 1 s, on the observation of others, a tenth on the load generator's
// limit and the rest on the noise floor.
func (c Calibration) Machine(ctx context.Context, d time.Duration) (judge.Calibration, []measure.Warning, error) {
	told := judge.Calibration{Environment: c.environment()}
	warnings := measure.ReadConditions().Warnings(len(floorCandidates), floorConnections)
	disturbed, err := Look(ctx, min(d/10, time.Second), c.ServerCPUs, c.LoaderCPUs)
	if err != nil {
		return told, nil, err
	}
	ceilings, err := c.Ceilings(ctx, []scenarios.Load{{Engine: load.Raw, Connections: floorConnections}}, d/10)
	switch {
	case ceilings == nil:
		return told, nil, err
	case err != nil:
		c.warn("the sink: " + err.Error())
	}
	told.Loader = judge.NewLoaderLimit(ceilings[0])
	told.Floor, err = c.floor(ctx, d*8/10)
	return told, append(warnings, disturbed...), err
}

// environment is this machine, as it is divided.
func (c Calibration) environment() results.Environment {
	e := measure.Environment()
	e.ServerCPUs, e.LoaderCPUs = c.ServerCPUs.String(), c.LoaderCPUs.String()
	return e
}

func (c Calibration) warn(text string) {
	if c.Warn != nil {
		c.Warn(text)
	}
}

// floor measures a server against itself for about d.
func (c Calibration) floor(ctx context.Context, d time.Duration) (judge.NoiseFloor, error) {
	none := judge.NoiseFloor{}
	dir, err := control.MakeTemp()
	if err != nil {
		return none, err
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			c.warn(err.Error())
		}
	}()
	m, candidates, err := c.floorPlan(ctx, d)
	if err != nil {
		return none, err
	}
	store, err := results.Create(filepath.Join(dir, m.ID), m)
	if err != nil {
		return none, err
	}
	defer store.Close()
	began := time.Now()
	err = Run(ctx, launch.Config{
		Store: store,
		Setup: agent.Setup{Candidates: candidates, Benchctl: c.Benchctl, Guard: c.Guard, User: c.User, ServerCPUs: c.ServerCPUs, LoaderCPUs: c.LoaderCPUs},
		Observe: func(e launch.Event) {
			if e.Kind == launch.Warning {
				c.warn(e.Text)
			}
		},
	})
	if err != nil {
		return none, err
	}
	took := time.Since(began)
	record, err := results.Read(store.Dir())
	if err != nil {
		return none, err
	}
	return judge.Floor(record, took)
}

// floorPlan plans as many launches and rounds as take about d.
func (c Calibration) floorPlan(ctx context.Context, d time.Duration) (results.Manifest, []servers.Candidate, error) {
	none := results.Manifest{}
	choice, err := servers.Find(nil, floorCandidates)
	if err != nil {
		return none, nil, err
	}
	candidates, _, err := choice.Installed(ctx, nil)
	if err != nil {
		return none, nil, err
	}
	all, err := scenarios.Builtin()
	if err != nil {
		return none, nil, err
	}
	chosen, err := scenarios.Find(all, []string{floorScenario})
	if err != nil {
		return none, nil, err
	}
	launches, rounds := floorSize(d)
	now := time.Now()
	m, err := plan.New(plan.Request{
		Scenarios: chosen, Apps: []stacked.App{{Name: "hello"}}, Candidates: candidates, Launches: launches, Rounds: rounds, NoPass: true, Seed: uint64(now.UnixNano()) >> 10 & math.MaxUint32,
	})
	m.Started, m.ID, m.Environment = now.UTC(), results.NewID(now), measure.Environment()
	return m, candidates, err
}

// floorSize is how many launches and rounds take about d: a launch of two
// candidates takes about 0.6 s besides its rounds, a round is two slices. Rounds
// come in twos, and fewer than 6 carry no interval.
func floorSize(d time.Duration) (launches, rounds int) {
	const starts, round = 600 * time.Millisecond, 2 * (plan.MinSlice + 15*time.Millisecond)
	launches = max(1, min(int(d/(3*time.Second)), plan.DefaultLaunches))
	rounds = int((d/time.Duration(launches) - starts) / round)
	return launches, max(8, rounds-rounds%2)
}
