package layers

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// Headers sets and takes away fields of the reply, whatever its status. It sees the fields that
// the app and the layers inside it set, and no others.
type Headers struct {
	Set     map[string]string `stack:"set" doc:"fields of every reply, whatever the app sets"`
	Default map[string]string `stack:"default" doc:"fields of replies where the app does not set them"`
	Remove  []string          `stack:"remove" doc:"fields of the app that are taken away"`
}

// About implements stack.Layer.
func (Headers) About() stack.About {
	return stack.About{Name: "headers", Doc: "sets, completes and takes away fields of the reply (RFC 9110 section 5)"}
}

// Check implements stack.Checker.
func (h Headers) Check() error {
	seen := map[string]string{}
	for _, list := range []struct {
		field string
		names []string
		value map[string]string
	}{
		{"set", slices.Sorted(maps.Keys(h.Set)), h.Set}, {"default", slices.Sorted(maps.Keys(h.Default)), h.Default}, {"remove", h.Remove, nil},
	} {
		for _, name := range list.names {
			if err := checkName(name); err != nil {
				return fmt.Errorf("%s: %w", list.field, err)
			}
			if err := checkValue(name, list.value[name]); err != nil {
				return fmt.Errorf("%s: %w", list.field, err)
			}
			if list.field == "default" && apps.Repeats(name) {
				return fmt.Errorf("default: %s: one that the app sets does not replace it (S15); set it in \"set\"", name)
			}
			low := strings.ToLower(name)
			if before, twice := seen[low]; twice {
				return fmt.Errorf("%s: %s is in %q already", list.field, name, before)
			}
			seen[low] = list.field
		}
	}
	return nil
}

// Wrap implements stack.Layer.
func (h Headers) Wrap(next apps.App) (apps.App, error) {
	w := &heading{before: pairs(h.Default), after: pairs(h.Set)}
	w.dropped = slices.Clone(h.Remove)
	for _, f := range w.after {
		w.dropped = append(w.dropped, f[0])
	}
	w.editor = stack.Editor{Next: next, Files: true, Fields: w.filter, Edit: w.edit}
	return w, nil
}

func pairs(m map[string]string) [][2]string {
	var all [][2]string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		all = append(all, [2]string{name, m[name]})
	}
	return all
}

// heading is the app of Headers.
type heading struct {
	editor        stack.Editor
	before, after [][2]string
	dropped       []string
}

// Serve implements apps.App. What the app sets replaces the defaults.
func (w *heading) Serve(req apps.Request, res apps.Response) error {
	for _, f := range w.before {
		res.SetHeader(f[0], f[1])
	}
	return w.editor.Serve(req, res)
}

func (w *heading) filter(_ apps.Request, name, value string) (string, bool) {
	for _, d := range w.dropped {
		if strings.EqualFold(name, d) {
			return "", false
		}
	}
	return value, true
}

func (w *heading) edit(_ apps.Request, res apps.Response, _ *stack.Answer) error {
	for _, f := range w.after {
		res.SetHeader(f[0], f[1])
	}
	return nil
}
