package site

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/html"
)

// Names of what readers and other sites take from a site.
const (
	fileFeed  = "feed.xml"
	dirBadges = "badges"
	fileCard  = "card.png" // of a run, and of the newest
)

// atom is a feed of runs (RFC 4287).
type atom struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Base    string      `xml:"xml:base,attr,omitempty"`
	Title   string      `xml:"title"`
	ID      string      `xml:"id"`
	Updated string      `xml:"updated"`
	Author  string      `xml:"author>name"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr,omitempty"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	Title   string   `xml:"title"`
	ID      string   `xml:"id"`
	Updated string   `xml:"updated"`
	Link    atomLink `xml:"link"`
	Summary string   `xml:"summary"`
}

// entries is how many runs a feed has.
const entries = 50

// feed is the Atom feed of runs, which are given newest first. url is what links begin with; "": they are relative.
func feed(runs []report.Digest, url string) ([]byte, error) {
	id := func(run string) string { return "urn:benchctl:" + run }
	f := atom{Base: url, Title: "HTTP server benchmarks", ID: id("site"), Updated: time.Unix(0, 0).UTC().Format(time.RFC3339), Author: "benchctl", Links: []atomLink{{Href: html.Index}, {"self", fileFeed}}}
	for i, d := range runs[:min(entries, len(runs))] {
		at := d.Started.UTC().Format(time.RFC3339)
		if i == 0 {
			f.Updated = at
		}
		var said []string
		for _, a := range d.Answers {
			said = append(said, a.Text)
		}
		f.Entries = append(f.Entries, atomEntry{
			Title: d.Heading, ID: id("run:" + d.ID), Updated: at, Link: atomLink{Href: html.Runs + "/" + d.ID + "/" + html.Index},
			Summary: strings.Join(append(said, d.Quality), " "),
		})
	}
	text, err := xml.MarshalIndent(f, "", "  ")
	return append([]byte(xml.Header), append(text, '\n')...), err
}

// badges are pictures of a line for each server, for other projects' pages: what it does in the first table that it counts
// in, of the newest run that has one.
func badges(runs []report.Digest) map[string][]byte {
	all := make(map[string][]byte)
	for _, d := range runs {
		for _, c := range d.Cells() {
			name := nameOf(c.Server) + ".svg"
			if _, known := all[name]; known || c.Estimate == nil {
				continue
			}
			text := c.Figure
			if c.Place != "" {
				text += " · place " + c.Place
			}
			all[name] = badge(c.Scenario+" · "+c.App, text)
		}
	}
	return all
}

// badge is a picture of two texts side by side.
func badge(left, right string) []byte {
	const each, pad, height = 6.6, 8.0, 20 // of a rune, beside the texts, in px
	width := func(s string) float64 { return float64(utf8.RuneCountInString(s))*each + 2*pad }
	l, r := width(left), width(right)
	left, right = escape(left), escape(right)
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" role="img" aria-label="%s: %s"><title>%s: %s</title>`+
		`<path fill="#1f2933" d="M0 0h%.1fv%dH0z"/><path fill="#0062a0" d="M%.1f 0h%.1fv%dh-%.1fz"/>`+
		`<g fill="#fff" font-family="Verdana,'DejaVu Sans',sans-serif" font-size="11"><text x="%.1f" y="14" textLength="%.1f" lengthAdjust="spacingAndGlyphs">%s</text>`+
		`<text x="%.1f" y="14" textLength="%.1f" lengthAdjust="spacingAndGlyphs">%s</text></g></svg>`+"\n",
		l+r, height, left, right, left, right, l, height, l, r, height, r, pad, l-2*pad, left, l+pad, r-2*pad, right)
}

// escape is text for XML, which has no form of most control characters.
func escape(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer takes all
	return b.String()
}
