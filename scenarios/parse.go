package scenarios

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/benchctl/benchctl/apps/strict"
	"github.com/benchctl/benchctl/apps/suite"
)

// Bounds of a scenario. More connections need more ports and files than systems
// give by default.
const (
	maxConnections = 10000
	maxRate        = 10e6 // requests per second
)

func parse(file string, data []byte) (Scenario, error) {
	s := Scenario{Engine: Raw, Apps: []string{"hello"}}
	doc, err := strict.Parse(file, data)
	if err != nil {
		return s, err
	}
	err = doc.Fields(strict.Fields{
		"name":        strict.Name(&s.Name),
		"doc":         strict.Line(&s.Doc),
		"engine":      strict.OneOf(&s.Engine, Raw, Vegeta),
		"connections": strict.Int(&s.Connections, 1, maxConnections),
		"rate":        rate(&s.Rate),
		"apps":        instances(&s.Apps),
		"timeout":     strict.Duration(&s.Timeout, time.Millisecond, time.Hour),
		"slice":       strict.Duration(&s.Slice, time.Millisecond, time.Hour),
		"lead":        strict.Duration(&s.Lead, 0, time.Hour),
	}, "name", "connections")
	return s, err
}

// rate takes requests per second: 1000 or 1000/s. 0 is a closed loop.
func rate(f *float64) func(strict.Node) error {
	return func(n strict.Node) error {
		text, err := n.Text()
		if err != nil {
			return err
		}
		*f, err = strconv.ParseFloat(strings.TrimSuffix(text, "/s"), 64)
		if err != nil || !(*f >= 0 && *f <= maxRate) {
			return n.Errorf("%q is not a rate such as 1000/s, from 0 to %.0f/s", text, float64(maxRate))
		}
		return nil
	}
}

// instances takes a list of apps with their parameters.
func instances(list *[]string) func(strict.Node) error {
	return func(n strict.Node) error {
		*list = nil
		err := n.Items(func(item strict.Node) error {
			text, err := item.Text()
			if err != nil {
				return err
			}
			app, err := suite.Parse(text)
			if err != nil {
				return item.Errorf("%w", err)
			}
			if slices.Contains(*list, app.String()) {
				return item.Errorf("app %s is listed twice", app)
			}
			*list = append(*list, app.String())
			return nil
		})
		if err == nil && len(*list) == 0 {
			err = n.Errorf("at least one app is needed")
		}
		return err
	}
}
