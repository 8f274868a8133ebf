package site_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/internal/fixture"
	"github.com/benchctl/benchctl/report/site"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

// keep stores a run that has a summary, and returns its directory.
func keep(t testing.TB, store string, s *judge.Summary) string {
	t.Helper()
	dir := filepath.Join(store, s.Run.ID)
	r, err := results.Create(dir, results.Manifest{ID: s.Run.ID, Started: s.Run.Started})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.WriteSummary(s), r.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// on makes a summary that of another machine.
func on(machine string, s *judge.Summary) *judge.Summary {
	s.Run.Environment.CPU = machine
	return s
}

func built(t testing.TB, out string, o site.Options, runs ...string) {
	t.Helper()
	if err := site.Build(out, runs, o); err != nil {
		t.Fatal(err)
	}
}

func content(t testing.TB, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ordered fails unless the texts follow each other in s.
func ordered(t *testing.T, s string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		_, after, found := strings.Cut(s, text)
		if !found {
			t.Fatalf("no %q behind those before it of %q", text, texts)
		}
		s = after
	}
}

// Runs of two machines, with hostile names, of one table and of several, and one without a cell.
func several(t *testing.T, store string) []string {
	t.Helper()
	return []string{
		keep(t, store, at(fixture.Mixed(), "r1", 1)),
		keep(t, store, on("Ampere", at(fixture.Many(3), "r2", 2))),
		keep(t, store, at(fixture.Mixed(), "r3", 3)),
		keep(t, store, on("Ampere", at(fixture.Sweep(3, 4), "r4", 4))),
		keep(t, store, at(&judge.Summary{Schema: judge.SummarySchema}, "r5", 5)),
	}
}

func TestBuild(t *testing.T) {
	store, parent := t.TempDir(), t.TempDir()
	out := filepath.Join(parent, "site")
	built(t, out, site.Options{Full: 3}, several(t, store)...)
	stayedWithin(t, parent, out)

	index := content(t, out, "index.html")
	ordered(t, index, "<h2>Ampere", `href="runs/r4/index.html"`, `href="runs/r2/index.html"`, "<h2>AMD EPYC", `href="runs/r3/index.html"`, `href="runs/r3/since-r1.html"`, `href="runs/r1/index.html"`)
	links := 0
	err := filepath.WalkDir(out, func(path string, d os.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".html" {
			links += linked(t, path)
			if strings.Contains(content(t, path), fixture.Markup) {
				t.Errorf("%s has markup as it was named", path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if links < 100 {
		t.Errorf("%d links: fewer than there are cells", links)
	}
	if text := content(t, out, "method.html"); !strings.Contains(text, "How the figures are made") {
		t.Error("the method is not told")
	}
}

// Tables on the pages of servers lead to where they are: to a page of their own, or to the one page of an older run.
func TestLinksOfServers(t *testing.T) {
	store, out := t.TempDir(), t.TempDir()
	built(t, out, site.Options{Full: 3}, several(t, store)...)
	page := content(t, out, "servers", "nethttp.html")
	for _, want := range []string{"../runs/r3/concurrency-256_hello.html#concurrency-256/hello", "../runs/r1/index.html#concurrency-256/hello"} {
		if !strings.Contains(page, `href="`+want+`"`) {
			t.Errorf("no link to %s", want)
		}
	}
	if one := content(t, out, "runs", "r1", "index.html"); !strings.Contains(one, `id="concurrency-256/hello"`) || strings.Contains(one, "<svg") {
		t.Error("the page of an older run has no such table, or has plots")
	}
}

// Servers whose names make the same file name have pages of their own.
func TestNamesOfServersClash(t *testing.T) {
	store, out := t.TempDir(), t.TempDir()
	s := fixture.Many(4)
	for i, name := range []string{"my server", "my-server", "index", "my/server"} {
		s.Cells[i].Server = name
	}
	built(t, out, site.Options{}, keep(t, store, s))
	list := content(t, out, "servers", "index.html")
	seen := make(map[string]bool)
	for _, link := range regexp.MustCompile(`<th scope="row"><a href="([^"]+)">([^<]+)`).FindAllStringSubmatch(list, -1) {
		if seen[link[1]] {
			t.Errorf("two servers have %s", link[1])
		}
		seen[link[1]] = true
		if !strings.Contains(content(t, out, "servers", link[1]), "<h1>"+link[2]+"</h1>") {
			t.Errorf("%s is not the page of %s", link[1], link[2])
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d servers, want 4", len(seen))
	}
	badges, err := filepath.Glob(filepath.Join(out, "badges", "*.svg"))
	if err != nil || len(badges) != 4 {
		t.Errorf("badges %v, %v: want one for each server", badges, err)
	}
}

// The ratio of independent figures: the half-widths of their logarithms add up in quadrature.
func TestComparison(t *testing.T) {
	store, out := t.TempDir(), t.TempDir()
	before, after := fixture.Many(2), fixture.Many(2)
	set := func(s *judge.Summary, cell int, value, low, high float64) {
		s.Cells[cell].Figures[judge.MetricThroughput] = &judge.Estimate{Value: value, Low: low, High: high}
	}
	set(before, 0, 1000, 980, 1020)
	set(after, 0, 1200, 1170, 1230)
	set(before, 1, 500, 450, 550)
	set(after, 1, 510, 480, 540)
	built(t, out, site.Options{}, keep(t, store, at(before, "a", 1)), keep(t, store, at(after, "b", 2)))
	page := content(t, out, "runs", "b", "since-a.html")

	half := math.Hypot(math.Log(1020.0/980)/2, math.Log(1230.0/1170)/2) // 0.0320
	want := report.Ratio(judge.Pair{Ratio: 1.2, Low: 1.2 * math.Exp(-half), High: 1.2 * math.Exp(half)})
	if want != "1.20x [1.16, 1.24]" {
		t.Fatalf("by hand it is %s", want)
	}
	ordered(t, page, "1 of 2 cells changed", `">fasthttp@v1.74.0</th>`, want, "<b>better</b>", ">hertz</th>", "1.02x [0.91, 1.15]", "not told apart")
	if _, err := os.Stat(filepath.Join(out, "runs", "a", "since-a.html")); err == nil {
		t.Error("the first run is compared")
	}
}

// Two runs are compared whatever they are; the page says that their machines differ.
func TestComparisonOfTwoMachines(t *testing.T) {
	store, out := t.TempDir(), t.TempDir()
	here, there, more := at(fixture.Many(2), "a", 1), on("Ampere", at(fixture.Many(3), "b", 2)), on("Ampere", at(fixture.Many(2), "c", 3))
	runs := []string{keep(t, store, here), keep(t, store, there)}
	built(t, out, site.Options{}, runs...)
	ordered(t, content(t, out, "runs", "b", "since-a.html"), "of different machines", "Ampere", "not told apart")
	built(t, out, site.Options{}, append(runs, keep(t, store, more))...)
	if _, err := os.Stat(filepath.Join(out, "runs", "b", "since-a.html")); err == nil {
		t.Error("runs of different machines are compared among many")
	}
}

// Less time is better.
func TestComparisonOfCosts(t *testing.T) {
	store, out := t.TempDir(), t.TempDir()
	before, after := fixture.Many(1), fixture.Many(1)
	for s, v := range map[*judge.Summary]float64{before: 10, after: 8} {
		s.Cells[0].RankedBy = judge.MetricServerCPU
		s.Cells[0].Figures[judge.MetricServerCPU] = &judge.Estimate{Value: v, Low: v * 0.99, High: v * 1.01}
	}
	built(t, out, site.Options{}, keep(t, store, at(before, "a", 1)), keep(t, store, at(after, "b", 2)))
	ordered(t, content(t, out, "runs", "b", "since-a.html"), "0.80", "<b>better</b>")
}

// atomFeed has what RFC 4287 section 4.1 requires.
type atomFeed struct {
	XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
	Base    string   `xml:"http://www.w3.org/XML/1998/namespace base,attr"`
	atomItem
	Author struct {
		Name string `xml:"name"`
	} `xml:"author"`
	Entries []atomItem `xml:"entry"`
}

type atomItem struct {
	ID      string `xml:"id"`
	Title   string `xml:"title"`
	Updated string `xml:"updated"`
	Links   []struct {
		Rel  string `xml:"rel,attr"`
		Href string `xml:"href,attr"`
	} `xml:"link"`
}

func TestFeed(t *testing.T) {
	store := t.TempDir()
	runs := several(t, store)
	for _, c := range []struct{ url, base string }{{"", ""}, {"https://example.org/bench", "https://example.org/bench/"}, {"https://example.org/", "https://example.org/"}} {
		out := t.TempDir()
		built(t, out, site.Options{URL: c.url}, runs...)
		var f atomFeed
		if err := xml.Unmarshal([]byte(content(t, out, "feed.xml")), &f); err != nil {
			t.Fatal(err)
		}
		if f.Base != c.base || f.Author.Name == "" || len(f.Entries) != len(runs) {
			t.Errorf("%q: base %q, author %q, %d entries", c.url, f.Base, f.Author.Name, len(f.Entries))
		}
		ids := make(map[string]bool)
		for _, item := range append(f.Entries, f.atomItem) {
			_, err := time.Parse(time.RFC3339, item.Updated)
			if err != nil || item.ID == "" || item.Title == "" || len(item.Links) == 0 || ids[item.ID] {
				t.Errorf("%q: element %+v, %v", c.url, item, err)
			}
			ids[item.ID] = true
			for _, l := range item.Links {
				if _, err := os.Stat(filepath.Join(out, l.Href)); err != nil {
					t.Errorf("%q: link to nothing: %v", c.url, err)
				}
			}
		}
		if f.Updated != f.Entries[0].Updated {
			t.Errorf("%q: updated %s, the newest run is of %s", c.url, f.Updated, f.Entries[0].Updated)
		}
	}
	none := t.TempDir()
	built(t, none, site.Options{})
	if err := xml.Unmarshal([]byte(content(t, none, "feed.xml")), &atomFeed{}); err != nil {
		t.Errorf("the feed of no runs: %v", err)
	}
}

func TestBadges(t *testing.T) {
	store, out := t.TempDir(), t.TempDir()
	s := fixture.Many(2)
	s.Cells[0].Scenario, s.Cells[1].Scenario = "a<b>&\"'", "a<b>&\"'"
	s.Cells[0].App, s.Cells[1].App = fixture.Escape, fixture.Escape
	gone := at(fixture.Many(3), "old", -1) // a server that the newest run doesn't have keeps its last figure
	built(t, out, site.Options{}, keep(t, store, s), keep(t, store, gone))
	all, err := filepath.Glob(filepath.Join(out, "badges", "*.svg"))
	if err != nil || len(all) != 3 {
		t.Fatalf("badges %v, %v", all, err)
	}
	for _, path := range all {
		var texts []string
		d := xml.NewDecoder(strings.NewReader(content(t, path)))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if text, ok := token.(xml.CharData); ok {
				texts = append(texts, string(text))
			}
		}
		if strings.Contains(path, "fasthttp") && (len(texts) < 3 || !strings.HasPrefix(texts[1], "a<b>&\"' · ") || !strings.Contains(texts[2], "req/s")) {
			t.Errorf("%s says %q", path, texts)
		}
	}
}

// marked notes in a page that it was there before.
func marked(t *testing.T, path ...string) (kept func() bool) {
	t.Helper()
	file := filepath.Join(path...)
	text := content(t, file) + "<!-- kept -->"
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(file, []byte(text), 0o644), os.Chtimes(file, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
	return func() bool {
		text, err := os.ReadFile(file)
		return err == nil && bytes.HasSuffix(text, []byte("<!-- kept -->"))
	}
}

func TestUnchangedRunsAreKept(t *testing.T) {
	v1 := site.Options{Version: "v1", Full: 1}
	for name, c := range map[string]struct {
		o          site.Options
		change     func(t *testing.T, old, newest string)
		full, lean bool // kept
		compared   bool
	}{
		"nothing":         {v1, func(*testing.T, string, string) {}, true, true, true},
		"version":         {site.Options{Version: "v2", Full: 1}, func(*testing.T, string, string) {}, false, false, false},
		"unknown version": {site.Options{Full: 1}, func(*testing.T, string, string) {}, false, false, false},
		"all full":        {site.Options{Version: "v1", Full: 2}, func(*testing.T, string, string) {}, true, false, false},
		"none full":       {site.Options{Version: "v1"}, func(*testing.T, string, string) {}, true, true, true},
		"URL":             {site.Options{Version: "v1", Full: 1, URL: "https://example.org"}, func(*testing.T, string, string) {}, false, false, false},
		"records": {v1, func(t *testing.T, _, newest string) {
			if err := os.WriteFile(filepath.Join(newest, "summary.json"), []byte(content(t, newest, "summary.json")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, false, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			store, out := t.TempDir(), t.TempDir()
			old, newest := keep(t, store, at(fixture.Sweep(2, 3), "old", 0)), keep(t, store, at(fixture.Sweep(2, 3), "new", 1))
			built(t, out, v1, old, newest)
			full, lean, compared := marked(t, out, "runs", "new", "index.html"), marked(t, out, "runs", "old", "index.html"), marked(t, out, "runs", "new", "since-old.html")
			c.change(t, old, newest)
			built(t, out, c.o, old, newest)
			if full() != c.full || lean() != c.lean || compared() != c.compared {
				t.Errorf("kept: the newest run %v, the older %v, their comparison %v; want %v, %v, %v", full(), lean(), compared(), c.full, c.lean, c.compared)
			}
		})
	}
}

// A table that is gone, a run that is not given any more, and a server that no run has leave no page.
func TestNothingStale(t *testing.T) {
	store, out := t.TempDir(), t.TempDir()
	o := site.Options{Version: "v1", Full: 9}
	a, b, c := keep(t, store, at(fixture.Sweep(3, 3), "a", 0)), keep(t, store, at(fixture.Sweep(3, 3), "b", 1)), keep(t, store, at(fixture.Many(3), "c", 2))
	built(t, out, o, a, b, c)
	gone := []string{"runs/b/concurrency-4_hello.html", "runs/b/since-a.html", "runs/a/index.html", "servers/nbio.html", "badges/nbio.svg"}
	for _, path := range gone {
		content(t, out, path)
	}
	mine := filepath.Join(out, "runs", "mine.txt")
	if err := os.WriteFile(mine, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := results.Reopen(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.WriteSummary(at(fixture.Sweep(2, 3), "b", 1)), r.Close()); err != nil {
		t.Fatal(err)
	}
	built(t, out, o, b)
	for _, path := range gone {
		if _, err := os.Stat(filepath.Join(out, path)); err == nil {
			t.Errorf("%s is there still", path)
		}
	}
	content(t, out, "runs/b/concurrency-2_hello.html")
	content(t, mine)
}

// Ids are of directories, whatever the manifest and the summary say. Two that make the same slug have a directory each.
func TestHostileIDs(t *testing.T) {
	store, parent := t.TempDir(), t.TempDir()
	out := filepath.Join(parent, "site")
	var runs []string
	for i, id := range []string{"Run 1", "run-1", "run_1", "...", "x", strings.Repeat("a", 80), strings.Repeat("a", 81)} {
		dir := keep(t, store, at(fixture.Many(2), id, i))
		s := at(fixture.Many(2), "../"+fixture.Path, i)
		s.Run.Command = "made by " + id + "."
		writeJSON(t, filepath.Join(dir, "summary.json"), s)
		runs = append(runs, dir)
	}
	built(t, out, site.Options{Full: 9}, append(runs, runs[0])...)
	stayedWithin(t, parent, out)
	pages, err := filepath.Glob(filepath.Join(out, "runs", "*", "index.html"))
	if err != nil || len(pages) != len(runs) {
		t.Fatalf("%d pages, %v: want one for each of %d runs", len(pages), err, len(runs))
	}
	said := make(map[string]bool)
	for _, path := range pages {
		said[regexp.MustCompile(`made by [^.]*`).FindString(content(t, path))] = true
	}
	if len(said) < len(runs)-1 { // "..." ends where it begins
		t.Errorf("the pages are of %v", said)
	}
}

// A site in a store would overwrite the runs; two runs of one name each other.
func TestRunsAreNotOverwritten(t *testing.T) {
	top := t.TempDir()
	dir := keep(t, filepath.Join(top, "runs"), fixture.Many(1))
	before := content(t, dir, "summary.json")
	if err := site.Build(top, []string{dir}, site.Options{}); err == nil || !strings.Contains(err.Error(), "choose another directory") {
		t.Errorf("a site in the store: error %v", err)
	}
	if content(t, dir, "summary.json") != before {
		t.Error("the run was changed")
	}
	other := keep(t, t.TempDir(), fixture.Many(1))
	if err := site.Build(t.TempDir(), []string{dir, other}, site.Options{}); err == nil || !strings.Contains(err.Error(), "the same name") {
		t.Errorf("two runs of one name: error %v", err)
	}
}

// A run's own digest and summary count while they are no older than the records, and of this schema.
func TestWhatIsReadOfARun(t *testing.T) {
	store := t.TempDir()
	dir := keep(t, store, fixture.Many(2))
	answer := func() string {
		out := t.TempDir()
		built(t, out, site.Options{}, dir)
		return content(t, out, "index.html")
	}
	d := report.New(fixture.Many(2)).Digest()
	d.Heading = "told by the digest"
	digest := filepath.Join(dir, "report", "digest.json")
	writeJSON(t, digest, d)
	if !strings.Contains(answer(), "told by the digest") {
		t.Error("the run's own digest is not read")
	}
	d.Schema = "benchctl/digest/v0"
	writeJSON(t, digest, d)
	if text := answer(); strings.Contains(text, "told by the digest") || !strings.Contains(text, "concurrency-256") {
		t.Error("a digest of another schema is read, or the summary is not")
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "trials.jsonl"), later, later); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(answer(), "concurrency-256") {
		t.Error("a summary that is older than the records is read: they have no block")
	}
}

// The newest run is the first one of its machine, in whatever order runs are given.
func TestOrder(t *testing.T) {
	store := t.TempDir()
	runs := several(t, store)
	one, two := t.TempDir(), t.TempDir()
	built(t, one, site.Options{}, runs...)
	slices.Reverse(runs)
	built(t, two, site.Options{}, runs...)
	if content(t, one, "index.html") != content(t, two, "index.html") {
		t.Error("the first page depends on the order of the arguments")
	}
}

// The first pages of large runs stay small enough for a phone.
func TestFirstPagesAreSmall(t *testing.T) {
	const most = 300 << 10
	store, out := t.TempDir(), t.TempDir()
	built(t, out, site.Options{Full: 1}, keep(t, store, at(fixture.Sweep(12, 60), "a", 0)), keep(t, store, at(fixture.Sweep(12, 60), "b", 1)))
	for _, path := range []string{"index.html", "runs/b/index.html", "servers/index.html"} {
		if size := len(content(t, out, path)); size > most {
			t.Errorf("%s has %d KB, limit %d", path, size>>10, most>>10)
		} else {
			t.Logf("%s has %d KB", path, size>>10)
		}
	}
}
