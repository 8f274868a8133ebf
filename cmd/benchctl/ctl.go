package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/service"
)

type ctlFlags struct {
	stateDir string
	json     bool
}

// ctlVerbs are the verbs that are asked of a running service, with their help.
var ctlVerbs = []struct {
	verb service.Verb
	help string
}{
	{service.Stop, "Stop a service when its requests under way are answered"},
	{service.StopNow, "Stop a service at once"},
	{service.Restart, "Stop what serves and start it again; the process of the service and its sockets stay"},
	{service.Reload, "Reload a service; a Go engine gets new workers and loses no request"},
	{service.Upgrade, "Replace the workers by new ones of the program's current file, or what the server's manifest says"},
	{service.ScaleUp, "Start one more worker"},
	{service.ScaleDown, "Stop one worker"},
}

func ctlCommand(e env) *cobra.Command {
	var f ctlFlags
	cmd := &cobra.Command{
		Use:     "ctl VERB [NAME]",
		Short:   "Control services that \"benchctl serve\" started, by name",
		Example: "  benchctl ctl start web -- --server fasthttp --addr 127.0.0.1:8080\n  benchctl ctl reload web\n  benchctl ctl status web --json\n  benchctl ctl list\n  benchctl ctl stop web",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&f.stateDir, "state-dir", "", stateDirUsage)
	cmd.AddCommand(e.ctlStart(&f))
	for _, v := range ctlVerbs {
		cmd.AddCommand(&cobra.Command{
			Use: string(v.verb) + " NAME", Short: v.help, Args: takes("the name of a service"),
			RunE: func(cmd *cobra.Command, args []string) error { return e.ctlAsk(cmd.Context(), f, args[0], v.verb) },
		})
	}
	status := &cobra.Command{
		Use: "status NAME", Short: "Print the state of a service", Args: takes("the name of a service"),
		RunE: func(cmd *cobra.Command, args []string) error { return e.ctlStatus(cmd.Context(), f, args[0]) },
	}
	list := &cobra.Command{
		Use: "list", Short: "List services: running, stopped and killed ones", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.ctlList(cmd.Context(), f) },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "forget NAME", Short: "Remove the record of a service that is not running", Args: takes("the name of a service"),
		RunE: func(cmd *cobra.Command, args []string) error { return e.ctlForget(cmd.Context(), f, args[0]) },
	})
	for _, c := range []*cobra.Command{status, list} {
		c.Flags().BoolVar(&f.json, "json", false, "print JSON")
		cmd.AddCommand(c)
	}
	return cmd
}

func (e env) ctlStart(f *ctlFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "start NAME [-- FLAGS OF SERVE]",
		Short: "Start a service in the background: with these flags, as it was last started, or the server with this name",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if dash := cmd.ArgsLenAtDash(); len(args) == 0 || dash == 0 || dash < 0 && len(args) > 1 || dash > 1 {
				return errors.New("ctl start: takes the name of a service, and after -- flags of serve")
			}
			return e.start(cmd.Context(), *f, args[0], args[1:])
		},
	}
}

// start starts a service and repeats what it says.
func (e env) start(ctx context.Context, f ctlFlags, name string, args []string) error {
	dir, err := stateDir(f.stateDir)
	if err != nil {
		return err
	}
	command, err := dir.ToStart(name, args)
	if misuse.Is(err) && len(args) == 0 && isServer(name) {
		command, err = dir.ToStart(name, []string{"--server=" + name})
	}
	if err != nil {
		return failed(fmt.Errorf("ctl start: %w", err))
	}
	serve := exec.CommandContext(ctx, e.executable, command.Args...)
	serve.Dir, serve.Stdout, serve.Stderr = command.Dir, e.stdout, e.stderr
	err = serve.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exitUsage {
		return &failure{code: exitUsage} // it has told why
	}
	if exit != nil {
		return &failure{code: exitEnvironment}
	}
	return unable(wrap("ctl start", err))
}

// isServer tells whether benchctl knows a server of the name.
func isServer(name string) bool {
	choice, err := servers.Find(nil, []string{name})
	return err == nil && len(choice.Candidates) == 1 && choice.Named[0]
}

func (e env) ctlAsk(ctx context.Context, f ctlFlags, name string, v service.Verb) error {
	dir, err := stateDir(f.stateDir)
	if err != nil {
		return err
	}
	return failed(wrap("ctl "+string(v), dir.Ask(ctx, name, v)))
}

func (e env) ctlStatus(ctx context.Context, f ctlFlags, name string) error {
	dir, err := stateDir(f.stateDir)
	if err != nil {
		return err
	}
	now, err := dir.Status(ctx, name)
	if err != nil {
		return failed(fmt.Errorf("ctl status: %w", err))
	}
	if f.json {
		return e.printJSON(now)
	}
	table := [][]string{
		{"service", now.Name}, {"server", now.Server}, {"state", now.State}, {"process", fmt.Sprint(now.PID)},
		{"since", now.Since.Local().Format(time.DateTime)}, {"listens on", strings.Join(now.Addresses, " ")},
	}
	for _, p := range now.Processes {
		row := fmt.Sprintf("PID %d", p.PID)
		if p.State != "" {
			row = fmt.Sprintf("PID %d, generation %d, %s", p.PID, p.Generation, p.State)
		}
		table = append(table, []string{fmt.Sprintf("worker %d", p.Worker), row})
	}
	return e.printRows(table)
}

func (e env) ctlForget(ctx context.Context, f ctlFlags, name string) error {
	dir, err := stateDir(f.stateDir)
	if err != nil {
		return err
	}
	return failed(wrap("ctl forget", dir.Forget(ctx, name)))
}

func (e env) ctlList(ctx context.Context, f ctlFlags) error {
	dir, err := stateDir(f.stateDir)
	if err != nil {
		return err
	}
	list, err := dir.List(ctx)
	if err != nil {
		return unable(fmt.Errorf("ctl list: %w", err))
	}
	if f.json {
		return e.printJSON(list)
	}
	table := [][]string{{"SERVICE", "STATE", "PROCESS", "SERVER", "LISTENS ON"}}
	for _, s := range list {
		row := []string{s.Name, s.State, "", "", s.Error}
		if s.Status != nil {
			row = []string{s.Name, s.State, fmt.Sprint(s.Status.PID), s.Status.Server, strings.Join(s.Status.Addresses, " ")}
		}
		table = append(table, row)
	}
	return e.printRows(table)
}
