package report

import (
	"fmt"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// Note is a footnote: what rows have in common, and what each of them says.
type Note struct {
	Number     int
	Candidates []string
	Who        string   // the candidates in words: "all rows", "a, b and c"
	Text       string   // may have several lines
	Each       []string // a text for each candidate, where they differ; else none
}

// footnote numbers the reasons and remarks of all rows. Rows that have a reason of the same kind, or the
// same remark, share its number.
func (t *Table) footnote() {
	notes := make(map[string]*remarked)
	var order []*remarked
	for i := range t.Rows {
		for _, r := range remarks(t.Rows[i].Cell) {
			n := notes[r.key]
			if n == nil {
				n = new(remarked)
				notes[r.key] = n
				order = append(order, n)
			}
			if len(n.rows) == 0 || n.rows[len(n.rows)-1] != i {
				n.rows = append(n.rows, i)
				n.remarks = append(n.remarks, r)
			}
		}
	}
	for i, n := range order {
		for _, row := range n.rows {
			t.Rows[row].Notes = append(t.Rows[row].Notes, i+1)
		}
		t.Notes = append(t.Notes, n.note(i+1, t.Rows))
	}
}

// remarked are the rows that have a remark in common, and how each has it.
type remarked struct {
	rows    []int
	remarks []remark
}

func (m *remarked) note(number int, rows []Row) Note {
	n := Note{Number: number, Text: m.remarks[0].text}
	differ := false
	var reasons []judge.Reason
	for i, r := range m.remarks {
		n.Candidates = append(n.Candidates, rows[m.rows[i]].Cell.Candidate)
		n.Each = append(n.Each, r.text)
		differ = differ || r.text != n.Text
		if r.reason != nil {
			reasons = append(reasons, *r.reason)
		}
	}
	n.Who = List(n.Candidates)
	if len(n.Candidates) == len(rows) && len(rows) > 1 {
		n.Who = "all rows"
	}
	if !differ {
		n.Each = nil
	} else if len(reasons) > 0 {
		n.Text = judge.Merge(reasons)
	}
	return n
}

// remark is a text that a reader of a cell's figures must know.
type remark struct {
	key    string // what it has in common with those of other rows
	text   string
	reason *judge.Reason // nil: it is none
}

func remarks(c *judge.Cell) (all []remark) {
	times := make(map[string]int)
	for _, r := range c.Reasons {
		times[r.ID]++ // a row may have several of a kind: of the servers' processors, and of the loader's
		key := fmt.Sprint("reason ", r.ID, times[r.ID])
		if r.Kind().Own() {
			key = r.Text
		}
		all = append(all, remark{key, r.Text, &r})
	}
	var texts []string
	if len(all) == 0 && c.Verdict != judge.Valid {
		texts = append(texts, fmt.Sprintf("%s: no reason was recorded", c.Verdict))
	}
	if c.Errors.Total > 0 && !c.Errors.Void { // a reason tells those
		texts = append(texts, errorText(c.Errors))
	}
	for _, text := range append(append(texts, watchedRemarks(c.Watched)...), c.Notes...) {
		all = append(all, remark{text, text, nil})
	}
	return all
}

// errorText breaks errors down by kind.
func errorText(e results.Errors) string {
	text := "1 request got no right answer"
	if e.Total > 1 {
		text = Whole(e.Total) + " requests got no right answer"
	}
	return join(": ", text, e.String())
}
