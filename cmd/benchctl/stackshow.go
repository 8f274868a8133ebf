package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/format"
	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

func stackShowCommand(e env) *cobra.Command {
	var run, store string
	cmd := &cobra.Command{
		Use: "show " + stackFileUsage, Short: "Print a stack from the outside in, each value with its place in the file",
		Args: takes("a file"),
		RunE: func(_ *cobra.Command, args []string) error {
			_, s, err := readStack(e, args[0])
			if err != nil {
				return err
			}
			costs, err := layerCosts(e, store, run)
			if err != nil {
				return err
			}
			rows := [][]string{{"STACK", "FROM", "VALUE, OR WHAT IT IS"}}
			for _, line := range s.Outline() {
				row := []string{strings.Repeat("  ", line.Depth) + line.Text, "default", line.Value}
				if origin, ok := s.Origin(line.Place); ok && !line.Default {
					row[1] = fmt.Sprintf("%s:%d", origin.File, origin.Line)
				}
				if line.About != nil {
					row[2] = traits(*line.About)
				}
				rows = append(append(rows, row), costsOf(line, costs)...)
			}
			return e.printRows(rows)
		},
	}
	cmd.Flags().StringVar(&run, "costs", "", "show what each layer cost in this run, such as one of scenario layer-cost: an id, the start of one, a directory, or latest")
	cmd.Flags().StringVar(&store, "store", "", "directory of the runs (default $BENCHCTL_STORE or results/runs)")
	return cmd
}

// costsOf are the rows below a line of a layer with what it was measured to cost.
func costsOf(line format.Line, all []report.LayerCost) (rows [][]string) {
	for _, c := range all {
		if line.Kind == format.OfLayer && c.Layer == line.About.Name {
			rows = append(rows, []string{strings.Repeat("  ", line.Depth+1) + "costs", c.Server, c.App + ": " + c.String()})
		}
	}
	return rows
}

// layerCosts are what layers were measured to cost in a run; none of no run.
func layerCosts(e env, store, run string) ([]report.LayerCost, error) {
	if run == "" {
		return nil, nil
	}
	dir, err := results.Find(e.storeDir(store), run)
	if err != nil {
		return nil, usage(err)
	}
	summary, err := judge.SummarizeDir(dir)
	if err != nil {
		return nil, unable(err)
	}
	costs := report.New(summary).LayerCosts()
	if len(costs) == 0 {
		return nil, usage(fmt.Errorf("stack show: run %s measured no layer by itself beside its server: try scenario layer-cost", summary.Run.ID))
	}
	return costs, nil
}

// traits are what a layer or an app tells of itself.
func traits(about stack.About) string {
	var all []string
	if about.Doc != "" {
		all = append(all, about.Doc)
	}
	if len(about.Requires) > 0 {
		all = append(all, "requires "+strings.Join(about.Requires, ", "))
	}
	if len(about.Provides) > 0 {
		all = append(all, "provides "+strings.Join(about.Provides, ", "))
	}
	if about.Buffers {
		all = append(all, "buffers whole bodies")
	}
	if about.Allocs > 0 {
		all = append(all, count(about.Allocs, "allocation"))
	}
	return strings.Join(all, "; ")
}

// partRow is a layer, an app or a front as "stack list --json" shows it.
type partRow struct {
	Name     string     `json:"name"`
	Kind     string     `json:"kind"` // "layer", "app" or "front"
	Doc      string     `json:"doc"`
	Requires []string   `json:"requires,omitempty"`
	Provides []string   `json:"provides,omitempty"`
	Buffers  bool       `json:"buffers,omitempty"`
	Allocs   int        `json:"allocations"`
	Fields   []fieldRow `json:"fields"`
}

type fieldRow struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Doc      string   `json:"doc"`
	Default  string   `json:"default,omitempty"`
	Min      string   `json:"min,omitempty"`
	Max      string   `json:"max,omitempty"`
	OneOf    []string `json:"oneOf,omitempty"`
	Required bool     `json:"required,omitempty"`
}

func stackListCommand(e env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List layers, apps and fronts with their fields",
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			catalog := stackCatalog()
			rows, table := []partRow{}, [][]string{{"NAME", "KIND", "WHAT IT IS"}}
			add := func(kind format.Kind, part interface{ About() stack.About }) {
				about := part.About()
				row := partRow{about.Name, string(kind), about.Doc, about.Requires, about.Provides, about.Buffers, about.Allocs, []fieldRow{}}
				table = append(table, []string{about.Name, string(kind), traits(about)})
				for _, f := range stack.Fields(part) {
					row.Fields = append(row.Fields, fieldRow{f.Name, string(f.Type), f.Doc, f.Default, f.Min, f.Max, f.OneOf, f.Required})
					table = append(table, []string{"  " + f.Name, string(f.Type), fieldText(f)})
				}
				rows = append(rows, row)
			}
			for _, l := range catalog.Layers {
				add(format.OfLayer, l)
			}
			for _, s := range catalog.Sources {
				add(format.OfApp, s)
			}
			for _, p := range catalog.Proxies {
				add(format.OfFront, p)
			}
			if asJSON {
				return e.printJSON(rows)
			}
			return e.printRows(table)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// fieldText is what a field is, its bounds and its default.
func fieldText(f stack.Field) string {
	all := []string{f.Doc}
	switch {
	case f.Min != "" && f.Max != "":
		all = append(all, f.Min+" to "+f.Max)
	case f.Min != "":
		all = append(all, "at least "+f.Min)
	case f.Max != "":
		all = append(all, "at most "+f.Max)
	}
	if len(f.OneOf) > 0 {
		all = append(all, "one of "+strings.Join(f.OneOf, ", "))
	}
	if f.Required {
		all = append(all, "required")
	}
	if f.Default != "" {
		all = append(all, "default "+f.Default)
	}
	return strings.Join(all, "; ")
}
