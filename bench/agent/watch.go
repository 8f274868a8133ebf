package agent

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/witness"
	"github.com/benchctl/benchctl/bench/measure"
	"github.com/benchctl/benchctl/scenarios"
)

// Watching is a running load that reports the outcome of each request. Only Now and Gave are safe for
// concurrent use.
type Watching interface {
	// Now is the load's clock: how long ago it began.
	Now() time.Duration
	// Wait waits for d at most, or until the load has nothing left to do. The error is ctx's.
	Wait(ctx context.Context, d time.Duration) error
	// Gave are the processes that have given replies, by the numbers that they have
	// themselves; none where replies don't tell.
	Gave() []int
	// End sends nothing more, waits for what is under way, and tells of all.
	End() (Witnessed, error)
}

// Witnessed is the outcome of the requests of a load, and how long the load generator waited
// for processors.
type Witnessed struct {
	witness.Result
	Wait *int64 // ns that its threads could have run and did not
	Runs uint64 // times that one of them got a processor
}

// Watch implements Loader.
func (l *LocalLoader) Watch(ctx context.Context, o Offer) (Watching, error) {
	app, err := o.App.Instance()
	if err != nil {
		return nil, err
	}
	w := &localWatch{loader: l, before: l.usage()}
	for i, c := range l.watched(app, o) {
		s, err := witness.Start(ctx, c)
		if err != nil {
			for _, begun := range w.parts {
				begun.Stop()
			}
			return nil, err
		}
		w.parts = append(w.parts, s)
		if i > 0 {
			w.late = w.parts[0].Now()
		}
	}
	return w, nil
}

// ident is the app whose replies tell which process made them.
const ident = "ident"

// firstID is the first id of a request, beyond those that the gate has sent.
const firstID = 1 << 20

// postSize is how long the body of a POST is, in bytes.
const postSize = 1000

// watched are the requests of a load: all GET, or half of them POST.
func (l *LocalLoader) watched(app suite.Instance, o Offer) []witness.Config {
	target := Targets(app, o.Address, o.Seed)[0]
	get := witness.Config{
		Address: o.Address, Target: target, Ident: app.Spec.Name == ident, Connections: o.Load.Connections, Rate: o.Load.Rate, Timeout: o.Load.Timeout,
		Seed: o.Seed, FirstID: firstID, Streams: o.Load.Streams, Stream: streamed(o), Silent: o.Load.Silent, Race: o.Load.Race,
	}
	if !o.Load.Post {
		return []witness.Config{get}
	}
	post := get
	post.Target.Method, post.Target.Body = http.MethodPost, []byte(strings.Repeat("x", postSize))
	post.Streams, post.Silent, post.Seed, post.FirstID = 0, 0, o.Seed+1, firstID<<20
	post.Connections, post.Rate = o.Load.Connections/2, o.Load.Rate/2
	get.Connections, get.Rate = o.Load.Connections-post.Connections, o.Load.Rate-post.Rate
	return slices.DeleteFunc([]witness.Config{get, post}, func(c witness.Config) bool { return c.Connections == 0 })
}

// held is the app of a load's streams.
var held = func() suite.Instance {
	app, err := suite.Parse(scenarios.Held)
	if err != nil {
		panic(err)
	}
	return app
}()

// streamed is the request of a load's streams, whose reply takes long.
func streamed(o Offer) load.Target {
	if o.Load.Streams == 0 {
		return load.Target{}
	}
	return Targets(held, o.Address, o.Seed)[0]
}

// localWatch is a load of this process.
type localWatch struct {
	loader *LocalLoader
	before usage
	parts  []*witness.Session
	late   time.Duration // by which the second part began after the first
}

// Now implements Watching.
func (w *localWatch) Now() time.Duration { return w.parts[0].Now() }

// Gave implements Watching.
func (w *localWatch) Gave() (pids []int) {
	for _, s := range w.parts {
		pids = append(pids, s.Gave()...)
	}
	return pids
}

// Wait implements Watching.
func (w *localWatch) Wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	for _, s := range w.parts {
		select {
		case <-s.Done():
		case <-t.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// End implements Watching.
func (w *localWatch) End() (Witnessed, error) {
	after := w.loader.usage()
	told := Witnessed{Wait: measure.Between(w.before.wait, after.wait), Runs: after.runs - w.before.runs}
	all := make([]witness.Result, len(w.parts))
	var ends sync.WaitGroup
	for i, s := range w.parts {
		ends.Go(func() { all[i] = s.Stop() })
	}
	ends.Wait()
	told.Result = all[0]
	for _, r := range all[1:] {
		told.Result = told.Result.With(r, w.late)
	}
	return told, nil
}
