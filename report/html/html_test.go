package html_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	xhtml "golang.org/x/net/html"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/html"
	"github.com/benchctl/benchctl/report/internal/fixture"
	"github.com/benchctl/benchctl/report/internal/golden"
	"github.com/benchctl/benchctl/report/plots"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

func TestGolden(t *testing.T) {
	one := fixture.Mixed()
	one.Cells, one.Run.Terms = one.Cells[:6], []results.Term{
		{Of: results.TermScenario, Name: "concurrency-256", Doc: "256 connections, each with a request at all times"},
		{Of: results.TermServer, Name: "hertz", Doc: "CloudWeGo Hertz", Home: "https://github.com/cloudwego/hertz", Source: "servers/engine/hertz"},
	}
	links := []html.Link{{Path: "summary.json", Text: "summary.json"}}
	for name, s := range map[string]*judge.Summary{"one": one, "mixed": fixture.Mixed()} {
		pages, err := html.Run(report.New(s), nil, html.Options{Links: links})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pages {
			golden.Compare(t, name+"_"+p.Path, p.Content)
		}
	}
}

func TestPages(t *testing.T) {
	pages := render(t, fixture.Mixed())
	if len(pages) != 3 {
		t.Fatalf("%d pages, want that of the run and two of tables", len(pages))
	}
	for path, page := range pages {
		balanced(t, page)
		ids, refs := elements(t, path, page)
		if len(ids) < 3 || len(refs) < 2 {
			t.Errorf("%s: %d ids, %d references: fewer than the page has", path, len(ids), len(refs))
		}
		for _, ref := range refs {
			to, id, _ := strings.Cut(ref, "#")
			switch {
			case to == "" && !ids[id]:
				t.Errorf("%s: reference to %s, which is not there", path, ref)
			case strings.HasPrefix(to, html.Options{Plots: "plots"}.Plots+"/"):
			case to != "" && pages[to] == nil:
				t.Errorf("%s: reference to %s, which is no page", path, ref)
			}
		}
	}
}

// elements are the ids and the references of a page, which has nothing that loads.
func elements(t *testing.T, path string, page []byte) (ids map[string]bool, refs []string) {
	t.Helper()
	doc, err := xhtml.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ids, scripts := map[string]bool{}, 0
	for n := range doc.Descendants() {
		if n.Type != xhtml.ElementNode {
			continue
		}
		attrs := map[string]string{}
		for _, a := range n.Attr {
			attrs[a.Key] = a.Val
			if strings.HasPrefix(a.Key, "on") {
				t.Errorf("%s: attribute %s", path, a.Key)
			}
		}
		switch {
		case n.Data == "script" && attrs["type"] == "":
			scripts++
		case n.Data == "link" && attrs["rel"] == "icon" && strings.HasPrefix(attrs["href"], "data:"):
			continue
		case strings.Contains(" link img iframe object embed base form ", " "+n.Data+" "):
			t.Errorf("%s: element %s", path, n.Data)
		}
		if id, ok := attrs["id"]; ok {
			if ids[id] {
				t.Errorf("%s: id %s twice", path, id)
			}
			ids[id] = true
		}
		for _, key := range []string{"href", "src"} {
			if ref, ok := attrs[key]; ok {
				refs = append(refs, ref)
			}
		}
	}
	if scripts != 1 {
		t.Errorf("%s: %d scripts, want the page's own alone", path, scripts)
	}
	return ids, refs
}

func TestNothingIsLoadedFromElsewhere(t *testing.T) {
	page := regexp.MustCompile(`sha256-\S+`).ReplaceAllString(whole(t, fixture.Mixed()), "") // a hash may have "//" by chance
	for _, url := range regexp.MustCompile(`(https?:)?//[a-z0-9.-]+[a-z0-9/]*`).FindAllString(page, -1) {
		if !strings.HasPrefix(url, "http://www.w3.org/") { // names of XML namespaces
			t.Errorf("the page has the URL %s", url)
		}
	}
	for _, loader := range []string{"@import", "url(", "fetch(", "XMLHttpRequest"} {
		if strings.Contains(page, loader) {
			t.Errorf("the page has %s", loader)
		}
	}
}

func TestNamesAreEscaped(t *testing.T) {
	s := fixture.Mixed()
	evil := `"><img src=x onerror=alert(1)>`
	s.Run.ID, s.Run.Command, s.Run.Notes = evil, evil, []string{evil}
	s.Run.Environment.CPU, s.Cells[0].Scenario, s.Cells[0].Version = evil, evil, evil
	s.Cells[3].Reasons = []judge.Reason{{Text: evil}}
	page := []byte(whole(t, s))
	for _, raw := range []string{fixture.Markup, fixture.Escape, evil, "<img", "<b>boom", "\x1b"} {
		if bytes.Contains(page, []byte(raw)) {
			t.Errorf("the page has %q unescaped", raw)
		}
	}
	if !bytes.Contains(page, []byte("&lt;script&gt;alert(1)&lt;/script&gt;")) {
		t.Error("the hostile name is not shown at all")
	}
}

// The policy names the script by its hash: any other script stays dead.
func TestPolicyMatchesTheScript(t *testing.T) {
	page := whole(t, fixture.Mixed())
	_, rest, _ := strings.Cut(page, "<script>")
	script, _, _ := strings.Cut(rest, "</script>")
	sum := sha256.Sum256([]byte(script))
	want := "script-src &#39;sha256-" + base64.StdEncoding.EncodeToString(sum[:])
	if !strings.Contains(strings.ReplaceAll(page, "&#43;", "+"), want) {
		t.Errorf("the policy does not have %s", want)
	}
}

func TestPlotsTakeThePagesColours(t *testing.T) {
	page := whole(t, fixture.Mixed())
	if strings.Contains(page, "fill:#1F2933") || !strings.Contains(page, "fill:var(--ink)") {
		t.Error("text of plots keeps its own colour, which is not legible on dark paper")
	}
	if got := strings.Count(page, "<svg role=\"img\""); got < 16 || got%2 != 0 {
		t.Errorf("%d drawings, want each for two widths", got)
	}
}

func TestEmpty(t *testing.T) {
	if page := whole(t, &judge.Summary{}); !strings.Contains(page, "Nothing was measured.") {
		t.Error("an empty run is not said to be empty")
	}
}

// balanced fails if an element is not closed, or closed twice.
func balanced(t *testing.T, page []byte) {
	t.Helper()
	void := map[string]bool{"meta": true, "br": true, "link": true, "input": true, "wbr": true}
	var open []string
	z := xhtml.NewTokenizer(bytes.NewReader(page))
	for {
		switch z.Next() {
		case xhtml.ErrorToken:
			if len(open) > 0 {
				t.Errorf("not closed: %v", open)
			}
			return
		case xhtml.StartTagToken:
			if name, _ := z.TagName(); !void[string(name)] {
				open = append(open, string(name))
			}
		case xhtml.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				t.Fatalf("</%s> closes %v", name, open)
			}
			open = open[:len(open)-1]
		}
	}
}

// render is the pages of a run by their paths.
func render(t *testing.T, s *judge.Summary) map[string][]byte {
	t.Helper()
	r := report.New(s)
	drawn, err := plots.Render(r)
	if err != nil {
		t.Fatal(err)
	}
	pages, err := html.Run(r, drawn, html.Options{Plots: "plots", PNG: true})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, p := range pages {
		all[p.Path] = p.Content
	}
	return all
}

// whole is all pages of a run.
func whole(t *testing.T, s *judge.Summary) string {
	t.Helper()
	all := ""
	for _, page := range render(t, s) {
		all += string(page)
	}
	return all
}

// Every row of a table has the cells of its head, and they are elements.
func TestRowsHaveTheirCells(t *testing.T) {
	doc, err := xhtml.Parse(bytes.NewReader(render(t, fixture.Mixed())["concurrency-256_hello.html"]))
	if err != nil {
		t.Fatal(err)
	}
	var counts []int
	for n := range doc.Descendants() {
		if n.Type != xhtml.ElementNode || n.Data != "tr" || n.Parent.Parent.Attr[0].Val != "results" {
			continue
		}
		cells := 0
		for c := range n.ChildNodes() {
			if c.Type == xhtml.ElementNode && (c.Data == "td" || c.Data == "th") {
				cells++
			}
		}
		counts = append(counts, cells)
	}
	if len(counts) != 9 || counts[0] < 20 || counts[2] != counts[0] || counts[1] != 1 || counts[8] != counts[0] {
		t.Errorf("cells of rows: %v", counts)
	}
}
