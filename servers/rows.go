package servers

import (
	"context"
	"sync"
)

// Rows makes a row of each candidate of a choice, in its order, so many at a time: by absent, with
// what it lacks, where it is not installed, by row elsewhere. It tells of each row that row made, one at a time,
// but of none once ctx has ended. An error is of a candidate that was named and can't run here; no row is made then.
func Rows[R any](ctx context.Context, choice Choice, jobs int, absent func(c Candidate, why string) R, row func(Candidate) R, tell func(R)) ([]R, error) {
	skipped, err := choice.Skipped(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]R, len(choice.Candidates))
	var wait sync.WaitGroup
	var telling sync.Mutex
	slots := make(chan struct{}, jobs)
	for i, c := range choice.Candidates {
		if skipped[i] != "" {
			all[i] = absent(c, skipped[i])
			continue
		}
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			begun := ctx.Err() == nil
			if all[i] = row(c); !begun {
				return
			}
			telling.Lock()
			defer telling.Unlock()
			tell(all[i])
		})
	}
	wait.Wait()
	return all, nil
}
