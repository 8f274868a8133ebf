package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/external"
)

func listCommand(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List servers, apps, scenarios or runs",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage(errors.New("list: what: servers, apps, scenarios or runs?"))
		},
	}
	var asJSON bool
	var dirs []string
	var out string
	cmd.PersistentFlags().BoolVar(&asJSON, "json", false, "print JSON")
	add := func(name, short string, rows func(context.Context) (any, [][]string, error)) *cobra.Command {
		sub := &cobra.Command{Use: name, Short: short, Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			value, table, err := rows(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return e.printJSON(value)
			}
			return e.printRows(table)
		}}
		cmd.AddCommand(sub)
		return sub
	}
	add("servers", "What can be measured, and what is installed", func(ctx context.Context) (any, [][]string, error) {
		return listServers(ctx, dirs)
	}).Flags().StringSliceVar(&dirs, "server-dir", nil, "directories with manifests of further servers")
	add("apps", "The test apps with their parameters", listApps)
	add("scenarios", "The load shapes", listScenarios)
	add("runs", "The stored runs", func(context.Context) (any, [][]string, error) {
		return listRuns(e.storeDir(out))
	}).Flags().StringVar(&out, "out", "", "directory of the runs (default $BENCHCTL_STORE or results/runs)")
	return cmd
}

func (e env) printJSON(v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(e.stdout, "%s\n", text)
	}
	return unable(err)
}

func (e env) printRows(rows [][]string) error {
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	return unable(w.Flush())
}

// serverRow is a server as "list servers --json" shows it.
type serverRow struct {
	Name      string   `json:"name"`
	Class     string   `json:"class"`
	Version   string   `json:"version,omitempty"`
	Profiles  []string `json:"profiles"`
	Installed bool     `json:"installed"`
	Install   string   `json:"install,omitempty"`
	Doc       string   `json:"doc"`
	Home      string   `json:"home,omitempty"`
}

func listServers(ctx context.Context, dirs []string) (any, [][]string, error) {
	all, err := servers.All(dirs...)
	if err != nil {
		return nil, nil, usage(err)
	}
	var rows []serverRow
	table := [][]string{{"SERVER", "CLASS", "VERSION", "", "WHAT IT IS"}}
	for _, s := range all {
		row := serverRow{Name: s.Name, Class: s.Class, Profiles: s.Profiles(), Doc: s.Doc, Home: s.Home, Installed: true}
		state := "installed"
		err := s.Check(ctx)
		var missing *external.NotInstalledError
		switch {
		case errors.As(err, &missing):
			row.Installed, row.Install = false, missing.Hint()
			state = strings.TrimSuffix("missing: "+missing.Hint(), ": ")
		case err != nil:
			return nil, nil, unable(err)
		default:
			if row.Version, err = s.Version(ctx); err != nil {
				return nil, nil, unable(err)
			}
		}
		rows = append(rows, row)
		table = append(table, []string{s.Name, s.Class, row.Version, state, s.Doc})
	}
	return rows, table, nil
}

// appRow is an app as "list apps --json" shows it.
type appRow struct {
	Name    string     `json:"name"`
	Doc     string     `json:"doc"`
	Methods []string   `json:"methods"`
	Params  []paramRow `json:"params"`
}

type paramRow struct {
	Name    string `json:"name"`
	Default int64  `json:"default"`
	Min     int64  `json:"min"`
	Max     int64  `json:"max"`
	Doc     string `json:"doc"`
}

func listApps(context.Context) (any, [][]string, error) {
	rows := []appRow{}
	table := [][]string{{"APP", "METHODS", "WHAT IT DOES"}}
	for _, s := range suite.All() {
		row := appRow{Name: s.Name, Doc: s.Doc, Methods: s.Methods, Params: []paramRow{}}
		table = append(table, []string{s.Name, strings.Join(s.Methods, ","), s.Doc})
		for _, p := range s.Params {
			row.Params = append(row.Params, paramRow{p.Name, p.Default, p.Min, p.Max, p.Doc})
			table = append(table, []string{"  ?" + p.Name + "=" + fmt.Sprint(p.Default), "", fmt.Sprintf("%s (%d to %d)", p.Doc, p.Min, p.Max)})
		}
		rows = append(rows, row)
	}
	return rows, table, nil
}

// scenarioRow is a scenario as "list scenarios --json" shows it.
type scenarioRow struct {
	Name        string   `json:"name"`
	Doc         string   `json:"doc"`
	Engine      string   `json:"engine"`
	Connections int      `json:"connections"`
	Rate        float64  `json:"rate,omitempty"`
	Apps        []string `json:"apps"`
	Load        string   `json:"load,omitempty"` // what is offered, as the scenario spells it; absent in a closed loop
}

func listScenarios(context.Context) (any, [][]string, error) {
	all, err := scenarios.Builtin()
	if err != nil {
		return nil, nil, usage(err)
	}
	rows := []scenarioRow{}
	table := [][]string{{"SCENARIO", "ENGINE", "APPS", "WHAT IT IS"}}
	for _, s := range all {
		rows = append(rows, scenarioRow{s.Name, s.Doc, s.Engine, s.Connections, s.Rate, s.Apps, s.Describe()})
		table = append(table, []string{s.Name, s.Engine, strings.Join(s.Apps, ","), s.Doc})
	}
	return rows, table, nil
}

// runRow is a run as "list runs --json" shows it.
type runRow struct {
	ID      string    `json:"id"`
	Status  string    `json:"status,omitempty"`
	Started time.Time `json:"started"`
	Command string    `json:"command"`
}

func listRuns(store string) (any, [][]string, error) {
	ids, err := results.List(store)
	if err != nil {
		return nil, nil, unable(err)
	}
	rows := []runRow{}
	table := [][]string{{"RUN", "STATUS", "STARTED", "COMMAND"}}
	for _, id := range ids {
		dir, err := results.Find(store, id)
		if err != nil {
			return nil, nil, unable(err)
		}
		record, err := results.Read(dir)
		if err != nil {
			return nil, nil, unable(err)
		}
		m := record.Manifest
		row := runRow{ID: m.ID, Status: record.Status(), Started: m.Started, Command: m.Command}
		rows = append(rows, row)
		table = append(table, []string{row.ID, row.Status, row.Started.Format(time.DateTime), row.Command})
	}
	return rows, table, nil
}
