package site

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/html"
	"github.com/benchctl/benchctl/report/plots"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// fileDigest is what a run's pages have beside them for the pages over all runs.
const fileDigest = "digest.json"

// run is a run of a site.
type run struct {
	dir    string // of its records
	name   string // of the directory of its pages
	out    string // that directory
	stamp  string
	digest report.Digest
	full   bool // it is to have all its pages
	had    pages
}

// pages are what the site has of a run already.
type pages int

const (
	none pages = iota
	lean
	full
)

// kept is a digest as it is kept in a site, with what the pages were made of.
type kept struct {
	Stamp string `json:"stamp"`
	Full  bool   `json:"full"`
	report.Digest
}

// named gives each run the name of its directory in the site.
func named(site string, dirs []string) ([]*run, error) {
	var all []*run
	by := make(map[string]string)
	for _, dir := range dirs {
		dir, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		r := &run{dir: dir, name: nameOf(filepath.Base(dir))}
		r.out = filepath.Join(site, html.Runs, r.name)
		other, taken := by[r.name]
		switch {
		case other == dir:
			continue
		case taken:
			return nil, fmt.Errorf("runs %s and %s have the same name", other, dir)
		case results.IsRun(r.out):
			return nil, fmt.Errorf("%s has the records of a run: choose another directory for the site", r.out)
		}
		by[r.name] = dir
		all = append(all, r)
	}
	return all, nil
}

// nameOf is the name of a run's directory in the site: its id. One that is no slug has a mark, so that no two ids have the
// same name.
func nameOf(id string) string {
	slug := report.Slug(id)
	if slug == id {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return slug + "-" + hex.EncodeToString(sum[:4])
}

// read finds the digest of the run: beside its pages in the site, in its own report, or from its summary.
func (r *run) read(o Options) error {
	var err error
	if r.stamp, err = stampOf(r.dir, o); err != nil {
		return err
	}
	var k kept
	if r.stamp != "" && readJSON(filepath.Join(r.out, fileDigest), &k) == nil && k.Stamp == r.stamp {
		r.digest, r.had = k.Digest, lean
		if k.Full {
			r.had = full
		}
		return nil
	}
	if err := r.readOwn(); err != nil {
		return err
	}
	r.digest.ID = r.name
	return nil
}

func (r *run) readOwn() error {
	own := filepath.Join("report", fileDigest)
	current, err := results.Current(r.dir, own)
	if err != nil {
		return err
	}
	if current && readJSON(filepath.Join(r.dir, own), &r.digest) == nil && r.digest.Schema == report.DigestSchema {
		return nil
	}
	s, err := judge.SummaryOf(r.dir)
	if err != nil {
		return err
	}
	r.digest = report.New(s).Digest()
	return nil
}

// write writes the pages of the run, unless they are there. What is there of an earlier time is removed: a table that is
// gone would keep its page. card is the URL of its picture; "": it gets none.
func (r *run) write(card string) error {
	if r.had == full || r.had == lean && !r.full {
		return nil
	}
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if r.full {
		return r.writeFull(card)
	}
	r.digest = r.digest.OnOnePage()
	page, err := html.Lean(r.digest)
	if err != nil {
		return err
	}
	if err := save(r.out, page.Path, page.Content); err != nil {
		return err
	}
	return r.keep()
}

func (r *run) writeFull(card string) error {
	s, err := judge.SummaryOf(r.dir)
	if err != nil {
		return err
	}
	all := report.New(s)
	r.digest = all.Digest()
	r.digest.ID = r.name
	if err := write(r.out, all, s, html.Options{Site: "../../", Card: card}); err != nil {
		return err
	}
	if card != "" {
		picture, err := plots.Card(r.digest)
		if err != nil {
			return err
		}
		if err := save(r.out, fileCard, picture); err != nil {
			return err
		}
	}
	return r.keep()
}

// keep says of what the pages were made. It is written last: without it they are not complete.
func (r *run) keep() error {
	text, err := json.Marshal(kept{r.stamp, r.full, r.digest})
	if err != nil {
		return err
	}
	return save(r.out, fileDigest, text)
}

func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// stampOf changes with the records of a run, with the version of benchctl and with the site's URL; "" if nothing is known to
// stay the same.
func stampOf(run string, o Options) (string, error) {
	entries, err := os.ReadDir(run)
	if err != nil {
		return "", err
	}
	if o.Version == "" {
		return "", nil
	}
	h := sha256.New()
	fmt.Fprintln(h, o.Version, o.URL)
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		if !e.IsDir() {
			fmt.Fprintln(h, e.Name(), info.Size(), info.ModTime().UnixNano())
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
