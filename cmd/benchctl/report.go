package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/report/site"
	"github.com/benchctl/benchctl/results"
)

func reportCommand(e env) *cobra.Command {
	var out, store string
	cmd := &cobra.Command{
		Use:     "report [RUN]",
		Short:   "Write a run's report anew, into a directory that can be published",
		Example: "  benchctl report latest --out public",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			name := "latest"
			if len(args) == 1 {
				name = args[0]
			}
			return e.report(name, store, out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "directory to write to (default the run's own report/)")
	cmd.Flags().StringVar(&store, "store", "", "directory of the runs (default $BENCHCTL_STORE or results/runs)")
	return cmd
}

func (e env) report(name, store, out string) error {
	dir, err := results.Find(e.storeDir(store), name)
	if err != nil {
		return usage(err)
	}
	summary, err := summarize(dir)
	if err != nil {
		return unable(err)
	}
	if out == "" {
		out = filepath.Join(dir, "report")
	}
	if err := site.Write(out, summary); err != nil {
		return unable(err)
	}
	_, err = fmt.Fprintln(e.stdout, filepath.Join(out, site.Index))
	return unable(err)
}

// summarize computes a run's summary from what it recorded, so that a run that
// was killed has one too.
func summarize(dir string) (*results.Summary, error) {
	record, err := results.Read(dir)
	if err != nil {
		return nil, err
	}
	return results.Summarize(record)
}
