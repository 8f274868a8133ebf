package main

import (
	"os"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/lint"
)

// linted is app with each duty that the server or the app breaks appended to a file. It is
// started and stopped as app is.
func linted(app apps.App, file string) (watched apps.App, done func() error, err error) {
	record, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	watched, err = stack.Build(stack.Pipeline{Layers: []stack.Layer{lint.Lint{Report: lint.Record(record)}}, Node: stack.App{Source: mounted{app}}})
	return watched, record.Close, err
}

// mounted is an app that is there, as a leaf of a stack.
type mounted struct{ app apps.App }

// About implements stack.Source.
func (mounted) About() stack.About { return stack.About{Name: "mounted", Doc: "what is mounted"} }

// Make implements stack.Source.
func (m mounted) Make() (apps.App, error) { return m.app, nil }
