package engine

import (
	"context"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
	"github.com/benchctl/benchctl/bench/load/raw"
)

// by is c for an engine.
func by(engine string, c load.Config) load.Config {
	c.Engine = engine
	return c
}

func openers() map[string]loadtest.Opener {
	return map[string]loadtest.Opener{
		load.Raw:    func(ctx context.Context, c load.Config) (load.Session, error) { return Open(ctx, by(load.Raw, c)) },
		load.Vegeta: func(ctx context.Context, c load.Config) (load.Session, error) { return Open(ctx, by(load.Vegeta, c)) },
		"sync": func(ctx context.Context, c load.Config) (load.Session, error) {
			if err := Check(by(load.Raw, c)); err != nil {
				return nil, err
			}
			return raw.OpenSync(ctx, c.Complete())
		},
	}
}

// eachEngine runs f for every opener.
func eachEngine(t *testing.T, f func(t *testing.T, open loadtest.Opener)) {
	loadtest.Each(t, openers(), f)
}

// kept reports whether no more connections than most had to be replaced. Of vegeta nothing is
// asked: net/http gives up connections by itself on a machine that is busy (see package vegeta).
func kept(t testing.TB, r *load.Result, most uint64) bool {
	return r.Reconnects <= most || strings.HasSuffix(t.Name(), "/"+load.Vegeta)
}
