// Package site writes the report of a run as a directory that can be published
// as it is: index.html, table.txt, summary.json and plots/.
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

// Names within the directory.
const (
	Index   = "index.html"
	Table   = "table.txt"
	Summary = "summary.json"
	Plots   = "plots"
)

// Write renders the summary into dir, which it creates. Files of an earlier
// report are replaced, the page last; others are left alone.
func Write(dir string, s *judge.Summary) error {
	if err := write(dir, s); err != nil {
		return fmt.Errorf("write report %s: %w", dir, err)
	}
	return nil
}

func write(dir string, s *judge.Summary) error {
	r := report.New(s)
	drawn, err := plots.Render(r)
	if err != nil {
		return err
	}
	if err := plots.Save(filepath.Join(dir, Plots), drawn); err != nil {
		return err
	}
	summary, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode summary: %w", err)
	}
	if err := save(dir, Summary, append(summary, '\n')); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := text.Write(&b, r, text.Options{Wide: true}); err != nil {
		return err
	}
	if err := save(dir, Table, b.Bytes()); err != nil {
		return err
	}
	b.Reset()
	links := []html.Link{{Path: Summary, Text: Summary}, {Path: Table, Text: Table}}
	if err := html.Write(&b, r, drawn, html.Options{Plots: Plots, Links: links}); err != nil {
		return err
	}
	return save(dir, Index, b.Bytes())
}

func save(dir, name string, data []byte) error {
	return os.WriteFile(filepath.Join(dir, name), data, 0o644)
}
