package request

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/bench/launch"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/servers"
)

// Resume opens a run of a store to go on with it: by its id, the beginning of one, its
// directory or "latest". The machine and the candidates' versions must be those that it was
// begun with.
func Resume(ctx context.Context, store, name string, p Programs) (Ready, error) {
	ready := Ready{Config: p.config()}
	dir, err := results.Find(store, name)
	if err != nil {
		return ready, misuse.Of(err)
	}
	s, err := results.Reopen(dir)
	if err != nil {
		return ready, err
	}
	err = ready.runAs(s.Manifest().RunAs)
	if err == nil {
		err = takeUp(ctx, s.Manifest(), measure.Environment(), &ready.Config)
	}
	if err != nil {
		s.Close()
		return ready, err
	}
	ready.Config.Store = s
	return ready, nil
}

// takeUp configures what goes on with a run on this machine.
func takeUp(ctx context.Context, m results.Manifest, here results.Environment, c *launch.Config) (err error) {
	if here.Fingerprint != m.Environment.Fingerprint {
		return fmt.Errorf("resume run %s: it was begun on another machine, or one set up otherwise, which can't be continued on this one: %s",
			m.ID, strings.Join(m.Environment.Differences(here), "; "))
	}
	if m.Environment.ServerCPUs != "" {
		if c.ServerCPUs, c.LoaderCPUs, err = Processors(m.Environment.ServerCPUs, m.Environment.LoaderCPUs); err != nil {
			return misuse.Of(err)
		}
	}
	if c.Binaries, err = parseBinaries(m.Binaries); err != nil {
		return misuse.Of(err)
	}
	c.Env = m.Env
	c.Candidates, err = again(ctx, m, c.Binaries)
	return err
}

// again is the candidates of a run, in its order and of the same versions.
func again(ctx context.Context, m results.Manifest, binaries map[string]string) ([]servers.Candidate, error) {
	var names []string
	for _, c := range m.Candidates {
		names = append(names, c.Name)
	}
	choice, err := servers.Find(m.ServerDirs, names)
	if err != nil {
		return nil, err
	}
	candidates, _, err := choice.Installed(ctx, binaries)
	if err != nil {
		return nil, err
	}
	for i, c := range candidates {
		if was := m.Candidates[i].Version; c.Version != was {
			return nil, fmt.Errorf("resume run %s: %s is of version %q now and was %q", m.ID, c.Name, c.Version, was)
		}
		stacks := func(b results.Block) bool { return b.Stacked() && !slices.Contains(b.Without, c.Name) }
		if c.Server.Manifest != nil && slices.ContainsFunc(m.Blocks, stacks) {
			if err := c.Server.Manifest.CheckStacks(ctx); err != nil {
				return nil, fmt.Errorf("resume run %s: %w", m.ID, err)
			}
		}
	}
	return candidates, nil
}
