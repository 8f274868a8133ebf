package servers

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/servers/external"
)

// Find chooses candidates by name among all servers, with those of the manifests in dirs.
// Whatever is wrong with the names or the manifests is a misuse.Error.
func Find(dirs, names []string) (Choice, error) {
	dirs, err := Absolute(dirs)
	if err != nil {
		return Choice{}, err
	}
	all, err := All(dirs...)
	if err != nil {
		return Choice{}, misuse.Of(err)
	}
	c, err := Choose(all, names)
	return c, misuse.Of(err)
}

// Absolute is the directories by absolute paths.
func Absolute(dirs []string) ([]string, error) {
	var all []string
	for _, dir := range dirs {
		path, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		all = append(all, path)
	}
	return all, nil
}

// Skipped tells of each candidate why it is skipped; "" if it is not. One of a group is
// where it is not installed. One that was named itself has to be, and what it lacks is told
// by an *external.NotInstalledError.
func (c Choice) Skipped(ctx context.Context) ([]string, error) {
	why := make([]string, len(c.Candidates))
	for i, one := range c.Candidates {
		err := one.Server.Check(ctx)
		var missing *external.NotInstalledError
		switch {
		case errors.As(err, &missing) && !c.Named[i]:
			if why[i] = missing.Error(); missing.Hint() != "" {
				why[i] += "; " + missing.Hint()
			}
		case err != nil:
			return nil, err
		}
	}
	return why, nil
}

// Installed is the candidates that can run here, with the versions that there are, and
// notes on those of groups that can't and on versions that are not known. Binaries are
// other builds of benchctl by version: they serve the Go engines that are asked for in it.
// Any other version than the one that there is, is a misuse.Error.
func (c Choice) Installed(ctx context.Context, binaries map[string]string) (there []Candidate, notes []string, err error) {
	why, err := c.Skipped(ctx)
	if err != nil {
		return nil, nil, err
	}
	var skipped []skip
	for i, one := range c.Candidates {
		if why[i] != "" {
			skipped = append(skipped, skip{one.Name, why[i]})
			continue
		}
		note, err := one.setVersion(ctx, binaries)
		if err != nil {
			return nil, nil, err
		}
		if note != "" {
			notes = append(notes, note)
		}
		there = append(there, one)
	}
	return there, append(notes, notesOf(skipped)...), nil
}

// skip is a candidate that is skipped, and why.
type skip struct{ candidate, why string }

// fewSkipped is how many skipped candidates have a note each. Where little is installed
// there would be a screenful before every table.
const fewSkipped = 3

// notesOf tells of the skipped: each by itself with what it lacks, or many in one line.
func notesOf(skipped []skip) (notes []string) {
	var names []string
	for _, one := range skipped {
		names = append(names, one.candidate)
		notes = append(notes, fmt.Sprintf("skipped %s: %s", one.candidate, one.why))
	}
	if len(skipped) > fewSkipped {
		return []string{fmt.Sprintf("skipped %d servers that are not installed: %s; benchctl list servers tells how to install them", len(names), strings.Join(names, ", "))}
	}
	return notes
}

// setVersion completes the candidate with the version that there is, and refuses another
// one that was asked for. That a server does not tell its version is a note.
func (c *Candidate) setVersion(ctx context.Context, binaries map[string]string) (note string, err error) {
	if _, ok := binaries[c.Version]; ok && c.Server.Engine != nil {
		return "", nil
	}
	there, err := c.Server.Version(ctx)
	switch {
	case err != nil && (c.Version != "" || ctx.Err() != nil):
		return "", err
	case err != nil:
		return fmt.Sprintf("%s: its version is not known: %v", c.Name, err), nil
	case c.Version != "" && c.Version != there:
		return "", &misuse.Error{
			Err:    fmt.Errorf("candidate %q: the version here is %q", c.Name, there),
			Remedy: "name a build of benchctl that carries the other version: --binary " + c.Version + "=PATH",
		}
	}
	c.Version = there
	return "", nil
}
