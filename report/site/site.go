// Package site writes reports as directories that can be published as they are: of one run (index.html, a page for each
// table if there are several, table.txt, summary.json, digest.json and plots/), or of many, with pages over all of them.
package site

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/html"
	"github.com/benchctl/benchctl/report/plots"
	"github.com/benchctl/benchctl/report/text"
	"github.com/benchctl/benchctl/results/judge"
)

// Names within the directory of a run's report.
const (
	Index   = html.Index
	Table   = "table.txt"
	Summary = "summary.json"
	Plots   = "plots"
)

// Write renders the summary into dir, which it creates. Files of an earlier
// report are replaced, the pages last; others are left alone.
func Write(dir string, s *judge.Summary) error {
	r := report.New(s)
	if err := write(dir, r, s, html.Options{PNG: true}); err != nil {
		return fmt.Errorf("write report %s: %w", dir, err)
	}
	if err := saveJSON(dir, fileDigest, r.Digest()); err != nil {
		return fmt.Errorf("write report %s: %w", dir, err)
	}
	return nil
}

// WriteLive is Write of a run that goes on: package live serves the pages meanwhile. It draws no files of plots.
func WriteLive(dir string, s *judge.Summary) error {
	r := report.New(s)
	drawn, err := plots.Render(r)
	if err == nil {
		var pages []html.Page
		if pages, err = html.Run(r, drawn, html.Options{Live: true}); err == nil {
			err = saveAll(dir, pages)
		}
	}
	if err != nil {
		return fmt.Errorf("write report %s: %w", dir, err)
	}
	return nil
}

// write writes the report of a run with its plots and data.
func write(dir string, r *report.Report, s *judge.Summary, o html.Options) error {
	drawn, err := plots.Render(r)
	if err != nil {
		return err
	}
	if err := plots.Save(filepath.Join(dir, Plots), drawn, o.PNG); err != nil {
		return err
	}
	if err := saveJSON(dir, Summary, s); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := text.Write(&b, r, text.Options{Wide: true}); err != nil {
		return err
	}
	if err := save(dir, Table, b.Bytes()); err != nil {
		return err
	}
	o.Plots, o.Links = Plots, []html.Link{{Path: Summary, Text: Summary}, {Path: Table, Text: Table}}
	pages, err := html.Run(r, drawn, o)
	if err != nil {
		return err
	}
	return saveAll(dir, pages)
}

// saveAll saves pages, the first page last: whoever opens it finds the others.
func saveAll(dir string, pages []html.Page) error {
	for _, first := range []bool{false, true} {
		for _, p := range pages {
			if (p.Path == Index) == first {
				if err := save(dir, filepath.FromSlash(p.Path), p.Content); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func saveJSON(dir, name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	return save(dir, name, append(text, '\n'))
}

func save(dir, name string, data []byte) error {
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
