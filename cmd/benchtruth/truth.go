//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// truth tries every subject and prints a row for each.
func (b *bench) truth(ctx context.Context) error {
	all, err := b.subjects()
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("-only %s: there is none", b.only)
	}
	b.head()
	fmt.Println("| server | wrk: req/s | p99.9 ms | max ms | CPU µs | load: req/s | p99.9 ms | max ms | CPU µs | run: verdict | req/s | p99.9 ms | max ms | CPU µs | wrk and load differ by | outcome | neighbour |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	bad := 0
	for i, s := range all {
		fmt.Fprintf(os.Stderr, "%s (%d/%d)\n", s.name, i+1, len(all))
		t, err := b.try(ctx, s)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			bad++
			fmt.Fprintf(os.Stderr, "  %s: %v\n", s.name, err)
			fmt.Printf("| %s |%s not tried | |\n", s.name, strings.Repeat(" |", 14))
			continue
		}
		if t.outcome.word == missed || t.beside.word == missed {
			bad++
		}
		t.print(s)
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d rows are not told right", bad, len(all))
	}
	return nil
}

// tried is what all passes over a subject came to.
type tried struct {
	wrk, load       seen
	row             row
	differ          []metric // wrk and load
	outcome, beside outcome  // of the row, and of its neighbour's
}

func (b *bench) try(ctx context.Context, s subject) (t tried, err error) {
	var beside row
	if t.row, beside, err = b.run(ctx, s); err != nil {
		return t, err
	}
	progress("run", t.row.point(), string(t.row.verdict)+" "+strings.Join(t.row.reasons, "; "))
	progress("run, "+neighbour(s), beside.point(), string(beside.verdict)+" "+strings.Join(beside.reasons, "; "))
	for _, pass := range []struct {
		name string
		to   *seen
	}{{"wrk", &t.wrk}, {"load", &t.load}} {
		if *pass.to, err = b.pass(ctx, s, pass.name == "wrk"); err != nil {
			return t, err
		}
		progress(pass.name, pass.to.figures, "")
	}
	t.differ = b.tolerance.differing(t.wrk.figures, t.load.figures)
	t.outcome = b.tolerance.judge(t.row, s.void, t.wrk.figures, t.load.figures)
	t.beside = b.judgeBeside(s, beside)
	return t, nil
}

// first tells whether a subject is the one whose neighbour others' are held against.
func (b *bench) first(s subject) bool {
	if b.honest {
		return s.name == honest()[0]
	}
	return s.name == tricks()[0].name
}

// judgeBeside holds the neighbour's row against that of the first subject. Its
// latency is not: a neighbour waits for nothing of its own.
func (b *bench) judgeBeside(s subject, r row) outcome {
	if b.first(s) {
		b.beside = &r
	}
	if b.beside == nil || b.first(s) || s.app != "hello" {
		return outcome{"–", ""}
	}
	base := b.beside.point()
	return b.tolerance.judge(r, false, figures{throughput: base[throughput], serverCPU: base[serverCPU]})
}

// point is a row's figures without their intervals.
func (r row) point() figures {
	f := figures{}
	for m, e := range r.figures {
		f[m] = e.value
	}
	return f
}

func progress(name string, f figures, more string) {
	text := fmt.Sprintf("  %s: %s req/s, CPU %s µs", name, show(f, throughput), show(f, serverCPU))
	for _, m := range times() {
		text += fmt.Sprintf(", %s %s", m, show(f, m))
	}
	fmt.Fprintf(os.Stderr, "%s ms, %.0f errors %s\n", text, f[failures], strings.TrimSpace(more))
}

// show is a figure, or a dash.
func show(f figures, m metric) string {
	v, ok := f[m]
	switch {
	case !ok:
		return "–"
	case m == throughput:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}

func (t tried) print(s subject) {
	cells := []string{s.name}
	for _, l := range []seen{t.wrk, t.load} {
		for _, m := range []metric{throughput, p999, longest, serverCPU} {
			cells = append(cells, show(l.figures, m))
		}
		if n := l.figures[failures]; n > 0 {
			cells[len(cells)-4] += fmt.Sprintf(" (%.0f errors)", n)
		}
	}
	cells = append(cells, string(t.row.verdict))
	point := t.row.point()
	for _, m := range []metric{throughput, p999, longest, serverCPU} {
		cell := show(point, m)
		if e := t.row.figures[m]; e.value > 0 && e.high > e.low {
			cell += fmt.Sprintf(" ±%.1f %%", 100*(e.high-e.low)/2/e.value)
		}
		cells = append(cells, cell)
	}
	differ := "–"
	if len(t.differ) > 0 {
		differ = join(t.differ)
	}
	cells = append(cells, differ, t.outcome.String(), t.beside.String())
	for i := range cells {
		cells[i] = strings.ReplaceAll(cells[i], "|", "/")
	}
	fmt.Printf("| %s |\n", strings.Join(cells, " | "))
}
