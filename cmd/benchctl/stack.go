package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/format"
	"github.com/benchctl/benchctl/apps/stack/layers"
	"github.com/benchctl/benchctl/apps/stack/suiteapps"
	"github.com/benchctl/benchctl/internal/nearest"
)

func stackCommand(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "stack", Short: "Check, show and convert files of stacks: layers around the test apps",
		Example: "  benchctl stack check site.yaml\n  benchctl stack show 'site.yaml#api'\n  benchctl stack convert site.yaml --to toml\n  benchctl stack list",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			return usage(errors.New("stack: what: check, show, convert or list?"))
		},
	}
	cmd.AddCommand(stackCheckCommand(e), stackShowCommand(e), stackConvertCommand(e), stackListCommand(e))
	return cmd
}

// stackCatalog is what files of stacks can name.
func stackCatalog() stack.Catalog {
	catalog := layers.Catalog()
	catalog.Sources = append(catalog.Sources, suiteapps.All()...)
	return catalog
}

// stackFileUsage names the argument of the commands that read a file.
const stackFileUsage = "FILE[#NAME]"

// readStacks reads the stacks of FILE[#NAME]: one if it is named, else all of the file.
func readStacks(arg string) (path string, doc *format.Document, err error) {
	path, name, named := strings.Cut(arg, "#")
	doc, err = format.Read(path, stackCatalog())
	if err != nil || !named {
		return path, doc, usage(err)
	}
	s, err := doc.Stack(name)
	if err != nil {
		return path, nil, usage(fmt.Errorf("%s: %w", path, err))
	}
	return path, &format.Document{Stacks: []format.Stack{s}}, nil
}

// readStack reads the stack of FILE[#NAME]; without a name, it is the one called main, or the
// only one.
func readStack(arg string) (path string, s format.Stack, err error) {
	path, doc, err := readStacks(arg)
	if err != nil {
		return path, s, err
	}
	if s, err = doc.Stack(""); err != nil {
		err = usage(fmt.Errorf("%s: %w", path, err))
	}
	return path, s, err
}

func stackCheckCommand(e env) *cobra.Command {
	return &cobra.Command{
		Use: "check " + stackFileUsage, Short: "Build the stacks of a file, and tell all that is wrong with them",
		Args: takes("a file"),
		RunE: func(_ *cobra.Command, args []string) error {
			path, doc, err := readStacks(args[0])
			if err != nil {
				return err
			}
			var faults []error
			for _, s := range doc.Stacks {
				_, err := stack.Build(s.Node)
				faults = append(faults, s.Locate(err))
			}
			if err := errors.Join(faults...); err != nil {
				return usage(err)
			}
			for _, s := range doc.Stacks {
				wraps, leaves := 0, 0
				for _, line := range s.Outline() {
					switch {
					case line.About == nil:
					case line.Layer:
						wraps++
					default:
						leaves++
					}
				}
				fmt.Fprintf(e.stdout, "%s#%s: %s around %s\n", path, s.Name, count(wraps, "layer"), count(leaves, "app"))
			}
			return nil
		},
	}
}

// count is a number of things by their name: "1 layer", "2 layers".
func count(n int, of string) string {
	if n != 1 {
		of += "s"
	}
	return fmt.Sprint(n, " ", of)
}

func stackConvertCommand(e env) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "convert " + stackFileUsage + " --to FORM", Short: "Write the stacks of a file in another form, to standard output",
		Args: takes("a file"),
		RunE: func(_ *cobra.Command, args []string) error {
			var names []string
			for _, f := range format.Forms() {
				names = append(names, string(f))
			}
			switch {
			case to == "":
				return usage(fmt.Errorf("stack convert: no form: name one with --to: %s", strings.Join(names, ", ")))
			case !slices.Contains(names, to):
				return usage(fmt.Errorf("stack convert: unknown form %q%s", to, nearest.Hint(to, names)))
			}
			path, doc, err := readStacks(args[0])
			if err != nil {
				return err
			}
			if err := format.Write(e.stdout, format.Form(to), doc); err != nil {
				return usage(fmt.Errorf("%s: %w", path, err))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "form: yaml, toml, json or go")
	return cmd
}
