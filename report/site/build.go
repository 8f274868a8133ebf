package site

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/html"
	"github.com/benchctl/benchctl/report/plots"
)

// Options of a site.
type Options struct {
	// Version of benchctl. The pages of a run that are there already are left as they are, if the same version made them of
	// the same records; "" is a version that is the same as no other.
	Version string
	URL     string // where the site is published; "": not known
	// Full is how many of the newest runs have all pages, with plots. Those before have one, of figures alone, which takes
	// a hundredth of the time and of the space. Pages that a run got while it was new are kept.
	Full int
	// Checks are files that "benchctl verify --json" printed; what they tell is on the pages of servers.
	Checks []string
}

// Build writes a site of the runs in these directories. Of a run it reads the summary.json and the report's digest.json that
// are there, if they are of this schema and no older than the records; else it summarizes the records, which takes longer.
// What an earlier Build wrote and this one doesn't is removed: pages of runs that are not given any more, and of servers
// that none of them has.
func Build(dir string, runs []string, o Options) error {
	if err := build(dir, runs, o); err != nil {
		return fmt.Errorf("write site %s: %w", dir, err)
	}
	return nil
}

func build(dir string, dirs []string, o Options) error {
	var checks []report.Check
	for _, path := range o.Checks {
		more, err := ReadChecks(path)
		if err != nil {
			return err
		}
		checks = append(checks, more...)
	}
	runs, err := named(dir, dirs)
	if err != nil {
		return err
	}
	if err := each(runs, func(r *run) error { return r.read(o) }); err != nil {
		return err
	}
	slices.SortFunc(runs, func(a, b *run) int {
		return cmp.Or(b.digest.Started.Compare(a.digest.Started), cmp.Compare(b.name, a.name))
	})
	for i, r := range runs {
		r.full = i < o.Full
	}
	if err := each(runs, func(r *run) error { return r.write(o.card(r)) }); err != nil {
		return err
	}
	return over(dir, runs, checks, o)
}

// each does something with each run, some at a time: each takes its memory.
func each(runs []*run, do func(*run) error) error {
	return all(len(runs), func(i int) error {
		if err := do(runs[i]); err != nil {
			return fmt.Errorf("run %s: %w", runs[i].dir, err)
		}
		return nil
	})
}

// all does n things, as many at a time as there are processors.
func all(n int, do func(i int) error) error {
	errs := make([]error, n)
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				errs[i] = do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return errors.Join(errs...)
}

// card is the URL of the picture of a run, which has one if it has all pages and the site's URL is known.
func (o Options) card(r *run) string {
	if !r.full || o.URL == "" {
		return ""
	}
	return o.under() + html.Runs + "/" + r.name + "/" + fileCard
}

// under is the URL that links begin with.
func (o Options) under() string {
	if o.URL == "" {
		return ""
	}
	return strings.TrimSuffix(o.URL, "/") + "/"
}

// over writes what is of all runs, which are given newest first.
func over(dir string, runs []*run, checks []report.Check, o Options) error {
	digests := make([]report.Digest, len(runs))
	for i, r := range runs {
		digests[i] = r.digest
	}
	compared := html.Comparisons(digests)
	if err := all(len(compared), func(i int) error { return compare(dir, compared[i]) }); err != nil {
		return err
	}
	written := make(map[string]bool) // paths of what is of all runs
	for _, c := range compared {
		written[c.Path] = true
	}
	add := func(path string, content []byte) error {
		written[path] = true
		return save(dir, filepath.FromSlash(path), content)
	}
	for name, picture := range badges(digests) {
		if err := add(dirBadges+"/"+name, picture); err != nil {
			return err
		}
	}
	whole := html.Site{Runs: digests, Compared: compared, Checks: checks}
	if o.URL != "" && len(digests) > 0 {
		picture, err := plots.Card(digests[0])
		if err != nil {
			return err
		}
		if err := add(fileCard, picture); err != nil {
			return err
		}
		whole.Card = o.under() + fileCard
	}
	text, err := feed(digests, o.under())
	if err != nil {
		return err
	}
	if err := add(fileFeed, text); err != nil {
		return err
	}
	if err := whole.Render(func(p html.Page) error { return add(p.Path, p.Content) }); err != nil {
		return err
	}
	return tidy(dir, runs, written)
}

// compare writes the page of a comparison, unless it is there and no older than the two runs' own.
func compare(dir string, c html.Comparison) error {
	path := filepath.Join(dir, filepath.FromSlash(c.Path))
	if page, err := os.Stat(path); err == nil {
		older := func(d report.Digest) bool {
			own, err := os.Stat(filepath.Join(dir, html.Runs, d.ID, fileDigest))
			return err != nil || own.ModTime().After(page.ModTime())
		}
		if !older(c.After) && !older(c.Before) {
			return nil
		}
	}
	page, err := c.Render()
	if err != nil {
		return err
	}
	return save(dir, filepath.FromSlash(page.Path), page.Content)
}

// tidy removes what an earlier Build left: pages over runs that were not written now, and directories of other runs.
func tidy(dir string, runs []*run, written map[string]bool) error {
	for _, pattern := range []string{html.Servers + "/*.html", dirBadges + "/*.svg", html.Runs + "/*/" + html.Since + "*.html"} {
		found, err := filepath.Glob(filepath.Join(escapeGlob(dir), filepath.FromSlash(pattern)))
		if err != nil {
			return err
		}
		for _, path := range found {
			if name, err := filepath.Rel(dir, path); err != nil || written[filepath.ToSlash(name)] {
				continue
			}
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	given := make(map[string]bool)
	for _, r := range runs {
		given[r.name] = true
	}
	found, err := filepath.Glob(filepath.Join(escapeGlob(dir), html.Runs, "*", fileDigest))
	if err != nil {
		return err
	}
	for _, path := range found {
		if own := filepath.Dir(path); !given[filepath.Base(own)] {
			if err := os.RemoveAll(own); err != nil {
				return err
			}
		}
	}
	return nil
}

// escapeGlob makes a pattern that matches the path alone.
func escapeGlob(path string) string {
	return strings.NewReplacer(`*`, `[*]`, `?`, `[?]`, `[`, `[[]`).Replace(path)
}
