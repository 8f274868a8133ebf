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
	"github.com/benchctl/benchctl/results/judge"
)

func TestGolden(t *testing.T) {
	var b bytes.Buffer
	links := []html.Link{{Path: "summary.json", Text: "summary.json"}}
	if err := html.Write(&b, report.New(fixture.Mixed()), nil, html.Options{Links: links}); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "mixed.html", b.Bytes())
}

func TestPage(t *testing.T) {
	page := render(t, fixture.Mixed())
	balanced(t, page)
	ids, scripts := map[string]bool{}, 0
	var refs []string
	doc, err := xhtml.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type != xhtml.ElementNode {
			continue
		}
		switch n.Data {
		case "script":
			scripts++
		case "link", "img", "iframe", "object", "embed", "base", "form":
			t.Errorf("element %s", n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "id" && ids[a.Val]:
				t.Errorf("id %s twice", a.Val)
			case a.Key == "id":
				ids[a.Val] = true
			case a.Key == "href" || a.Key == "src":
				refs = append(refs, a.Val)
			case strings.HasPrefix(a.Key, "on"):
				t.Errorf("attribute %s", a.Key)
			}
		}
	}
	if scripts != 1 {
		t.Errorf("%d scripts, want the page's own alone", scripts)
	}
	if len(ids) < 8 || len(refs) < 8 {
		t.Errorf("%d ids, %d references: fewer than the page has", len(ids), len(refs))
	}
	for _, ref := range refs {
		if id, ok := strings.CutPrefix(ref, "#"); ok && !ids[id] {
			t.Errorf("reference to %s, which is not there", ref)
		}
		if strings.Contains(ref, ":") || strings.HasPrefix(ref, "/") {
			t.Errorf("reference %s is not relative", ref)
		}
	}
}

func TestNothingIsLoadedFromElsewhere(t *testing.T) {
	page := string(render(t, fixture.Mixed()))
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
	page := render(t, s)
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
	page := string(render(t, fixture.Mixed()))
	_, rest, _ := strings.Cut(page, "<script>")
	script, _, _ := strings.Cut(rest, "</script>")
	sum := sha256.Sum256([]byte(script))
	want := "script-src &#39;sha256-" + base64.StdEncoding.EncodeToString(sum[:])
	if !strings.Contains(strings.ReplaceAll(page, "&#43;", "+"), want) {
		t.Errorf("the policy does not have %s", want)
	}
}

func TestPlotsTakeThePagesColours(t *testing.T) {
	page := string(render(t, fixture.Mixed()))
	if strings.Contains(page, "fill:#1F2933") || !strings.Contains(page, "fill:var(--ink)") {
		t.Error("text of plots keeps its own colour, which is not legible on dark paper")
	}
	if got := strings.Count(page, "<svg role=\"img\""); got != 16 { // each for two widths
		t.Errorf("%d drawings, want 16", got)
	}
}

func TestEmpty(t *testing.T) {
	if page := render(t, &judge.Summary{}); !bytes.Contains(page, []byte("Nothing was measured.")) {
		t.Error("an empty run is not said to be empty")
	}
}

// balanced fails if an element is not closed, or closed twice.
func balanced(t *testing.T, page []byte) {
	t.Helper()
	void := map[string]bool{"meta": true, "br": true}
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

func render(t *testing.T, s *judge.Summary) []byte {
	t.Helper()
	r := report.New(s)
	drawn, err := plots.Render(r)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := html.Write(&b, r, drawn, html.Options{Plots: "plots"}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
