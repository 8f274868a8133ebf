package paste

import (
	"errors"
	"slices"
	"strconv"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/internal/nearest"
)

// Warning tells of what a file says that Paste Deploy takes otherwise than most expect.
type Warning struct {
	At   stack.Origin
	Text string
}

func (w Warning) String() string { return w.At.String() + ": " + w.Text }

// warnings are without repetition.
type warnings []Warning

func (w *warnings) add(at stack.Origin, text string) {
	one := Warning{at, text}
	if len(*w) < maxWarnings && !slices.Contains(*w, one) {
		*w = append(*w, one)
	}
}

const maxWarnings = 100

// work bounds what a file may cause.
type work struct{ left int }

// maxWork is in bytes of interpolated values, or as much.
const maxWork = 1 << 24

// perKey is what it costs to hand on a key.
const perKey = 32

var errWork = errors.New("what is asked for here makes the config too large")

func (w *work) do(n int, at stack.Origin) error {
	if w.left -= n; w.left < 0 {
		return &Error{at, errWork}
	}
	return nil
}

// hint is nearest.Hint, but of many names it looks at the first, and tells none that is not near.
func hint(name string, known []string) string {
	if len(known) <= manyNames {
		return nearest.Hint(name, known)
	}
	if near, ok := nearest.Name(name, known[:min(len(known), maxNames)]); ok {
		return ": did you mean " + strconv.Quote(near) + "?"
	}
	return ""
}

const manyNames, maxNames = 30, 1000
