//go:build linux

package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/results/judge"
)

// truth tries every subject and prints a row for each.
func (b *bench) truth(ctx context.Context) error {
	all := b.subjects()
	if len(all) == 0 {
		return fmt.Errorf("-only %s: there is none", b.only)
	}
	b.head()
	fmt.Printf("| %s |\n|%s\n", strings.Join(columns(), " | "), strings.Repeat("---|", len(columns())))
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
			fmt.Printf("| %s |%s not tried |\n", s.name, strings.Repeat(" |", len(columns())-2))
			continue
		}
		if !t.outcome.right() {
			bad++
		}
		t.print(s)
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d rows are not told right", bad, len(all))
	}
	return nil
}

// columns of the table.
func columns() []string {
	return []string{
		"server", "run: verdict", "req/s over plain's (req/s): run", "wrk", "load", "CPU over plain's: run", "load",
		"p99 ms: run", "load", "p99.9 ms: run", "load", "run, corrected as wrk does", "wrk", "max ms: run", "wrk", "load", "outcome",
	}
}

// tried is what all passes over a subject came to.
type tried struct {
	row, beside row // the subject's, and plain's
	loads
	outcome outcome
}

func (b *bench) try(ctx context.Context, s subject) (t tried, err error) {
	if t.row, t.beside, err = b.run(ctx, s, layout{}); err != nil {
		return t, err
	}
	for _, r := range []row{t.row, t.beside} {
		progress("run, "+r.candidate, r.point(), string(r.verdict)+" "+judge.Sentences(r.reasons))
	}
	if t.row.corrected != nil {
		progress("run, corrected as wrk does", t.row.correctedPoint(), "")
	}
	for _, by := range []struct {
		name string
		to   *long
	}{{"wrk", &t.wrk}, {"load", &t.load}} {
		if *by.to, err = b.repeated(ctx, s, t.row, by.name); err != nil {
			return t, fmt.Errorf("%s: %w", by.name, err)
		}
	}
	t.wrkShown = s.wrkShown
	t.outcome = b.tolerance.judge(t.row, s.void, t.loads)
	return t, nil
}

// repeats are how many loads there are where the first one disagrees with a row that has
// nothing to say of its server.
const repeats = 3

// repeated is a load of a subject, or that one of three with the median of what the first
// one disagrees with the row in: within a minute the speed of a machine may change by a
// fifth and back, of which the loads of plain around it know nothing, and something else
// may take the processors for some ms.
func (b *bench) repeated(ctx context.Context, s subject, r row, by string) (l long, err error) {
	var all []long
	for {
		if l, err = b.long(ctx, s, by == "wrk"); err != nil {
			return l, err
		}
		progress(by, l.figures, "")
		progress(by+", plain before", l.before.figures, "")
		progress(by+", plain after", l.after.figures, "")
		all = append(all, l)
		apart := b.tolerance.apartIn(r, all[0], metricsOf(by))
		if by == "wrk" && s.wrkShown {
			return l, nil
		}
		if r.outlasted(all[0].longest()) {
			apart = append(apart, longest)
		}
		switch {
		case len(all) == 1 && (len(apart) == 0 || !r.paired() || r.ofServer() != ""):
			return l, nil
		case len(all) == repeats:
			return median(all, apart[0]), nil
		}
	}
}

// median is the load of an odd number whose longest time or ratio to plain is the median.
func median(all []long, m metric) long {
	slices.SortFunc(all, func(a, b long) int {
		if m == longest {
			return cmp.Compare(a.longest(), b.longest())
		}
		x, _, _ := a.ratio(m)
		y, _, _ := b.ratio(m)
		return cmp.Compare(x, y)
	})
	l := all[len(all)/2]
	l.of = len(all)
	return l
}

// correctedPoint are the row's percentiles as wrk prints them, of those that it tells.
func (r row) correctedPoint() figures {
	f := figures{}
	for _, p := range percentiles() {
		if _, told := r.figures[p.metric]; told {
			f[p.metric] = p.of(r.corrected, p.at)
		}
	}
	return f
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
	if m == throughput {
		return f.show(m, "%.0f")
	}
	return f.show(m, "%.4g")
}

func (f figures) show(m metric, format string) string {
	v, ok := f[m]
	if !ok {
		return "–"
	}
	return fmt.Sprintf(format, v)
}

// show is a ratio of the load to plain, or a dash.
func (l long) show(m metric) string {
	ratio, _, known := l.ratio(m)
	if !known {
		return "–"
	}
	if l.of > 1 {
		return fmt.Sprintf("%.3f, median of %d", ratio, l.of)
	}
	return fmt.Sprintf("%.3f", ratio)
}

// showRatio is the row's ratio to plain and half of its interval, or a dash.
func (r row) showRatio(m metric) string {
	e, known := r.ratios[m]
	if !known {
		return "–"
	}
	return fmt.Sprintf("%.3f ± %.3f", e.value, (e.high-e.low)/2)
}

func (t tried) print(s subject) {
	point := t.row.point()
	with := func(ratio string, f figures) string {
		text := fmt.Sprintf("%s (%s)", ratio, show(f, throughput))
		if n := f[failures]; n > 0 {
			text += fmt.Sprintf(", %.0f errors", n)
		}
		return text
	}
	cells := []string{
		s.name, string(t.row.verdict),
		with(t.row.showRatio(throughput), point), with(t.wrk.show(throughput), t.wrk.figures), with(t.load.show(throughput), t.load.figures),
		t.row.showRatio(serverCPU), t.load.show(serverCPU),
		show(point, p99), show(t.load.figures, p99),
		show(point, p999), show(t.load.figures, p999), show(t.row.correctedPoint(), p999), show(t.wrk.figures, p999),
		show(point, longest), show(t.wrk.figures, longest), show(t.load.figures, longest),
		t.outcome.String(),
	}
	if why := t.beside.ofNeighbour(); why != "" {
		cells[len(cells)-1] += "; beside it, " + t.beside.candidate + ": " + why
	}
	for i := range cells {
		cells[i] = strings.ReplaceAll(cells[i], "|", "/")
	}
	fmt.Printf("| %s |\n", strings.Join(cells, " | "))
}
