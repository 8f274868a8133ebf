package servers

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/benchctl/benchctl/apps/stacked"
	"github.com/benchctl/benchctl/servers/external"
)

// ErrNoLayers is that a candidate has no layers around all of its apps.
var ErrNoLayers = errors.New("only servers in Go carry layers, by the app contract")

// CheckStack tells why the candidate can't serve the stack of an app, wherever it is installed; nil if it
// can, or if the app has none.
func (c Candidate) CheckStack(a stacked.App) error {
	switch {
	case !a.Stacked() || c.Contract():
		return nil
	case c.Server.Manifest == nil:
		return ErrNoLayers
	case c.Server.Manifest.Twins != external.TwinsWSGI:
		return external.ErrNoStacks
	}
	_, err := a.Twin()
	return err
}

// writeTwins writes the stacks of Mounts as files of Paste Deploy, and returns them by their paths, as
// external.Launch has them.
func (l Launch) writeTwins() (map[string]string, error) {
	mounts := map[string]string{}
	for _, a := range l.Mounts {
		twin, err := a.Twin()
		if err != nil {
			return nil, fmt.Errorf("app %s: %w", a.Name, err)
		}
		if mounts[twin.Root] != "" { // of another leaf of it
			continue
		}
		file := filepath.Join(l.Dir, fmt.Sprintf("stack-%d.ini", len(mounts)+1))
		if err := os.WriteFile(file, []byte(twin.INI), 0o644); err != nil { // for servers that run as other users
			return nil, err
		}
		mounts[twin.Root] = file
	}
	return mounts, nil
}
