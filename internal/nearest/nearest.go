// Package nearest finds what a mistyped name was meant to be.
package nearest

import (
	"slices"
	"strconv"
	"strings"
)

// longest word looked at, in bytes; it bounds the work, as words may come from
// the network.
const longest = 64

// Name returns the known name closest to word, if one is close enough to be what
// was meant: one edit away, or begun by word, or at most one edit in four letters
// away. Of equally close names the first one wins. Names are compared byte by byte.
func Name(word string, known []string) (string, bool) {
	if name, ok := within(1, word, known); ok {
		return name, true
	}
	if names := begun(word, known); len(names) > 0 {
		return names[0], true
	}
	return within(1+len(word)/4, word, known)
}

// within is the first of the known names that are the fewest edits from word, if those
// are not more than most.
func within(most int, word string, known []string) (string, bool) {
	if word == "" || len(word) > longest {
		return "", false
	}
	best, least := "", most+1
	for _, name := range known {
		if len(name) > longest {
			continue
		}
		if d := distance(word, name); d < least && d < len(name) {
			best, least = name, d
		}
	}
	return best, best != ""
}

// begun are the known names that word is the beginning of.
func begun(word string, known []string) []string {
	if len(word) < 2 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(known), func(name string) bool { return !strings.HasPrefix(name, word) })
}

// Hint completes an error about an unknown word: `: did you mean "name"?`, or the names
// that it is the beginning of, or else the known names, or "" if there are none.
func Hint(word string, known []string) string {
	if names := begun(word, known); len(names) > 1 {
		if _, ok := within(1, word, known); !ok {
			return ": did you mean one of " + strings.Join(names, ", ") + "?"
		}
	}
	if name, ok := Name(word, known); ok {
		return ": did you mean " + strconv.Quote(name) + "?"
	}
	switch len(known) {
	case 0:
		return ""
	case 1:
		return ": known is " + known[0]
	}
	return ": known are " + strings.Join(known, ", ")
}

// distance is the Levenshtein distance: the least number of bytes to insert,
// delete or replace that makes a into b.
func distance(a, b string) int {
	var row [longest + 1]int
	for j := range len(b) {
		row[j+1] = j + 1
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
