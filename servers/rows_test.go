package servers_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/external"
)

// rowsOf is a row for each candidate: its name, and what it lacks.
func rowsOf(ctx context.Context, c servers.Choice, jobs int, row func(servers.Candidate) string, tell func(string)) ([]string, error) {
	return servers.Rows(ctx, c, jobs, func(c servers.Candidate, why string) string { return c.Name + " lacks" }, row, tell)
}

// Each has its row, in order; of what is not installed nobody is told.
func TestRows(t *testing.T) {
	choice, err := servers.Choose(all(t, manifests(t, ghosts("ghost")...)), []string{"nethttp", "stripped", "fasthttp"})
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(choice.Candidates, func(c servers.Candidate) bool { return c.Name == "ghost" })
	if at < 0 {
		t.Fatal("no ghost")
	}
	var told []string
	var busy atomic.Int32
	rows, err := rowsOf(t.Context(), choice, 1, func(c servers.Candidate) string {
		if busy.Add(1) > 1 {
			t.Error("two at a time")
		}
		defer busy.Add(-1)
		return c.Name
	}, func(row string) { told = append(told, row) })
	if err != nil || len(rows) != len(choice.Candidates) || rows[0] != "nethttp" || rows[at] != "ghost lacks" {
		t.Errorf("%q, %v", rows, err)
	}
	if !slices.Contains(told, "nethttp") || !slices.Contains(told, "fasthttp") || slices.Contains(told, "ghost lacks") {
		t.Errorf("told of %q", told)
	}
}

// One that was named must be there, and nothing is begun before that is known.
func TestRowsOfNamed(t *testing.T) {
	choice, err := servers.Choose(all(t, manifests(t, ghosts("ghost")...)), []string{"nethttp", "ghost"})
	if err != nil {
		t.Fatal(err)
	}
	var missing *external.NotInstalledError
	_, err = rowsOf(t.Context(), choice, 1, func(c servers.Candidate) string {
		t.Errorf("%s was begun", c.Name)
		return ""
	}, func(string) {})
	if !errors.As(err, &missing) {
		t.Error(err)
	}
}

// What an interruption ends is told of; what would begin after it is not.
func TestRowsInterrupted(t *testing.T) {
	choice, err := servers.Choose(all(t), []string{"nethttp", "fasthttp"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var told []string
	rows, err := rowsOf(ctx, choice, 1, func(c servers.Candidate) string {
		cancel()
		return c.Name
	}, func(row string) { told = append(told, row) })
	if err != nil || !slices.Equal(rows, []string{"nethttp", "fasthttp"}) || !slices.Equal(told, []string{"nethttp"}) {
		t.Errorf("%q, %v; told of %q", rows, err, told)
	}
}
