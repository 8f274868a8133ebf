package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/files"
	"github.com/benchctl/benchctl/apps/stack/format"
	"github.com/benchctl/benchctl/apps/stacked"
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
func stackCatalog() stack.Catalog { return stacked.Catalog() }

// stackFileUsage names the argument of the commands that read a file.
const stackFileUsage = "FILE[#NAME]"

// readStacks reads FILE[#NAME], and tells its warnings.
func readStacks(e env, arg string) (*files.File, error) {
	f, err := files.Read(arg, stackCatalog())
	if err != nil {
		return nil, usage(err)
	}
	for _, w := range f.Warnings {
		fmt.Fprintln(e.stderr, "warning:", w)
	}
	return f, nil
}

// readStack reads the one stack of FILE[#NAME].
func readStack(e env, arg string) (path string, s format.Stack, err error) {
	f, err := readStacks(e, arg)
	if err != nil {
		return "", s, err
	}
	s, err = f.Stack()
	return f.Path, s, usage(err)
}

func stackCheckCommand(e env) *cobra.Command {
	return &cobra.Command{
		Use: "check " + stackFileUsage, Short: "Build the stacks of a file and report every fault",
		Args: takes("a file"),
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := readStacks(e, args[0])
			if err != nil {
				return err
			}
			var faults []error
			for _, s := range f.Stacks.Stacks {
				_, err := stack.Build(s.Node)
				faults = append(faults, s.Locate(err))
			}
			if err := errors.Join(faults...); err != nil {
				return usage(err)
			}
			for _, s := range f.Stacks.Stacks {
				of, behind := map[format.Kind]int{}, ""
				for _, line := range s.Outline() {
					if of[line.Kind]++; line.Kind == format.OfFront {
						behind = ", behind " + line.About.Name
					}
				}
				fmt.Fprintf(e.stdout, "%s#%s: %s around %s%s\n", f.Path, s.Name, count(of[format.OfLayer], "layer"), count(of[format.OfApp], "app"), behind)
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
		Use: "convert " + stackFileUsage + " --to FORM", Short: "Print the stacks of a file in another form",
		Args: takes("a file"),
		RunE: func(_ *cobra.Command, args []string) error {
			names := files.Forms()
			switch {
			case to == "":
				return usage(fmt.Errorf("stack convert: no form: name one with --to: %s", strings.Join(names, ", ")))
			case !slices.Contains(names, to):
				return usage(fmt.Errorf("stack convert: unknown form %q%s", to, nearest.Hint(to, names)))
			}
			f, err := readStacks(e, args[0])
			if err != nil {
				return err
			}
			if err := files.Write(e.stdout, to, f.Stacks); err != nil {
				return usage(fmt.Errorf("%s: %w", f.Path, err))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "form to write: yaml, toml, json, go or ini")
	return cmd
}
