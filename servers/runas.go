package servers

import (
	"os/exec"

	"github.com/benchctl/benchctl/servers/control"
)

// RunsAs is the user that the candidate runs as where u is asked for: this process's own, nil,
// if it has to be root.
func (c Candidate) RunsAs(u *control.User) *control.User {
	if c.Server.Manifest != nil && c.Server.Manifest.Root != "" {
		return nil
	}
	return u
}

// CheckUser tells whether the candidate can run as a user: by a *control.ReachError if the
// user can't reach a program that it needs. Benchctl is the program that serves Go engines.
func (c Candidate) CheckUser(u *control.User, benchctl string) error {
	if u = c.RunsAs(u); u == nil {
		return nil
	}
	for _, program := range c.programs(benchctl) {
		path, err := exec.LookPath(program)
		if err != nil {
			continue // a template, or its start tells
		}
		if err := u.CheckProgram(path); err != nil {
			return err
		}
	}
	return nil
}

// programs are those that the candidate is known to execute.
func (c Candidate) programs(benchctl string) (all []string) {
	requires := c.Server.requires
	if c.Server.Manifest == nil {
		all = append(all, benchctl)
	} else {
		all, requires = append(all, c.Server.Manifest.Program(c.Profile)), c.Server.Manifest.Requires
	}
	for _, r := range requires {
		if r.Command != "" {
			all = append(all, r.Command)
		}
	}
	return all
}
