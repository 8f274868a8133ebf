package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/internal/nearest"
	"github.com/benchctl/benchctl/report/site"
	"github.com/benchctl/benchctl/report/text"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

type reportFlags struct {
	out, store, style, url string
	checks                 []string
	all, open              bool
	full                   int
}

// styleCherryPy is a report's style other than the site.
const styleCherryPy = "cherrypy"

func reportCommand(e env) *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report [RUN...]",
		Short: "Write the report of a run again, or a site of many runs, to a directory that can be published",
		Long: `Write the report of a run again, to its own directory or to --out. Of several
runs, or of all with --all, it writes a site to --out: pages over all runs, and
those of each. Pages that are there already and would be the same are kept. Of
runs before the newest --full ones, there is one page without plots.`,
		Example: "  benchctl report latest --out public\n  benchctl report --all --out site\n  benchctl report latest --style cherrypy",
		RunE: func(_ *cobra.Command, args []string) error {
			return e.report(args, f)
		},
		ValidArgsFunction: e.completeRuns(&f.store),
	}
	cmd.Flags().StringVar(&f.out, "out", "", "directory to write to (default the run's own report/)")
	cmd.Flags().StringVar(&f.url, "url", "", "where the site will be published, for its feed and pictures")
	cmd.Flags().StringArrayVar(&f.checks, "checks", nil, "file that verify --json printed, for the pages of servers; may be repeated")
	cmd.Flags().BoolVar(&f.open, "open", false, openUsage)
	cmd.Flags().IntVar(&f.full, "full", 20, "how many of the newest runs of a site have all pages, with plots")
	cmd.Flags().BoolVar(&f.all, "all", false, "all runs of the store")
	cmd.Flags().StringVar(&f.store, "store", "", "directory of the runs (default $BENCHCTL_STORE or results/runs)")
	cmd.Flags().StringVar(&f.style, "style", "", styleCherryPy+": print the tables of CherryPy's benchmark instead")
	return cmd
}

func (e env) report(names []string, f reportFlags) error {
	many := f.all || len(names) > 1
	switch {
	case f.style != "" && f.style != styleCherryPy:
		return usage(fmt.Errorf("report: unknown style %q%s", f.style, nearest.Hint(f.style, []string{styleCherryPy})))
	case f.style != "" && f.out != "":
		return usage(errors.New("report: --style prints and writes no directory: --out can't be given with it"))
	case f.style != "" && many:
		return usage(errors.New("report: --style prints one run"))
	case f.all && len(names) > 0:
		return usage(errors.New("report: --all is all runs: none can be named with it"))
	case !many && f.url != "":
		return usage(errors.New("report: --url is of a site, which takes --all or several runs"))
	case !many && f.checks != nil:
		return usage(errors.New("report: --checks is of a site, which takes --all or several runs"))
	case many && f.out == "":
		return usage(errors.New("report: a site of several runs needs --out"))
	}
	if f.all {
		ids, err := results.List(e.storeDir(f.store))
		if err != nil {
			return unable(err)
		}
		names = ids
	} else if len(names) == 0 {
		names = []string{"latest"}
	}
	var runs []string
	for _, name := range names {
		dir, err := results.Find(e.storeDir(f.store), name)
		if err != nil {
			return usage(err)
		}
		runs = append(runs, dir)
	}
	if many {
		return e.site(f, runs)
	}
	return e.reportOne(runs[0], f)
}

// site writes a site of runs.
func (e env) site(f reportFlags, runs []string) error {
	if err := site.Build(f.out, runs, site.Options{Version: unchanged(), URL: f.url, Full: f.full, Checks: f.checks}); err != nil {
		return unable(err)
	}
	return e.written(f.out, f.open)
}

// written tells the page of a report, and opens it if that is asked for.
func (e env) written(dir string, open bool) error {
	page := filepath.Join(dir, site.Index)
	if _, err := fmt.Fprintln(e.stdout, page); err != nil || !open {
		return unable(err)
	}
	return unable(e.open(page))
}

func (e env) reportOne(dir string, f reportFlags) error {
	summary, err := judge.SummarizeDir(dir)
	if err != nil {
		return unable(err)
	}
	if f.style == styleCherryPy {
		return unable(wrap("print tables", text.CherryPy(e.stdout, summary)))
	}
	out := f.out
	if out == "" {
		out = filepath.Join(dir, "report")
	}
	if err := site.Write(out, summary); err != nil {
		return unable(err)
	}
	return e.written(out, f.open)
}
