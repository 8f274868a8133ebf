package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/internal/nearest"
	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/export"
	"github.com/benchctl/benchctl/report/text"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// showFlags are the flags of "benchctl show".
type showFlags struct {
	class, sort, format, store string
	wide                       bool
}

// formatTable is the format of show that no export has.
const formatTable = "table"

// formats that show prints besides.
var shownFormats = []string{formatTable, "md", "csv", "json"}

func showCommand(e env) *cobra.Command {
	var f showFlags
	cmd := &cobra.Command{
		Use:     "show [RUN]",
		Short:   "Print the tables of a run again",
		Example: "  benchctl show\n  benchctl show latest --class engine --sort server-cpu\n  benchctl show 20260101 --format md",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			name := "latest"
			if len(args) == 1 {
				name = args[0]
			}
			return e.showRun(name, f)
		},
		ValidArgsFunction: e.completeRuns(&f.store),
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&f.class, "class", "", "only rows of this class of servers")
	fs.StringVar(&f.sort, "sort", "", "sort the rows of each class by a column, best first, such as p99 or server-cpu")
	fs.StringVar(&f.format, "format", formatTable, "table, md, csv or json")
	fs.BoolVar(&f.wide, "wide", false, "print every column of the table")
	fs.StringVar(&f.store, "store", "", "directory of the runs (default $BENCHCTL_STORE or results/runs)")
	return cmd
}

func (e env) showRun(name string, f showFlags) error {
	if !slices.Contains(shownFormats, f.format) {
		return usage(fmt.Errorf("show: unknown format %q%s", f.format, nearest.Hint(f.format, shownFormats)))
	}
	if f.sort != "" && f.format != formatTable {
		return usage(errors.New("show: --sort sorts the table; other formats have the order of the run"))
	}
	dir, err := results.Find(e.storeDir(f.store), name)
	if err != nil {
		return usage(err)
	}
	s, err := judge.SummarizeDir(dir)
	if err != nil {
		return unable(err)
	}
	if f.class != "" {
		if s, err = ofClass(s, f.class); err != nil {
			return usage(err)
		}
	}
	if f.format != formatTable {
		return unable(e.print(s, f.format))
	}
	r := report.New(s)
	if f.sort != "" {
		if err := r.Sort(f.sort); err != nil {
			return usage(fmt.Errorf("show: --sort: %w", err))
		}
	}
	return unable(wrap("print table", text.Write(e.stdout, r, text.Options{Color: e.colour, Wide: f.wide, Width: e.width})))
}

// print writes a summary in a format of exports.
func (e env) print(s *judge.Summary, format string) error {
	for _, x := range export.Formats {
		if x.Name == format {
			for _, d := range x.Documents(export.Run{Summary: s}) {
				return d.Write(e.stdout)
			}
		}
	}
	return fmt.Errorf("show: there is nothing to print as %s", format)
}

// ofClass is a summary of the cells of a class alone.
func ofClass(s *judge.Summary, class string) (*judge.Summary, error) {
	var known []string
	in := make(map[string]bool) // candidates of the class
	for _, c := range s.Cells {
		if !slices.Contains(known, c.Class) {
			known = append(known, c.Class)
		}
		in[c.Candidate] = in[c.Candidate] || c.Class == class
	}
	if !slices.Contains(known, class) {
		return nil, fmt.Errorf("show: no row of class %q%s", class, nearest.Hint(class, known))
	}
	return export.Run{Summary: s}.Pick(func(_, _, candidate string) bool { return in[candidate] }).Summary, nil
}
