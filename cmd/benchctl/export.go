package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/internal/nearest"
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
	cmd := &cobra.Command{
		Use:   "export RUN --format=percentiles|hlog",
		Short: "Write a run's latencies for HdrHistogram's tools",
		Long: `Write the merged latency histogram of each cell of a run, a file per cell into
--out, or of one cell to standard output.

"percentiles" is HdrHistogram's percentile distribution in ms, which its plotters
read; "hlog" is a histogram log in ns, for HistogramLogProcessor.`,
		Example: `  benchctl export latest --format=percentiles --out=latencies
  benchctl export latest --format=hlog --scenario=latency-50 --candidate=fasthttp`,
		Args: takes("the RUN, such as latest,"),
		RunE: func(_ *cobra.Command, args []string) error { return e.export(args[0], f) },
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&f.format, "format", "percentiles", "percentiles or hlog")
	fs.StringVar(&f.times, "times", "response", "response, service or send-lag; a closed loop has response times alone")
	fs.StringVar(&f.out, "out", "", "directory to write to (default standard output, for one cell)")
	fs.StringVar(&f.scenario, "scenario", "", "cells of this scenario alone")
	fs.StringVar(&f.app, "app", "", "cells of this app alone")
	fs.StringVar(&f.candidate, "candidate", "", "cells of this candidate alone")
	fs.StringVar(&f.store, "store", "", "directory of the runs (default $BENCHCTL_STORE or results/runs)")
	return cmd
}

// exportFormats write a histogram of a cell.
var exportFormats = []struct {
	name, extension string
	write           func(io.Writer, judge.CellTimes, *hdrhistogram.Histogram) error
}{
	{"percentiles", ".hgrm", func(w io.Writer, _ judge.CellTimes, h *hdrhistogram.Histogram) error {
		return results.WritePercentiles(w, h)
	}},
	{"hlog", ".hlog", func(w io.Writer, c judge.CellTimes, h *hdrhistogram.Histogram) error {
		return results.WriteLog(w, h, c.From, c.To)
	}},
}

// exportTimes are the kinds of times that a cell has.
var exportTimes = []struct {
	name string
	of   func(judge.CellTimes) *hdrhistogram.Histogram
}{
	{"response", func(c judge.CellTimes) *hdrhistogram.Histogram { return c.Response }},
	{"service", func(c judge.CellTimes) *hdrhistogram.Histogram { return c.Service }},
	{"send-lag", func(c judge.CellTimes) *hdrhistogram.Histogram { return c.SendLag }},
}

func (e env) export(name string, f exportFlags) error {
	format, err := choose("--format", f.format, len(exportFormats), func(i int) string { return exportFormats[i].name })
	if err != nil {
		return usage(err)
	}
	times, err := choose("--times", f.times, len(exportTimes), func(i int) string { return exportTimes[i].name })
	if err != nil {
		return usage(err)
	}
	cells, err := e.exportCells(name, f)
	if err != nil {
		return err
	}
	of := exportTimes[times].of
	cells = slices.DeleteFunc(cells, func(c judge.CellTimes) bool { return of(c) == nil })
	write := func(w io.Writer, c judge.CellTimes) error { return exportFormats[format].write(w, c, of(c)) }
	switch {
	case len(cells) == 0:
		return unable(fmt.Errorf("export %s: no cell has %s times to export", name, f.times))
	case f.out != "":
		return unable(e.exportFiles(f, exportFormats[format].extension, cells, write))
	case len(cells) > 1:
		return &failure{
			code: exitUsage, err: fmt.Errorf("export %s: %d cells don't go to standard output together", name, len(cells)),
			hint: "name a directory with --out, or one cell with --scenario, --app and --candidate",
		}
	}
	return unable(write(e.stdout, cells[0]))
}

// choose finds the index of what a flag names among n things.
func choose(flag, value string, n int, name func(int) string) (int, error) {
	var known []string
	for i := range n {
		known = append(known, name(i))
	}
	at := slices.Index(known, value)
	if at < 0 {
		return at, fmt.Errorf("export: %s: unknown %q%s", flag, value, nearest.Hint(value, known))
	}
	return at, nil
}

// exportCells are the cells of the run that the flags pick.
func (e env) exportCells(name string, f exportFlags) ([]judge.CellTimes, error) {
	dir, err := results.Find(e.storeDir(f.store), name)
	if err != nil {
		return nil, usage(err)
	}
	record, err := results.Read(dir)
	if err != nil {
		return nil, unable(err)
	}
	cells, err := judge.Times(record)
	if err != nil {
		return nil, unable(err)
	}
	for _, pick := range []struct {
		flag, value string
		of          func(judge.CellTimes) string
	}{
		{"--scenario", f.scenario, func(c judge.CellTimes) string { return c.Scenario }},
		{"--app", f.app, func(c judge.CellTimes) string { return c.App }},
		{"--candidate", f.candidate, func(c judge.CellTimes) string { return c.Candidate }},
	} {
		var known []string
		for _, c := range cells {
			if !slices.Contains(known, pick.of(c)) {
				known = append(known, pick.of(c))
			}
		}
		if pick.value != "" && !slices.Contains(known, pick.value) {
			return nil, usage(fmt.Errorf("export %s: %s: no cell has %q%s", name, pick.flag, pick.value, nearest.Hint(pick.value, known)))
		}
		cells = slices.DeleteFunc(cells, func(c judge.CellTimes) bool { return pick.value != "" && pick.of(c) != pick.value })
	}
	return cells, nil
}

// exportFiles writes a file for each cell and prints their names.
func (e env) exportFiles(f exportFlags, extension string, cells []judge.CellTimes, write func(io.Writer, judge.CellTimes) error) error {
	if err := os.MkdirAll(f.out, 0o755); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	for _, c := range cells {
		parts := []string{results.SafeName(c.Scenario), results.SafeName(c.App), results.SafeName(c.Candidate)}
		path := filepath.Join(f.out, strings.Join(append(parts, f.times), "_")+extension)
		if err := exportFile(path, c, write); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(e.stdout, path); err != nil {
			return err
		}
	}
	return nil
}

func exportFile(path string, c judge.CellTimes, write func(io.Writer, judge.CellTimes) error) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if err := errors.Join(write(file, c), file.Close()); err != nil {
		return fmt.Errorf("export %s: %w", path, err)
	}
	return nil
}
