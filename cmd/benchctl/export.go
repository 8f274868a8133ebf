package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/internal/nearest"
	"github.com/benchctl/benchctl/report/export"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// exportFlags are the flags of "benchctl export".
type exportFlags struct {
	format, times, out, store string
	scenario, app, candidate  string
}

func exportCommand(e env) *cobra.Command {
	var f exportFlags
	var formats, names, kinds []string
	for _, one := range export.Formats {
		formats, names = append(formats, fmt.Sprintf("  %-12s %s", one.Name, one.Help)), append(names, one.Name)
	}
	for _, one := range export.Kinds {
		kinds = append(kinds, one.Name)
	}
	cmd := &cobra.Command{
		Use:   "export RUN --format=FORMAT",
		Short: "Write a run in the format of another program",
		Long: `Write a run, or the selected cells of it, in the format of another program:

` + strings.Join(formats, "\n") + `

A format with a text for each cell writes files to --out. The text of one cell may go
to standard output.`,
		Example: `  benchctl export latest --format=md
  benchctl export latest --format=percentiles --out=latencies
  benchctl export latest --format=hlog --scenario=latency-50 --candidate=fasthttp`,
		Args: takes("the RUN, such as latest,"),
		RunE: func(_ *cobra.Command, args []string) error { return e.export(args[0], f) },
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&f.format, "format", "percentiles", strings.Join(names, ", "))
	fs.StringVar(&f.times, "times", "response", strings.Join(kinds, ", ")+": the latencies to write; a closed loop has response times only")
	fs.StringVar(&f.out, "out", "", "directory for files (default: one text goes to standard output)")
	fs.StringVar(&f.scenario, "scenario", "", "only cells of this scenario")
	fs.StringVar(&f.app, "app", "", "only cells of this app")
	fs.StringVar(&f.candidate, "candidate", "", "only cells of this candidate")
	fs.StringVar(&f.store, "store", "", "directory of the runs (default $BENCHCTL_STORE or results/runs)")
	return cmd
}

func (e env) export(name string, f exportFlags) error {
	format, err := choose("--format", f.format, export.Formats, func(x export.Format) string { return x.Name })
	if err != nil {
		return usage(err)
	}
	kind, err := choose("--times", f.times, export.Kinds, func(x export.Kind) string { return x.Name })
	if err != nil {
		return usage(err)
	}
	run, err := exported(e.storeDir(f.store), name)
	if err != nil {
		return err
	}
	run.Kind = kind
	if run, err = f.pick(name, run); err != nil {
		return usage(err)
	}
	documents := format.Documents(run)
	switch {
	case len(documents) == 0:
		return unable(fmt.Errorf("export %s: no cell has %s times to export", name, f.times))
	case f.out != "":
		return unable(e.exportFiles(f.out, format.Extension, documents))
	case len(documents) > 1:
		return &failure{
			code: exitUsage, err: fmt.Errorf("export %s: %d cells don't go to standard output together", name, len(documents)),
			hint: "name a directory with --out, or one cell with --scenario, --app and --candidate",
		}
	}
	return unable(documents[0].Write(e.stdout))
}

// choose finds what a flag names among things with names.
func choose[T any](flag, value string, all []T, name func(T) string) (one T, err error) {
	var known []string
	for _, one := range all {
		if known = append(known, name(one)); name(one) == value {
			return one, nil
		}
	}
	return one, fmt.Errorf("export: %s: unknown %q%s", flag, value, nearest.Hint(value, known))
}

// exported reads what a run has to export.
func exported(store, name string) (export.Run, error) {
	none := export.Run{}
	dir, err := results.Find(store, name)
	if err != nil {
		return none, usage(err)
	}
	record, err := results.Read(dir)
	if err != nil {
		return none, unable(err)
	}
	summary, err := judge.Summarize(record)
	if err != nil {
		return none, unable(err)
	}
	times, err := judge.Times(record)
	return export.Run{Summary: summary, Times: times}, unable(err)
}

// pick picks the cells that the flags name.
func (f exportFlags) pick(name string, run export.Run) (export.Run, error) {
	for _, by := range []struct {
		flag, value string
		of          func(judge.Cell) string
	}{
		{"--scenario", f.scenario, func(c judge.Cell) string { return c.Scenario }},
		{"--app", f.app, func(c judge.Cell) string { return c.App }},
		{"--candidate", f.candidate, func(c judge.Cell) string { return c.Candidate }},
	} {
		var known []string
		for _, c := range run.Summary.Cells {
			if !slices.Contains(known, by.of(c)) {
				known = append(known, by.of(c))
			}
		}
		if by.value != "" && !slices.Contains(known, by.value) {
			return run, fmt.Errorf("export %s: %s: no cell has %q%s", name, by.flag, by.value, nearest.Hint(by.value, known))
		}
	}
	is := func(asked, is string) bool { return asked == "" || asked == is }
	return run.Pick(func(scenario, app, candidate string) bool {
		return is(f.scenario, scenario) && is(f.app, app) && is(f.candidate, candidate)
	}), nil
}

// exportFiles writes a file for each document and prints their names.
func (e env) exportFiles(dir, extension string, documents []export.Document) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	for _, d := range documents {
		parts := slices.Clone(d.Parts)
		for i := range parts {
			parts[i] = results.SafeName(parts[i])
		}
		path := filepath.Join(dir, strings.Join(parts, "_")+extension)
		if err := exportFile(path, d.Write); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(e.stdout, path); err != nil {
			return err
		}
	}
	return nil
}

func exportFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if err := errors.Join(write(file), file.Close()); err != nil {
		return fmt.Errorf("export %s: %w", path, err)
	}
	return nil
}
