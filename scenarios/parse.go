package scenarios

import (
	"slices"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/internal/strict"
	"github.com/benchctl/benchctl/scenarios/offered"
)

// Bounds of a scenario, and of a load by flags. More connections need more ports and
// files than systems give by default.
const (
	MaxConnections = 10000
	MaxPipeline    = 1000
	MaxRequests    = 1e9 // per connection
	MinTime        = time.Millisecond
	MaxTime        = time.Hour
	maxSlow        = 1000 // clients of a kind beside the load
)

func parse(file string, data []byte) (Scenario, error) {
	s := Scenario{Engine: Raw, Apps: []string{"hello"}}
	doc, err := strict.Parse(file, data)
	if err != nil {
		return s, err
	}
	given := make(places)
	err = doc.Fields(strict.Fields{
		"name":         strict.Name(&s.Name),
		"doc":          strict.Line(&s.Doc),
		"engine":       strict.OneOf(&s.Engine, Raw, Vegeta),
		"connections":  strict.Int(&s.Connections, 1, MaxConnections),
		"rate":         given.note("rate", placed(s.Load.SetRate)),
		"ramp":         given.note("ramp", placed(s.Load.SetRamp)),
		"steps":        given.note("steps", steps(&s.Load)),
		"arrivals":     given.note("arrivals", strict.OneOf(&s.Load.Arrivals, offered.Constant, offered.Poisson)),
		"pipeline":     given.note("pipeline", strict.Int(&s.Pipeline, 1, MaxPipeline)),
		"requests":     given.note("requests", strict.Int(&s.Requests, 1, MaxRequests)),
		"close":        given.note("close", boolean(&s.Close)),
		"idle":         strict.Int(&s.Idle, 1, MaxConnections),
		"slow-readers": strict.Int(&s.SlowReaders, 1, maxSlow),
		"slow-headers": strict.Int(&s.SlowHeaders, 1, maxSlow),
		"first-byte":   given.note("first-byte", boolean(&s.FirstByte)),
		"apps":         instances(&s.Apps),
		"timeout":      strict.Duration(&s.Timeout, MinTime, MaxTime),
		"slice":        strict.Duration(&s.Slice, MinTime, MaxTime),
		"lead":         strict.Duration(&s.Lead, 0, MaxTime),
	}, "name", "connections")
	if err != nil {
		return s, err
	}
	return s, given.conflicts(s)
}

// places are the values that were given, by key.
type places map[string]strict.Node

func (p places) note(key string, take func(strict.Node) error) func(strict.Node) error {
	return func(n strict.Node) error {
		p[key] = n
		return take(n)
	}
}

// conflicts finds values that make no sense together, at the place of one of them.
func (p places) conflicts(s Scenario) error {
	for _, pair := range [][2]string{{"rate", "ramp"}, {"rate", "steps"}, {"ramp", "steps"}, {"requests", "close"}} {
		if one, other := p[pair[0]], p[pair[1]]; one.Line() > 0 && other.Line() > 0 {
			return other.Errorf("can't be given with %s", pair[0])
		}
	}
	if n := p["arrivals"]; n.Line() > 0 && !s.Open() {
		return n.Errorf("takes a rate, ramp or steps")
	}
	for _, key := range []string{"pipeline", "requests", "first-byte"} {
		if n := p[key]; n.Line() > 0 && s.Engine != Raw {
			return n.Errorf("engine %s does not offer it, %s does", s.Engine, Raw)
		}
	}
	return nil
}

// placed takes a text by set and puts its error in its place.
func placed(set func(text string) error) func(strict.Node) error {
	return func(n strict.Node) error {
		text, err := n.Text()
		if err != nil {
			return err
		}
		if err := set(text); err != nil {
			return n.Errorf("%w", err)
		}
		return nil
	}
}

// steps takes a list of rates.
func steps(l *offered.Load) func(strict.Node) error {
	return func(n strict.Node) error {
		err := n.Items(placed(l.AddStep))
		if err == nil && len(l.Steps) == 0 {
			err = n.Errorf("at least one rate is needed")
		}
		return err
	}
}

func boolean(b *bool) func(strict.Node) error {
	return func(n strict.Node) (err error) {
		*b, err = n.Bool()
		return err
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
