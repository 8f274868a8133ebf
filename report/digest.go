package report

import (
	"slices"
	"strings"
	"time"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// DigestSchema names the format of Digest.
const DigestSchema = "benchctl/digest/v2"

// Digest is what is told of a run among others. It is small, and its JSON form is kept beside the pages of the
// run, so that pages over many runs take no summaries.
type Digest struct {
	Schema   string         `json:"schema"`
	ID       string         `json:"id"`
	Started  time.Time      `json:"started"`
	Date     string         `json:"date"`
	Status   string         `json:"status"`
	Benchctl string         `json:"benchctl"`
	Heading  string         `json:"heading"`
	Machine  string         `json:"machine"` // CPU, cores and a mark that tells machines of a kind apart
	Quality  string         `json:"quality"`
	State    string         `json:"state"` // the worst that its rows are
	Answers  []Said         `json:"answers"`
	Tables   []DigestTable  `json:"tables"`
	Terms    []results.Term `json:"terms,omitempty"`
}

// Said is what a run says of a class.
type Said struct {
	Class string `json:"class"` // in words: "engines"
	Text  string `json:"text"`
}

// DigestTable is a table. What its rows have in common is told once: most of what a site of many runs takes is to read them.
type DigestTable struct {
	Scenario string      `json:"scenario"`
	App      string      `json:"app"`
	Identity string      `json:"identity"` // of what was offered
	At       string      `json:"at"`       // its place on the pages of the run: "index.html#concurrency-64/hello"
	Metric   string      `json:"metric"`   // that ranks
	Rows     []DigestRow `json:"rows"`
}

// DigestRow is a row of a table.
type DigestRow struct {
	Candidate string `json:"candidate"`
	Server    string `json:"server"`
	Version   string `json:"version,omitempty"`
	Class     string `json:"class"`
	Events    string `json:"events,omitempty"` // around which its requests were watched: it has no estimate
	Verdict   string `json:"verdict"`
	Place     string `json:"place,omitempty"`
	Versus    string `json:"versus"` // the best of its class
	// Figure by the metric that ranks, with its unit, and the estimate; nil if it is not known.
	Figure   string          `json:"figure"`
	Estimate *judge.Estimate `json:"estimate,omitempty"`
}

// DigestCell is a row with its table.
type DigestCell struct {
	*DigestTable
	DigestRow
}

// Cells are all rows of all tables.
func (d Digest) Cells() (all []DigestCell) {
	for i := range d.Tables {
		t := &d.Tables[i]
		for _, row := range t.Rows {
			all = append(all, DigestCell{t, row})
		}
	}
	return all
}

// Digest is that of the report.
func (r *Report) Digest() Digest {
	e := r.Run.Environment
	cores := ""
	if e.Cores > 0 {
		cores = Plural(e.Cores, "core")
	}
	mark, _, _ := strings.Cut(e.Fingerprint+"-", "-")
	if len(mark) > 8 {
		mark = mark[:8]
	}
	d := Digest{
		Schema: DigestSchema, ID: r.Run.ID, Started: r.Run.Started, Date: r.Date(), Status: r.Run.Status, Benchctl: r.Run.Benchctl, Heading: r.Heading(),
		Machine: join(" · ", join(", ", e.CPU, cores), mark), Quality: r.Quality(), State: string(r.State()), Terms: r.Run.Terms,
	}
	for _, a := range r.Answers() {
		d.Answers = append(d.Answers, Said{a.Class.Many, a.Text})
	}
	for _, t := range r.Tables {
		d.Tables = append(d.Tables, r.digestTable(t))
	}
	return d
}

// OnOnePage is the digest of a run whose tables are all on its first page.
func (d Digest) OnOnePage() Digest {
	d.Tables = slices.Clone(d.Tables)
	for i, t := range d.Tables {
		d.Tables[i].At = "index.html#" + t.Anchor()
	}
	return d
}

// Anchor is the id of the table on its page.
func (t DigestTable) Anchor() string {
	_, anchor, _ := strings.Cut(t.At, "#")
	return anchor
}

func (r *Report) digestTable(t *Table) DigestTable {
	d := DigestTable{Scenario: t.Scenario, App: t.App, At: r.PageOf(t) + "#" + t.Anchor(), Metric: t.Metric}
	for _, row := range t.Rows {
		d.Identity = row.Cell.Identity
		d.Rows = append(d.Rows, t.digestRow(row.Cell))
	}
	return d
}

func (t *Table) digestRow(c *judge.Cell) DigestRow {
	d := DigestRow{
		Candidate: c.Candidate, Server: c.Server, Version: c.Version,
		Class: ClassOf(c.Class).Many, Verdict: string(c.Verdict), Place: place(c), Versus: t.standing(c.Candidate).Text, Figure: Unknown,
	}
	if e := c.Figures[t.Metric]; e != nil && c.Verdict.Usable() && finite(e.Value) {
		m := t.by()
		d.Figure, d.Estimate = join(" ", Number(e.Value, 4), SpreadOf(m, *e), m.Unit), e
	}
	if w := c.Watched; w != nil && c.Verdict.Usable() {
		d.Events, d.Figure = strings.Join(w.Events, ", "), join("; ", append([]string{fared(w)}, reloadRemarks(w.Reloads)...)...)
	}
	return d
}

// State is the worst verdict of the report's rows; one that is not usable is Invalid.
func (r *Report) State() judge.Verdict {
	worst := judge.Valid
	for _, t := range r.Tables {
		for _, row := range t.Rows {
			switch v := row.Cell.Verdict; {
			case !v.Usable():
				return judge.Invalid
			case v == judge.Degraded:
				worst = v
			}
		}
	}
	return worst
}

// PageOf is the path of the page with a table, among those of the run: a run of one table has one page.
func (r *Report) PageOf(t *Table) string {
	if len(r.Tables) <= 1 {
		return "index.html"
	}
	return t.Name + ".html"
}

// Anchor is the id of the table on its page: "concurrency-64/hello".
func (t *Table) Anchor() string { return strings.Replace(t.Name, "_", "/", 1) }
