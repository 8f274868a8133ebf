// Package html renders a report as one self-contained page: styles, plots and a small
// script are within it, and its content policy forbids the browser to load anything. The
// script only sorts tables; the page works without it.
package html

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strconv"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/plots"
	"github.com/benchctl/benchctl/results/judge"
)

//go:embed page.html
var markup string

//go:embed page.css
var style string

//go:embed page.js
var script string

// Options name the files that the page refers to. The zero value names none.
type Options struct {
	Links []Link // data files to offer
	Plots string // relative path of the directory with the plots' files; "" for none
}

// Link is a file beside the page.
type Link struct{ Path, Text string }

// Write renders the report with the plots that plots.Render drew of it.
func Write(w io.Writer, r *report.Report, drawn []plots.Plot, o Options) error {
	page, err := template.New("page").Funcs(template.FuncMap{"list": report.List, "name": nameClass}).Parse(markup)
	if err != nil {
		return fmt.Errorf("parse page: %w", err)
	}
	if err := page.Execute(w, view(r, drawn, o)); err != nil {
		return fmt.Errorf("write page of run %s: %w", r.Run.ID, err)
	}
	return nil
}

// content is what the template shows.
type content struct {
	Report   *report.Report
	Partial  bool
	Sections []section
	Links    []Link
	Unknown  string
	Policy   string
	Style    template.CSS
	Script   template.JS
}

func view(r *report.Report, drawn []plots.Plot, o Options) content {
	c := content{
		Report: r, Partial: r.Run.Status == judge.StatusPartial, Links: o.Links, Unknown: report.Unknown,
		Policy: policy(), Style: template.CSS(style), Script: template.JS(script),
	}
	for i, t := range r.Tables {
		shown := forward(t)
		c.Sections = append(c.Sections, section{
			ID: "table-" + strconv.Itoa(i+1), Table: shown, Rows: rows(shown), Pairs: pairs(t), Plots: figures(t, drawn, o.Plots),
		})
	}
	return c
}

// policy allows the page's own style and script, and nothing else.
func policy() string {
	sum := sha256.Sum256([]byte(script))
	return "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-" +
		base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}
