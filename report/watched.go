package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/results/judge"
)

// isWatched tells whether the table's rows tell what became of each request.
func (t *Table) isWatched() bool {
	return slices.ContainsFunc(t.Rows, func(r Row) bool { return r.Cell.Watched != nil })
}

// watchedEffort tells what was done, and how often.
func watchedEffort(cells []*judge.Cell) string {
	var repetitions []int
	var events string
	for _, c := range cells {
		if c.Watched != nil {
			repetitions = append(repetitions, c.Watched.Repetitions)
			events = strings.Join(c.Watched.Events, ", ")
		}
	}
	if repetitions == nil {
		return ""
	}
	return fmt.Sprintf("%s · %s", events, span(repetitions, "repetition", "repetitions"))
}

// watchedFindings says who lost nothing, and who lost what.
func (t *Table) watchedFindings() []string {
	var none []string
	var all []string
	for _, r := range t.Rows {
		w := r.Cell.Watched
		if w == nil || !r.Cell.Verdict.Usable() {
			continue
		}
		if w.Race != nil && !raced(w) {
			continue // a note says why
		}
		if sum(w.Lost) > 0 {
			all = append(all, r.Cell.Candidate+" "+fared(w)+".")
		} else {
			none = append(none, r.Cell.Candidate)
		}
	}
	if len(none) > 0 {
		all = append([]string{fmt.Sprintf("%s lost no request.", List(none))}, all...)
	}
	return append(t.survivals(), all...)
}

// survivals say who did what by a reload of something broken: a sentence for each deed that
// some did in all repetitions, and one for each of those that did not always do the same.
func (t *Table) survivals() (all []string) {
	by := make(map[judge.Became][]string)
	var order []judge.Became
	for _, r := range t.Rows {
		w := r.Cell.Watched
		if w == nil || w.Reloads == nil || !r.Cell.Verdict.Usable() {
			continue
		}
		if len(w.Reloads.Broken) > 1 {
			all = append(all, fmt.Sprintf("%s by a reload of something broken: %s.", r.Cell.Candidate, fates(w.Reloads.Broken)))
			continue
		}
		for became := range w.Reloads.Broken {
			if by[became] == nil {
				order = append(order, became)
			}
			by[became] = append(by[became], r.Cell.Candidate)
		}
	}
	for _, became := range order {
		all = append(all, fmt.Sprintf("%s %s after a reload of something broken.", List(by[became]), became))
	}
	return all
}

// fates are what came of reloads, the most frequent first: "halted in 6 of 6".
func fates(counts map[judge.Became]int) string {
	n := 0
	var order []judge.Became
	for became, times := range counts {
		n += times
		order = append(order, became)
	}
	slices.SortFunc(order, func(a, b judge.Became) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	var texts []string
	for _, became := range order {
		texts = append(texts, fmt.Sprintf("%s in %d of %d", became, counts[became], n))
	}
	return strings.Join(texts, ", ")
}

// reloadRemarks are what came of the reloads of a row.
func reloadRemarks(r *judge.Reloads) (texts []string) {
	if r == nil {
		return nil
	}
	if len(r.Broken) > 0 {
		text := "a reload of something broken: " + fates(r.Broken)
		if r.Refusal != "" {
			text += "; the reload said: " + r.Refusal
		}
		texts = append(texts, text)
	}
	if len(r.Mended) > 0 {
		texts = append(texts, "the reload once it was mended: "+fates(r.Mended))
	}
	return texts
}

// raced tells whether a request raced with the end of its connection.
func raced(w *judge.Watched) bool { return len(w.Race.Outcomes) > 0 }

// judged is how many requests there were that might be lost.
func judged(w *judge.Watched) (n uint64) {
	if w.Race == nil {
		return w.Sent
	}
	for _, outcomes := range w.Race.Outcomes {
		n += sum(outcomes)
	}
	return n
}

// raceRemarks are how requests fared that raced with the end of their connection.
func raceRemarks(r *judge.Race) (texts []string) {
	if r == nil || r.Closed == 0 {
		return nil
	}
	texts = append(texts, fmt.Sprintf("%s of %s connections were closed when they had been idle for %s to %s ms (80 %% of them)",
		Whole(uint64(r.Closed)), Whole(uint64(r.Closed+r.Kept)), Number(r.LowMS, 4), Number(r.HighMS, 4)))
	for _, method := range slices.Sorted(maps.Keys(r.Outcomes)) {
		texts = append(texts, fmt.Sprintf("%s that raced: %s", method, kinds(r.Outcomes[method])))
	}
	if r.Found > 0 {
		texts = append(texts, fmt.Sprintf("%s requests were not sent, as their connection had been closed before", Whole(uint64(r.Found))))
	}
	return texts
}

// kinds are how many there were of each outcome.
func kinds(counts map[string]uint64) string {
	var all []string
	for _, outcome := range outcomes(counts) {
		all = append(all, fmt.Sprintf("%s %s", Whole(counts[outcome]), outcome))
	}
	return strings.Join(all, ", ")
}

// fate is how lost requests were lost, and whether the app had done them.
func fate(w *judge.Watched) string {
	text := ": " + kinds(w.Lost)
	if w.Executed != nil {
		text += fmt.Sprintf("; the app had got %s of them, whose answers were lost", Whole(*w.Executed))
	}
	return text
}

// outcomes are the kinds that there are, the most frequent first.
func outcomes(counts map[string]uint64) []string {
	var all []string
	for outcome := range counts {
		all = append(all, outcome)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	return all
}

func sum(counts map[string]uint64) (n uint64) {
	for _, more := range counts {
		n += more
	}
	return n
}

// watchedRemarks are what a row's losses can't be read without.
func watchedRemarks(w *judge.Watched) (texts []string) {
	if w == nil {
		return nil
	}
	texts = reloadRemarks(w.Reloads)
	for _, outcome := range outcomes(w.Outcomes) {
		if example := w.Examples[outcome]; example != "" && w.Lost[outcome] > 0 {
			texts = append(texts, fmt.Sprintf("%s %s, the first of %s", Whole(w.Lost[outcome]), outcome, example))
		}
	}
	if w.Missed > 0 {
		texts = append(texts, fmt.Sprintf("%s requests were not sent, as the one before on their connection was under way", Whole(w.Missed)))
	}
	if l := w.Left; l != nil {
		texts = append(texts, fmt.Sprintf("for 100 events, at the end of the load there were more than before: %s processes, %s threads, %s open files, %s MiB",
			Number(l.Processes, 3), Number(l.Threads, 3), Number(l.Files, 3), Number(l.MemoryMiB, 3)))
	}
	if len(w.Streams) > 0 {
		texts = append(texts, "streaming replies that were held open: "+kinds(w.Streams))
	}
	return append(texts, raceRemarks(w.Race)...)
}

// fared is what became of the requests in a line.
func fared(w *judge.Watched) string {
	switch lost := sum(w.Lost); {
	case w.Race != nil && !raced(w):
		return "no request raced"
	case lost > 0:
		return fmt.Sprintf("lost %s of %s requests%s", Whole(lost), Whole(judged(w)), fate(w))
	}
	return fmt.Sprintf("lost none of %s requests", Whole(judged(w)))
}

// exit is how a row's server ended, most often.
func exit(c *judge.Cell) string {
	if c.Watched == nil {
		return ""
	}
	how, most := "", 0
	for text, n := range c.Watched.Exits {
		if n > most || n == most && text < how {
			how, most = text, n
		}
	}
	return how
}
