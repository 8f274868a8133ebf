package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers"
)

// completion is what a shell is told to offer.
type completion = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// completeRuns offers the runs of a store, newest first, and "latest".
func (e env) completeRuns(store *string) completion {
	return func(_ *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		ids, _ := results.List(e.storeDir(*store)) // a shell is told nothing of errors
		slices.Reverse(ids)
		return append([]string{"latest"}, ids...), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// completeList offers names for a flag that takes several, separated by commas.
func completeList(names func() []string) completion {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndexByte(typed, ',')+1]
		var all []string
		for _, name := range names() {
			all = append(all, before+name)
		}
		return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

func scenarioNames() (names []string) {
	all, _ := scenarios.Builtin()
	for _, s := range all {
		names = append(names, s.Name)
	}
	return names
}

func serverNames() (names []string) {
	all, _ := servers.All()
	for _, s := range all {
		names = append(names, s.Name)
	}
	return append(names, servers.GroupAll, servers.GroupGo)
}

func loadedApps() (names []string) {
	for _, s := range suite.All() {
		if !s.Probe {
			names = append(names, s.Name)
		}
	}
	return names
}
