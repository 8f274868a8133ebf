package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/benchctl/benchctl/internal/nearest"
)

func environment() env {
	exe, err := os.Executable()
	if err != nil {
		exe = os.Args[0]
	}
	width := 0
	tty := term.IsTerminal(int(os.Stdout.Fd()))
	if tty {
		width, _, _ = term.GetSize(int(os.Stdout.Fd()))
	}
	return env{
		stdout: os.Stdout, stderr: os.Stderr, terminal: term.IsTerminal(int(os.Stderr.Fd())),
		colour: tty && os.Getenv("NO_COLOR") == "", width: width, getenv: os.Getenv, executable: exe,
	}
}

// execute finds and runs the command. What failed because of an interruption has been
// interrupted, whatever it says.
func execute(ctx context.Context, e env, args []string) error {
	root := &cobra.Command{
		Use:           "benchctl",
		Short:         "Measure, with evidence, which HTTP server is faster, by how much, and at what cost",
		SilenceErrors: true, SilenceUsage: true,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(runCommand(e), listCommand(e), serveCommand(e), ctlCommand(e), loadCommand(e), reportCommand(e), showCommand(e), compareCommand(e), exportCommand(e), calibrateCommand(e), verifyCommand(e), newCommand(e), stackCommand(e), sinkCommand(), liveCommand(e), versionCommand(e))
	root.SetFlagErrorFunc(flagError)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return interrupted(cmd.Name(), err)
	}
	return err
}

// noArgs refuses arguments, which for the root are unknown commands.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("%s: unexpected argument %q: names go to flags, see benchctl %[1]s --help", commandName(cmd), args[0])
	}
	return fmt.Errorf("unknown command %q%s", args[0], nearest.Hint(args[0], names))
}

// takes wants as many arguments as there are names of what they are.
func takes(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return fmt.Errorf("%s: %s is missing, see benchctl %[1]s --help", commandName(cmd), names[len(args)])
		case len(args) > len(names):
			return fmt.Errorf("%s: unexpected argument %q", commandName(cmd), args[len(names)])
		}
		return nil
	}
}

// commandName is what follows "benchctl" on a command line.
func commandName(cmd *cobra.Command) string {
	_, name, _ := strings.Cut(cmd.CommandPath(), " ")
	return name
}

// flagError adds the nearest flag to the error about an unknown one.
func flagError(cmd *cobra.Command, err error) error {
	name, ok := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !ok {
		return usage(fmt.Errorf("%s: %w", commandName(cmd), err))
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near, ok := nearest.Name(name, names); ok {
		return usage(fmt.Errorf("%s: unknown flag --%s: did you mean --%s?", commandName(cmd), name, near))
	}
	return usage(fmt.Errorf("%s: unknown flag --%s", commandName(cmd), name))
}

// storeDir is where runs are kept.
func (e env) storeDir(out string) string {
	switch {
	case out != "":
		return out
	case e.getenv("BENCHCTL_STORE") != "":
		return e.getenv("BENCHCTL_STORE")
	}
	return filepath.Join("results", "runs")
}

func versionCommand(e env) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(e.stdout, "benchctl", version())
			return unable(err)
		},
	}
}

// version is the module's version or, for a build from a checkout, its revision.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, modified := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "+modified"
		}
	}
	if revision != "" {
		return revision + modified
	}
	return strings.Trim(info.Main.Version, "()")
}

// unchanged is the version if it names the code alone, "" if other code may have the same.
func unchanged() string {
	v := version()
	if strings.HasSuffix(v, "+modified") || v == "unknown" || v == "devel" {
		return ""
	}
	return v
}
