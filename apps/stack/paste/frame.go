package paste

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// maxDepth bounds the steps from a file's first section to any other.
const maxDepth = 100

// frame is a section that is being resolved, below the one that refers to it.
type frame struct {
	parent            *frame
	depth             int
	file              string
	section           *section
	defaults, globals *Conf // on which it depends what the section means
}

// enter is the frame of a section below f, or the error that the section goes round in a circle.
func (f *frame) enter(from word, next *frame) error {
	for p := f; p != nil; p = p.parent {
		if p.file == next.file && p.section.name == next.section.name && p.globals.equal(next.globals) && p.defaults.equal(next.defaults) {
			return fault(from.at, "[%s] is part of itself: %s", next.section.name, f.circle(p))
		}
	}
	next.parent = f
	if f != nil {
		next.depth = f.depth + 1
	}
	if next.depth > maxDepth {
		return fault(from.at, "%s is more than %d steps from the first section", from.text, maxDepth)
	}
	return nil
}

// circle writes the way from a frame above f to f, and back.
func (f *frame) circle(to *frame) string {
	steps := []string{to.String()}
	for p := f; ; p = p.parent {
		steps = append(steps, p.String())
		if p == to {
			break
		}
	}
	slices.Reverse(steps)
	return strings.Join(steps, " > ")
}

func (f *frame) String() string {
	return fmt.Sprintf("[%s] (%s:%d)", f.section.name, filepath.Base(f.file), f.section.at.Line)
}
