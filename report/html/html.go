// Package html renders reports as pages that load nothing: styles, plots and a small script are within each, and
// their content policy forbids the browser to load anything else. The script filters, sorts and compares rows;
// the pages tell everything without it.
package html

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"

	"github.com/benchctl/benchctl/report"
)

//go:embed *.html
var markup embed.FS

//go:embed page.css
var style string

//go:embed page.js
var script string

//go:embed live.js
var liveScript string

// icon is three bars, the longest first.
const icon = `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%230072b2' d='M1 2h14v3H1z'/%3E%3Cpath fill='%2356b4e9' d='M1 7h9v3H1zm0 5h5v3H1z'/%3E%3C/svg%3E`

// Options name the files that the pages of a run refer to. The zero value names none.
type Options struct {
	Links []Link // data files to offer
	Plots string // relative path of the directory with the plots' files; "" for none
	PNG   bool   // that the files are there as PNG too
	Live  bool   // that they are served by package live while the run goes on
	Card  string // URL of the picture that other sites show with a link to the pages; "" for none
	Site  string // relative path from the run's pages to those over all runs, with "/" at its end; "" if there are none
}

// Link is a file beside a page.
type Link struct{ Path, Text string }

// Page is a page of a run.
type Page struct {
	Path    string // relative to the directory of the run's pages
	Content []byte
}

// Index is the path of the page of a run.
const Index = "index.html"

// document is what all pages have.
type document struct {
	Title, Heading, Description string
	Trail                       []Link // to the pages above it
	Policy                      string
	Icon                        template.URL
	Feed                        string // path of the feed of runs
	Card                        string // URL of a picture
	Style                       template.CSS
	Script                      template.JS
	Live                        template.JS // of pages that are served while the run goes on
	Unknown                     string
}

func newDocument(heading, description string, trail ...Link) document {
	return document{
		Title: heading + " · benchctl", Heading: heading, Description: description, Trail: trail, Policy: policy(), Icon: template.URL(icon),
		Style: template.CSS(style), Script: template.JS(script), Unknown: report.Unknown,
	}
}

// policy allows the page's own style, icon and script, and nothing else.
func policy() string {
	return "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src " + hashed(script) + "; base-uri 'none'; form-action 'none'"
}

// hashed is the source of a policy that allows a script.
func hashed(script string) string {
	sum := sha256.Sum256([]byte(script))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// live is the page as it is served while the run goes on: it hears what is new.
func (d document) live() document {
	d.Live = template.JS(liveScript)
	d.Policy = strings.Replace(d.Policy, "script-src ", "connect-src 'self'; script-src "+hashed(liveScript)+" ", 1)
	return d
}

// templates are those of all pages, by the names of their files.
var templates = template.Must(template.New("").Funcs(template.FuncMap{"breakable": breakable, "list": report.List, "name": nameClass, "ref": ref, "slug": report.Slug}).ParseFS(markup, "*.html"))

// ref is a reference to an id, which is made of parts that are slugs or numbers.
func ref(parts ...any) template.URL { return template.URL("#" + fmt.Sprint(parts...)) }

func render(name, path string, view any) (Page, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, view); err != nil {
		return Page{}, fmt.Errorf("write page %s: %w", path, err)
	}
	return Page{path, b.Bytes()}, nil
}
