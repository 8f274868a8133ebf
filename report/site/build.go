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
	"runtime"
	"slices"
	"sync"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/html"
	"github.com/benchctl/benchctl/results/judge"
)

// fileDigest is what a run's pages have beside them for the pages over all runs.
const fileDigest = "digest.json"

// kept is a digest as it is kept, with what it was made of.
type kept struct {
	Stamp string `json:"stamp"`
	report.Digest
}

// Options of a site.
type Options struct {
	// Version of benchctl. The pages of a run that are there already are left as they are, if the same version made them of
	// the same records; "" is a version that is the same as no other.
	Version string
	URL     string // where the site is published; "": not known
}

// Build writes a site of the runs in these directories.
func Build(dir string, runs []string, o Options) error {
	digests := make([]report.Digest, len(runs))
	errs := make([]error, len(runs))
	var wg sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0)) // each run takes its memory
	for i, run := range runs {
		wg.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			if digests[i], errs[i] = buildRun(dir, run, o.Version); errs[i] != nil {
				errs[i] = fmt.Errorf("run %s: %w", run, errs[i])
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("write site %s: %w", dir, err)
	}
	slices.SortFunc(digests, func(a, b report.Digest) int { return b.Started.Compare(a.Started) })
	digests = slices.CompactFunc(digests, func(a, b report.Digest) bool { return a.ID == b.ID })
	if err := over(dir, digests, o); err != nil {
		return fmt.Errorf("write site %s: %w", dir, err)
	}
	return nil
}

// over writes what is of all runs, which are given newest first.
func over(dir string, digests []report.Digest, o Options) error {
	for name, picture := range badges(digests) {
		if err := save(dir, filepath.Join(dirBadges, name), picture); err != nil {
			return err
		}
	}
	text, err := feed(digests, o.URL)
	if err != nil {
		return err
	}
	if err := save(dir, fileFeed, text); err != nil {
		return err
	}
	pages, err := html.Site(digests)
	if err != nil {
		return err
	}
	return saveAll(dir, pages)
}

// buildRun writes the pages of a run, unless they are there.
func buildRun(dir, run, version string) (report.Digest, error) {
	stamp, err := stampOf(run, version)
	if err != nil {
		return report.Digest{}, err
	}
	if had, ok := keptOf(filepath.Join(dir, html.Runs), run, stamp); ok {
		return had, nil
	}
	s, err := judge.SummarizeDir(run)
	if err != nil {
		return report.Digest{}, err
	}
	r := report.New(s)
	d := r.Digest()
	d.ID = directory(s.Run.ID)
	out := filepath.Join(dir, html.Runs, d.ID)
	if err := write(out, r, s, "../../"); err != nil {
		return report.Digest{}, err
	}
	text, err := json.Marshal(kept{stamp, d})
	if err != nil {
		return report.Digest{}, err
	}
	return d, save(out, fileDigest, text)
}

// directory is the name of a run's directory in the site: its id, made safe.
func directory(id string) string { return report.Slug(id) }

// keptOf finds the digest of a run whose pages are there.
func keptOf(dir, run, stamp string) (report.Digest, bool) {
	text, err := os.ReadFile(filepath.Join(dir, directory(filepath.Base(run)), fileDigest))
	if err != nil || stamp == "" {
		return report.Digest{}, false
	}
	var k kept
	if json.Unmarshal(text, &k) != nil || k.Stamp != stamp {
		return report.Digest{}, false
	}
	return k.Digest, true
}

// stampOf changes with the records of a run and with the version of benchctl; "" if nothing is known to stay the same.
func stampOf(run, version string) (string, error) {
	entries, err := os.ReadDir(run)
	if err != nil {
		return "", err
	}
	if version == "" {
		return "", nil
	}
	h := sha256.New()
	fmt.Fprintln(h, version)
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
