// Package nearest finds what a mistyped name was meant to be.
package nearest

import (
	"strconv"
	"strings"
)

// longest word looked at, in bytes; it bounds the work, as words may come from
// the network.
const longest = 64

// Name returns the known name closest to word, if one is close enough to be what
// was meant: at most one edit in four letters away, or begun by word. Of equally
// close names the first one wins. Names are compared byte by byte.
func Name(word string, known []string) (string, bool) {
	if word == "" || len(word) > longest {
		return "", false
	}
	best, least := "", 2+len(word)/4
	for _, name := range known {
		if len(name) > longest {
			continue
		}
		if d := distance(word, name); d < least && d < len(name) {
			best, least = name, d
		}
	}
	if best != "" {
		return best, true
	}
	return begun(word, known)
}

// begun is the first known name that word is the beginning of.
func begun(word string, known []string) (string, bool) {
	if len(word) < 2 {
		return "", false
	}
	for _, name := range known {
		if strings.HasPrefix(name, word) {
			return name, true
		}
	}
	return "", false
}

// Hint completes an error about an unknown word: `: did you mean "name"?`, or
// else the known names, or "" if there are none.
func Hint(word string, known []string) string {
	if name, ok := Name(word, known); ok {
		return ": did you mean " + strconv.Quote(name) + "?"
	}
	if len(known) == 0 {
		return ""
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
