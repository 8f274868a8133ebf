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

type reportFlags struct{ out, store, style string }

// styleCherryPy is a report's style other than the site.
const styleCherryPy = "cherrypy"

func reportCommand(e env) *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:     "report [RUN]",
		Short:   "Write the report of a run again, to a directory that can be published",
		Example: "  benchctl report latest --out public\n  benchctl report latest --style cherrypy",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			name := "latest"
			if len(args) == 1 {
				name = args[0]
			}
			return e.report(name, f)
		},
	}
	cmd.Flags().StringVar(&f.out, "out", "", "directory to write to (default the run's own report/)")
	cmd.Flags().StringVar(&f.store, "store", "", "directory of the runs (default $BENCHCTL_STORE or results/runs)")
	cmd.Flags().StringVar(&f.style, "style", "", styleCherryPy+": print the tables of CherryPy's benchmark instead")
	return cmd
}

func (e env) report(name string, f reportFlags) error {
	switch {
	case f.style != "" && f.style != styleCherryPy:
		return usage(fmt.Errorf("report: unknown style %q%s", f.style, nearest.Hint(f.style, []string{styleCherryPy})))
	case f.style != "" && f.out != "":
		return usage(errors.New("report: --style prints and writes no directory: --out can't be given with it"))
	}
	dir, err := results.Find(e.storeDir(f.store), name)
	if err != nil {
		return usage(err)
	}
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
	_, err = fmt.Fprintln(e.stdout, filepath.Join(out, site.Index))
	return unable(err)
}
