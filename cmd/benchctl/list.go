package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/report/text"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers"
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
	var store string
	cmd.PersistentFlags().BoolVar(&asJSON, "json", false, "print JSON")
	add := func(e env, name, short string, rows func(context.Context) (any, [][]string, error)) *cobra.Command {
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
	add(e, "servers", "Servers that can be measured, and which are installed", func(ctx context.Context) (any, [][]string, error) {
		return listServers(ctx, dirs)
	}).Flags().StringArrayVar(&dirs, "server-dir", nil, "directory with manifests of further servers; may be repeated")
	add(e, "apps", "The test apps with their parameters", listApps)
	add(e, "scenarios", "The load shapes", listScenarios)
	unfolded := e
	unfolded.width = 0 // commands are copied
	add(unfolded, "runs", "The stored runs", func(context.Context) (any, [][]string, error) {
		return e.listRuns(e.storeDir(store))
	}).Flags().StringVar(&store, "store", "", "directory of the runs (default $BENCHCTL_STORE or results/runs)")
	return cmd
}

func (e env) printJSON(v any) error {
	content, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(e.stdout, "%s\n", content)
	}
	return unable(err)
}

// printRows prints a plain table, folded to the terminal.
func (e env) printRows(rows [][]string) error {
	return unable(text.Rows(e.stdout, rows, e.width))
}

func listServers(ctx context.Context, dirs []string) (any, [][]string, error) {
	all, err := servers.All(dirs...)
	if err != nil {
		return nil, nil, usage(err)
	}
	list, err := servers.List(ctx, all)
	if err != nil {
		return nil, nil, unable(err)
	}
	table := [][]string{{"SERVER", "CLASS", "VERSION", "PROFILES", "WHAT IT IS"}}
	for _, s := range list {
		version, profiles := s.Version, strings.Join(s.Profiles[1:], ", ") // beside "default"
		if !s.Installed {
			version = "missing"
		}
		table = append(table, []string{s.Name, s.Class, version, profiles, s.Doc})
		if !s.Installed {
			table = append(table, []string{"  " + cmp.Or(s.Install, s.Lacks)})
		}
	}
	return list, table, nil
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
		table = append(table, []string{s.Name, s.Engine, strings.Join(appNames(s.Apps), ","), s.Doc})
	}
	return rows, table, nil
}

// appNames are the apps without their parameters, each once: with them a list is
// wider than any terminal, and the doc tells what they come to.
func appNames(apps []string) []string {
	var names []string
	for _, app := range apps {
		name, _, _ := strings.Cut(app, "?")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// runRow is a run as "list runs --json" shows it.
type runRow struct {
	ID      string    `json:"id"`
	Status  string    `json:"status,omitempty"`
	Started time.Time `json:"started"`
	Command string    `json:"command"`
}

// listRuns tells of the runs that can be read, and warns of those that can't.
func (e env) listRuns(store string) (any, [][]string, error) {
	ids, err := results.List(store)
	if err != nil {
		return nil, nil, unable(err)
	}
	rows := []runRow{}
	table := [][]string{{"RUN", "STATUS", "STARTED", "COMMAND"}}
	for _, id := range ids {
		record, err := results.Read(filepath.Join(store, id))
		if err != nil {
			e.say("benchctl: warning: %v", err)
			continue
		}
		m := record.Manifest
		row := runRow{ID: m.ID, Status: judge.Status(record), Started: m.Started, Command: m.Command}
		rows = append(rows, row)
		table = append(table, []string{row.ID, row.Status, row.Started.Format(time.DateTime), row.Command})
	}
	return rows, table, nil
}
