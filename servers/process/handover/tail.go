package handover

import (
	"io"
	"sync"
)

// maxTail is how much of the output of a worker an error has, in bytes.
const maxTail = 2 << 10

// tail passes on what is written and keeps the end of it.
type tail struct {
	to io.Writer

	mu  sync.Mutex
	end []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.end = append(t.end, p...)
	if over := len(t.end) - maxTail; over > 0 {
		t.end = append(t.end[:0], t.end[over:]...)
	}
	t.mu.Unlock()
	_, _ = t.to.Write(p) // a worker must not end because nobody takes its output
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.end)
}
