// Package formattest is a catalog for tests of forms: layers and apps with a field of each type.
package formattest

import (
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// Catalog is what tests name in files.
func Catalog() stack.Catalog {
	return stack.Catalog{Layers: []stack.Layer{All{}, Plain{}, Gives{}, Takes{}}, Sources: []stack.Source{Hello{}, Says{}}, Proxies: []stack.Proxy{Before{}}}
}

// All is a layer with a field of each type.
type All struct {
	Text     string            `stack:"text" doc:"a text" oneof:""`
	Number   int               `stack:"number" default:"6" min:"-9" max:"9" doc:"a number"`
	Long     int64             `stack:"long"`
	Fraction float64           `stack:"fraction" max:"1e9"`
	Bool     bool              `stack:"bool"`
	Duration time.Duration     `stack:"duration" default:"30s" max:"1h"`
	Size     stack.Size        `stack:"size"`
	Secret   stack.Secret      `stack:"secret"`
	List     []string          `stack:"list"`
	Map      map[string]string `stack:"map"`
	Beside   chan int          // no config
}

// About describes it.
func (All) About() stack.About { return stack.About{Name: "all", Doc: "all fields", Allocs: 2} }

// Wrap is next itself.
func (All) Wrap(next apps.App) (apps.App, error) { return next, nil }

// Plain is a layer without fields.
type Plain struct{}

// About describes it.
func (Plain) About() stack.About { return stack.About{Name: "plain", Buffers: true} }

// Wrap is next itself.
func (Plain) Wrap(next apps.App) (apps.App, error) { return next, nil }

// Gives provides what Takes requires.
type Gives struct{}

// About describes it.
func (Gives) About() stack.About { return stack.About{Name: "gives", Provides: []string{"gift"}} }

// Wrap is next itself.
func (Gives) Wrap(next apps.App) (apps.App, error) { return next, nil }

// Takes requires what Gives provides.
type Takes struct {
	Kind string `stack:"kind" required:"true" oneof:"a b"`
}

// About describes it.
func (Takes) About() stack.About { return stack.About{Name: "takes", Requires: []string{"gift"}} }

// Wrap is next itself.
func (Takes) Wrap(next apps.App) (apps.App, error) { return next, nil }

// Before is a process before a stack.
type Before struct {
	Kind   string   `stack:"kind" default:"a" oneof:"a b"`
	Number int      `stack:"number" max:"9"`
	List   []string `stack:"list"`
}

// About describes it.
func (Before) About() stack.About { return stack.About{Name: "before", Doc: "stands before"} }

// Hello is an app without fields.
type Hello struct{}

// About describes it.
func (Hello) About() stack.About { return stack.About{Name: "hello", Doc: "greets"} }

// Make makes it.
func (Hello) Make() (apps.App, error) { return Says{Text: "hello"}.Make() }

// Says is an app that says its text.
type Says struct {
	Text   string `stack:"text"`
	Status int    `stack:"status" default:"200" min:"200" max:"599"`
}

// About describes it.
func (Says) About() stack.About { return stack.About{Name: "says", Doc: "says its text"} }

// Make makes it.
func (s Says) Make() (apps.App, error) {
	return apps.Func(func(_ apps.Request, res apps.Response) error { return res.Reply(200, []byte(s.Text)) }), nil
}
