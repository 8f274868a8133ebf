package paired

import (
	"context"
	"errors"
)

// faithful looks whether the candidate, with all that its guard holds, still runs as it was
// started, and alone listens on its port. If not, it is out of the block. It takes longer
// than what is looked at after each slice. An error is ctx's, or of what benchctl itself
// lacks to look.
func (l *lane) faithful(ctx context.Context) error {
	deed, err := l.Run.Host.Faithful(l.ID)
	if err != nil {
		return l.unable(ctx, err)
	}
	l.judge(deed)
	return nil
}

// judge takes the candidate out of the block for a deed, "" for none.
func (l *lane) judge(deed string) {
	if deed != "" {
		l.fail(errors.New(deed))
	}
}
