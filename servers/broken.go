package servers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/benchctl/benchctl/servers/external"
)

// programLink is the program of a candidate of the profile Supervised, in the directory of
// its launch: a link, so that what its workers are started from is the candidate's own.
const programLink = "benchctl"

// broken is what the candidate reads at a reload and how that is made wrong. Workers in the
// profile Supervised are a program that is looked up at each of their starts: a broken one
// begins, and fails.
func (c Candidate) broken() external.Broken {
	switch {
	case c.Server.Manifest != nil:
		return c.Server.Manifest.Breaks()
	case c.Profile == Supervised:
		return external.Broken{File: programLink, Content: "#!/bin/sh\necho this program is broken >&2\nexit 1\n"}
	}
	return external.Broken{}
}

// Breaks tells whether something that the candidate reads at a reload can be made wrong.
func (c Candidate) Breaks() bool { return c.broken().File != "" }

// Errors of Break and Mend.
var (
	ErrBroken = errors.New("is broken already")
	ErrWhole  = errors.New("is not broken")
)

// aside is what the name of a whole file ends with while the broken one has its place.
const aside = ".whole"

// Break makes wrong what the candidate reads at its next reload: a file in dir, that of its
// launch, and nothing outside of it. Nobody sees a part of the broken file.
func (c Candidate) Break(dir string) error {
	return c.change(dir, func(root *os.Root, b external.Broken) error {
		if _, err := root.Lstat(b.File + aside); err == nil {
			return ErrBroken
		}
		const fresh = ".broken"
		f, err := root.OpenFile(b.File+fresh, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755) // it may be a program
		if err != nil {
			return err
		}
		_, err = f.WriteString(b.Content)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		if err := root.Rename(b.File, b.File+aside); err != nil {
			return err
		}
		return root.Rename(b.File+fresh, b.File)
	})
}

// Mend puts back what Break has put aside.
func (c Candidate) Mend(dir string) error {
	return c.change(dir, func(root *os.Root, b external.Broken) error {
		err := root.Rename(b.File+aside, b.File)
		if errors.Is(err, fs.ErrNotExist) {
			return ErrWhole
		}
		return err
	})
}

// change does something to the file that can be broken.
func (c Candidate) change(dir string, do func(*os.Root, external.Broken) error) error {
	b := c.broken()
	if b.File == "" {
		return fmt.Errorf("%s: nothing says what it reads at a reload", c.Name)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := do(root, b); err != nil {
		return fmt.Errorf("%s of %s: %w", b.File, c.Name, err)
	}
	return nil
}
