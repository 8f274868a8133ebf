package harness

import (
	"context"
	"errors"
	"strings"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// deed is what the candidate did, by any of these processes, that changes what is
// compared; "" for nothing. It is read outside of what is measured.
func (c *runner) deed(pids []int) string {
	if c.given == nil {
		return ""
	}
	return strings.Join(c.given.Deeds(pids), "; ")
}

// faithful looks whether the candidate, with all that its guard holds, still runs as it was
// started, and alone listens on its port. If not, it is out of the block. It takes longer
// than what is looked at after each slice. An error is ctx's, or of what benchctl itself
// lacks to look.
func (l *lane) faithful(ctx context.Context) error {
	if err := l.process.OwnsSocket(l.address); err != nil {
		return l.unable(ctx, err)
	}
	held, err := l.process.Held()
	switch {
	case errors.Is(err, proc.ErrUnsupported):
	case err != nil:
		return l.unable(ctx, err)
	default:
		l.judge(l.deed(held))
	}
	return nil
}

// judge takes the candidate out of the block for a deed, "" for none.
func (l *lane) judge(deed string) {
	if deed != "" {
		l.fail(errors.New(deed))
	}
}
