package request

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers/external"
)

// stackless are the servers of manifests that can't serve stacks here, with the reasons; none if there are
// no stacks.
func (p parsed) stackless(ctx context.Context) map[string]error {
	why := map[string]error{}
	for _, c := range p.Candidates {
		if _, known := why[c.Server.Name]; known || c.Server.Manifest == nil || !p.stacked() {
			continue
		}
		err := c.Server.Manifest.CheckStacks(ctx)
		if missing := (*external.NotInstalledError)(nil); errors.As(err, &missing) {
			err = fmt.Errorf("%w; %s", err, missing.Hint())
		}
		why[c.Server.Name] = err
	}
	return why
}

// stacked reports whether an app of the run has layers around it.
func (p parsed) stacked() bool {
	return slices.ContainsFunc(p.Apps, stacked.App.Stacked) || len(p.Apps) == 0 && slices.ContainsFunc(p.Scenarios, func(s scenarios.Scenario) bool {
		return slices.ContainsFunc(s.Apps, func(name string) bool { return stacked.App{Name: name}.Stacked() })
	})
}
