package engine

import (
	"errors"
	"fmt"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/raw"
	"github.com/benchctl/benchctl/bench/load/vegeta"
	"github.com/benchctl/benchctl/bench/load/wire"
)

// Check returns why Open would refuse c, whatever the server does.
func Check(c load.Config) error {
	c = c.Complete()
	problem := check(c)
	switch {
	case problem != nil:
	case c.Engine != load.Raw && c.Engine != load.Vegeta:
		problem = fmt.Errorf("no engine %q: there are %s and %s", c.Engine, load.Raw, load.Vegeta)
	case c.Engine == load.Vegeta:
		problem = vegeta.Check(c)
	default:
		problem = raw.Check(c)
	}
	if problem == nil {
		_, problem = wire.Encode(c)
	}
	if problem == nil {
		_, problem = wire.Order(c.Targets)
	}
	if problem != nil {
		return fmt.Errorf("load %s: %w", c.Address, problem)
	}
	return nil
}

// check refuses what no engine offers.
func check(c load.Config) error {
	if len(c.Targets) == 0 {
		return errors.New("no targets")
	}
	if err := c.Load.Check(); err != nil {
		return err
	}
	switch {
	case c.Pipeline > 1 && c.Paced():
		return errors.New("pipelining does not go with a pace: a request that waits for those before it was not sent when intended")
	case c.Pipeline > 1 && c.Close:
		return errors.New("pipelining does not go with connections that carry one request each")
	}
	return nil
}
