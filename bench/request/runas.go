package request

import (
	"cmp"
	"fmt"
	"os"
	"slices"

	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

// runAs decides who candidates run as.
func (r *Ready) runAs(name string) error {
	u, note, err := control.RunAs(name)
	if err != nil {
		return misuse.Of(fmt.Errorf("run: --run-as: %w", err))
	}
	if note != "" {
		r.Notes = append(r.Notes, note)
	}
	if err := u.CheckDir(os.TempDir()); err != nil {
		return fmt.Errorf("run: the directory for temporary files: %w", err)
	}
	r.Config.User = u
	return nil
}

// reachable are the candidates whose programs the user can reach that they run as, with notes
// on those of groups that it can't, and on those that stay root. One that was named itself
// has to be one of them.
func (r *Ready) reachable(choice servers.Choice, all []servers.Candidate, binaries map[string]string) (there []servers.Candidate, err error) {
	for _, c := range all {
		at := slices.IndexFunc(choice.Candidates, func(o servers.Candidate) bool { return o.Name == c.Name })
		switch err := c.CheckUser(r.Config.User, cmp.Or(binaries[c.Version], r.Config.Benchctl)); {
		case err != nil && choice.Named[at]:
			return nil, fmt.Errorf("run: candidate %s: %w", c.Name, err)
		case err != nil:
			r.Notes = append(r.Notes, fmt.Sprintf("skipped %s: %v", c.Name, err))
			continue
		}
		if r.Config.User != nil && c.RunsAs(r.Config.User) == nil {
			r.Notes = append(r.Notes, fmt.Sprintf("%s runs as %s: %s", c.Name, control.OwnName(), c.Server.Manifest.Root))
		}
		there = append(there, c)
	}
	if len(there) == 0 {
		return nil, fmt.Errorf("run: user %s can reach none of the servers", r.Config.User)
	}
	return there, nil
}
