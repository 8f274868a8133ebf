package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/benchctl/benchctl/results/judge"
)

// Answer is what a run says of a class, in a sentence or two: who leads it, and by how much.
type Answer struct {
	Class Class
	Text  string
}

// Answers are those of all classes, in the order of the tables.
func (r *Report) Answers() []Answer {
	var all []Answer
	for _, o := range r.Overviews {
		all = append(all, Answer{o.Class, o.Answer()})
	}
	return all
}

// Answers are what the table says of each of its classes.
func (t *Table) Answers() []Answer {
	var all []Answer
	for _, c := range t.Classes {
		all = append(all, Answer{c, t.answer(c)})
	}
	return all
}

// SoFar is a line for each class of the last table that was measured: its first three with their figures.
func (r *Report) SoFar() (lines []string) {
	const most = 3
	for i := len(r.Tables) - 1; i >= 0 && lines == nil; i-- {
		t := r.Tables[i]
		for _, class := range t.Classes {
			var first []string
			for _, row := range t.Of(class) {
				e := row.Cell.Figures[t.Metric]
				if e != nil && row.Cell.Verdict.Usable() && len(first) < most {
					first = append(first, join(" ", row.Cell.Candidate, Number(e.Value, 4), SpreadOf(t.by(), *e)))
				}
			}
			if len(first) > 1 {
				lines = append(lines, fmt.Sprintf("so far, %s, %s, %s: %s", t.Title(), class.Many, t.by().Unit, strings.Join(first, ", ")))
			}
		}
	}
	return lines
}

// podium is the usable cells of a class in a table, best first.
type podium struct {
	first, rest []*judge.Cell // ranked: those than which none is better beyond doubt, and the others
	unranked    []*judge.Cell
}

func (t *Table) podium(class Class) (p podium) {
	for _, r := range t.Of(class) {
		switch {
		case !r.Cell.Verdict.Usable():
		case !ranked(r.Cell):
			p.unranked = append(p.unranked, r.Cell)
		case r.Cell.Rank == 1:
			p.first = append(p.first, r.Cell)
		default:
			p.rest = append(p.rest, r.Cell)
		}
	}
	return p
}

// answer is that of one table.
func (t *Table) answer(class Class) string {
	if t.isWatched() {
		return strings.Join(t.watchedAnswer(class), " ")
	}
	switch p := t.podium(class); {
	case len(p.first) == 0:
		return t.unranked(class, p.unranked)
	case len(p.first)+len(p.rest) == 1:
		return t.alone(class, p.first[0])
	case len(p.rest) == 0:
		return fmt.Sprintf("No %s is proven ahead: %s can't be told apart.", class.One, List(candidates(p.first)))
	default:
		leads, who := fmt.Sprintf("%s leads the %s", p.first[0].Candidate, class.Many), "it"
		if len(p.first) > 1 {
			leads, who = fmt.Sprintf("%s lead the %s and can't be told apart", List(candidates(p.first)), class.Many), p.first[0].Candidate
		}
		return leads + ": " + t.ahead(p, who)
	}
}

// ahead compares the first, which is called who, with the next one.
func (t *Table) ahead(p podium, who string) string {
	next := t.next(p)
	if next == nil {
		return "no other was measured closely enough with " + who + " to tell by how much."
	}
	return fmt.Sprintf("%s %s of %s, the next.", who, t.claim(t.Metric, p.first[0].Candidate, next.Candidate), next.Candidate)
}

// next is the best cell than which the first is better beyond doubt; nil if there is none.
func (t *Table) next(p podium) *judge.Cell {
	if len(p.first) == 0 {
		return nil
	}
	for _, next := range p.rest {
		if t.claim(t.Metric, p.first[0].Candidate, next.Candidate).resolved() {
			return next
		}
	}
	return nil
}

func (t *Table) alone(class Class, c *judge.Cell) string {
	e, m := c.Figures[t.Metric], t.by()
	if e == nil {
		return fmt.Sprintf("%s is the only ranked %s.", c.Candidate, class.One)
	}
	return fmt.Sprintf("%s is the only ranked %s: it %s %s %s.", c.Candidate, class.One, m.Verb, Number(e.Value, 4), m.Of)
}

// unranked says why no row of a class has a rank, and how much more time would give them one.
func (t *Table) unranked(class Class, cells []*judge.Cell) string {
	if len(cells) == 0 {
		return fmt.Sprintf("No %s has figures that count.", class.One)
	}
	fewest := slices.MinFunc(cells, func(a, b *judge.Cell) int { return cmp.Compare(a.Slices, b.Slices) }).Slices
	if fewest >= judge.Needed {
		return fmt.Sprintf("The %s can't be ranked: too few of them were measured in the same rounds.", class.Many)
	}
	text := fmt.Sprintf("Not enough slices to rank the %s: %d of %d", class.Many, fewest, judge.Needed)
	if took := t.run.Finished.Sub(t.run.Started); fewest > 0 && took > 0 {
		text += "; about " + minutes(took*time.Duration(judge.Needed-fewest)/time.Duration(fewest)) + " more"
	}
	return text + "."
}

// minutes is a time in whole minutes, or in seconds below one: "3 minutes".
func minutes(d time.Duration) string {
	if d < time.Minute {
		return Plural(max(1, int(d.Round(time.Second)/time.Second)), "second")
	}
	return Plural(int((d+time.Minute-1)/time.Minute), "minute")
}

// Answer tells which candidates lead the tables of the overview.
func (o Overview) Answer() string {
	if len(o.Tables) == 1 {
		return o.Tables[0].answer(o.Class)
	}
	if o.Tables[0].isWatched() {
		return o.losses()
	}
	type leader struct {
		name        string
		times, solo int
	}
	var leaders []leader
	told := 0
	for _, t := range o.Tables {
		first := t.firsts(o.Class)
		if len(first) > 0 {
			told++
		}
		for _, name := range first {
			at := slices.IndexFunc(leaders, func(l leader) bool { return l.name == name })
			if at < 0 {
				at = len(leaders)
				leaders = append(leaders, leader{name: name})
			}
			leaders[at].times++
			if len(first) == 1 {
				leaders[at].solo++
			}
		}
	}
	if told == 0 {
		return o.Tables[0].answer(o.Class)
	}
	slices.SortStableFunc(leaders, func(a, b leader) int { return cmp.Or(cmp.Compare(b.times, a.times), cmp.Compare(b.solo, a.solo)) })
	const most = 3
	var said []string
	for i, l := range leaders[:min(most, len(leaders))] {
		switch {
		case i == 0 && l.solo == l.times:
			said = append(said, fmt.Sprintf("%s leads the %s in %d of %d tables", l.name, o.Class.Many, l.times, told))
		case i == 0:
			said = append(said, fmt.Sprintf("%s leads the %s or ties for the lead in %d of %d tables", l.name, o.Class.Many, l.times, told))
		default:
			said = append(said, fmt.Sprintf("%s in %d", l.name, l.times))
		}
	}
	text := strings.Join(said, ", ")
	if more := len(leaders) - most; more > 0 {
		text += fmt.Sprintf(", %d others in fewer", more)
	}
	if without := len(o.Tables) - told; without > 0 {
		text += fmt.Sprintf("; %d more can't be ranked", without)
	}
	return text + "."
}

// losses tells how often each candidate lost nothing.
func (o Overview) losses() string {
	type row struct {
		name             string
		nothing, watched int
	}
	var rows []row
	for _, r := range o.Rows {
		one := row{name: r.Candidate}
		for _, s := range r.Standings {
			if s.Cell != nil && s.Cell.Watched != nil && s.Cell.Verdict.Usable() {
				one.watched++
				if s.First {
					one.nothing++
				}
			}
		}
		rows = append(rows, one)
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(b.nothing, a.nothing) })
	var said []string
	for _, r := range rows {
		if r.nothing > 0 {
			said = append(said, fmt.Sprintf("%s in %d of %d", r.name, r.nothing, r.watched))
		}
	}
	if said == nil {
		return fmt.Sprintf("All %s lost requests in all tables.", o.Class.Many)
	}
	return "No request was lost by " + List(said) + " tables."
}

// firsts are the candidates of a class than which none is better beyond doubt. If all of several are, there are none.
func (t *Table) firsts(class Class) []string {
	var first []string
	all := 0
	for _, r := range t.Of(class) {
		if r.Cell.Verdict.Usable() {
			all++
		}
		if t.standing(r.Cell.Candidate).First {
			first = append(first, r.Cell.Candidate)
		}
	}
	if len(first) == all && all > 1 {
		return nil
	}
	return first
}

// watchedAnswer says who lost nothing, and who lost most.
func (t *Table) watchedAnswer(class Class) []string {
	var none []string
	var most *judge.Cell
	for _, r := range t.Of(class) {
		switch w := r.Cell.Watched; {
		case w == nil || !r.Cell.Verdict.Usable():
		case sum(w.Lost) == 0:
			none = append(none, r.Cell.Candidate)
		case most == nil || sum(w.Lost) > sum(most.Watched.Lost):
			most = r.Cell
		}
	}
	var said []string
	if len(none) > 0 {
		said = append(said, fmt.Sprintf("%s lost no request.", List(none)))
	}
	if most != nil {
		said = append(said, fmt.Sprintf("%s lost most of the %s: %s of %s.", most.Candidate, class.Many, Whole(sum(most.Watched.Lost)), Whole(judged(most.Watched))))
	}
	if said == nil {
		said = append(said, fmt.Sprintf("No %s has figures that count.", class.One))
	}
	return said
}

// Quality says in a line how far the rows of a run can be trusted: "30 of 36 rows are valid. 6 are degraded, all
// by: busy host."
func (r *Report) Quality() string {
	var cells []*judge.Cell
	for _, t := range r.Tables {
		for _, row := range t.Rows {
			cells = append(cells, row.Cell)
		}
	}
	var said []string
	if r.Run.Status == judge.StatusPartial {
		said = append(said, "The run is partial: not all of it was measured.")
	}
	valid := len(of(cells, judge.Valid))
	switch {
	case len(cells) == 0:
		return "Nothing was measured."
	case valid == len(cells) && len(cells) == 1:
		said = append(said, "The row is valid.")
	case valid == len(cells):
		said = append(said, fmt.Sprintf("All %d rows are valid.", len(cells)))
	default:
		said = append(said, fmt.Sprintf("%d of %s %s valid.", valid, Plural(len(cells), "row"), are(valid)))
	}
	for _, v := range []judge.Verdict{judge.Degraded, judge.Invalid, judge.Unreached} {
		if all := of(cells, v); len(all) > 0 {
			said = append(said, fmt.Sprintf("%d %s %s%s.", len(all), are(len(all)), v, causes(all)))
		}
	}
	return strings.Join(said, " ")
}

func are(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// of are the cells with a verdict.
func of(cells []*judge.Cell, v judge.Verdict) []*judge.Cell {
	return slices.DeleteFunc(slices.Clone(cells), func(c *judge.Cell) bool { return c.Verdict != v })
}

// causes counts cells by the kinds of their reasons, the most frequent first.
func causes(cells []*judge.Cell) string {
	counts := make(map[string]int)
	var order []string
	for _, c := range cells {
		seen := make(map[string]bool)
		for _, r := range c.Reasons {
			name := r.Kind().Name()
			if r.Kind().Verdict != c.Verdict || seen[name] {
				continue
			}
			seen[name] = true
			if counts[name] == 0 {
				order = append(order, name)
			}
			counts[name]++
		}
	}
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
	switch {
	case len(order) == 0:
		return ""
	case len(order) == 1 && counts[order[0]] == len(cells) && len(cells) > 1:
		return ", all by: " + order[0]
	}
	const most = 3
	var texts []string
	for _, name := range order[:min(most, len(order))] {
		texts = append(texts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	if more := len(order) - most; more > 0 {
		texts = append(texts, Plural(more, "other cause"))
	}
	return " by: " + strings.Join(texts, ", ")
}
