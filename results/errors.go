package results

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Errors counts requests that got no correct answer, over all slices.
type Errors struct {
	Total  uint64            `json:"total"`
	Void   bool              `json:"void,omitempty"` // so many that the cell is invalid, of which a reason tells their kinds
	ByKind map[string]uint64 `json:"by_kind"`
	// ByCause counts them by "kind: cause", of the first causes that there were. Examples
	// tells, by kind, of one request.
	ByCause  map[string]uint64 `json:"by_cause,omitempty"`
	Examples map[string]string `json:"examples,omitempty"`
}

// Add adds those of a load.
func (e *Errors) Add(byKind, byCause map[string]uint64, examples map[string]string) {
	if e.ByKind == nil {
		e.ByKind = make(map[string]uint64)
	}
	for kind, n := range byKind {
		e.ByKind[kind] += n
		e.Total += n
	}
	for cause, n := range byCause {
		if e.ByCause == nil {
			e.ByCause = make(map[string]uint64)
		}
		e.ByCause[cause] += n
	}
	for kind, text := range examples {
		if e.Examples == nil {
			e.Examples = make(map[string]string)
		}
		if e.Examples[kind] == "" {
			e.Examples[kind] = text
		}
	}
}

// mostCauses of a kind are listed in a text.
const mostCauses = 3

// String lists errors by their kind, the most frequent first, each with its causes, and
// describes one request of the first kind.
func (e Errors) String() string {
	kinds := frequent(e.ByKind)
	var all []string
	for _, kind := range kinds {
		text := fmt.Sprintf("%d %s", e.ByKind[kind], kind)
		if causes := e.causes(kind); causes != "" {
			text += " (" + causes + ")"
		}
		all = append(all, text)
	}
	text := strings.Join(all, ", ")
	if len(kinds) > 0 && e.Examples[kinds[0]] != "" {
		text += "; the first " + kinds[0] + ": " + e.Examples[kinds[0]]
	}
	return text
}

// causes lists those of a kind, with their numbers if there are several.
func (e Errors) causes(kind string) string {
	of := make(map[string]uint64)
	for cause, n := range e.ByCause {
		if text, ok := strings.CutPrefix(cause, kind+": "); ok {
			of[text] += n
		}
	}
	texts := frequent(of)
	if len(texts) > 1 {
		for i, text := range texts {
			texts[i] = fmt.Sprintf("%d %s", of[text], text)
		}
	}
	if more := len(texts) - mostCauses; more > 0 {
		texts = append(texts[:mostCauses], fmt.Sprintf("%d others", more))
	}
	return strings.Join(texts, ", ")
}

// frequent are the keys, those of the greatest numbers first.
func frequent(numbers map[string]uint64) []string {
	return slices.SortedFunc(maps.Keys(numbers), func(a, b string) int {
		return cmp.Or(cmp.Compare(numbers[b], numbers[a]), cmp.Compare(a, b))
	})
}
