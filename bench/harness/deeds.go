package harness

import (
	"errors"
	"strings"
)

// deed is what the candidate did, by any of these processes, that changes what is
// compared; "" for nothing. It is read outside of what is measured.
func (c *runner) deed(pids []int) string {
	if c.given == nil {
		return ""
	}
	return strings.Join(c.given.Deeds(pids), "; ")
}

// faithful tells whether the candidate, with all that its guard holds, still runs as it was
// started, and alone listens on its port. If not, it is out of the block. It takes longer
// than what is looked at after each slice.
func (l *lane) faithful() bool {
	if err := l.process.OwnsSocket(l.address); err != nil && l.survives(lastMoment) {
		l.fail(err)
	}
	if held, err := l.process.Held(); err == nil {
		l.judge(l.deed(held))
	}
	return l.runs()
}

// judge takes the candidate out of the block for a deed, "" for none.
func (l *lane) judge(deed string) {
	if deed != "" {
		l.fail(errors.New(deed))
	}
}
