package report_test

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/internal/fixture"
	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/judge"
)

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		v      float64
		digits int
		want   string
	}{
		{0, 3, "0"}, {152345, 4, "152,300"}, {1234567.8, 4, "1,235,000"}, {12.345, 3, "12.3"},
		{99.96, 3, "100"}, {0.04567, 3, "0.0457"}, {1000, 3, "1,000"}, {999.5, 3, "1,000"}, {-1234, 4, "-1,234"},
		{1, 3, "1.00"}, {math.NaN(), 3, "–"}, {math.Inf(1), 3, "–"},
	} {
		if got := report.Number(c.v, c.digits); got != c.want {
			t.Errorf("Number(%v, %d) = %q, want %q", c.v, c.digits, got, c.want)
		}
	}
	if got := report.Whole(1234567); got != "1,234,567" {
		t.Errorf("Whole = %q", got)
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		e    judge.Estimate
		want string
	}{
		{judge.Estimate{Value: 100, Low: 98, High: 102}, "±2.0 %"},
		{judge.Estimate{Value: 100, Low: 80, High: 120}, "±20 %"},
		{judge.Estimate{Value: 100, Low: 99.999, High: 100.001}, "±<0.1 %"},
		{judge.Estimate{Value: 100, Low: 100, High: 100}, ""}, // one slice tells no spread
		{judge.Estimate{Value: 100}, ""},
		{judge.Estimate{Value: 100, Low: math.NaN(), High: 1}, ""},
	} {
		if got := report.Spread(c.e); got != c.want {
			t.Errorf("Spread(%v) = %q, want %q", c.e, got, c.want)
		}
	}
}

func TestRatio(t *testing.T) {
	for _, c := range []struct {
		p    judge.Pair
		want string
	}{
		{judge.Pair{Ratio: 1.42, Low: 1.39, High: 1.45}, "1.42x [1.39, 1.45]"},
		{judge.Pair{Ratio: 0.998, Low: 0.991, High: 1.004}, "0.998x [0.991, 1.004]"},
		{judge.Pair{Ratio: 15.4, Low: 15, High: 15.8}, "15.4x [15.0, 15.8]"},
		{judge.Pair{Ratio: 1234, Low: 1200, High: 1260}, "1,234x [1,200, 1,260]"},
	} {
		if got := report.Ratio(c.p); got != c.want {
			t.Errorf("Ratio(%v) = %q, want %q", c.p, got, c.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"fasthttp@v1.74.0": "fasthttp@v1.74.0",
		"\x1b[31mred":      `\x1b[31mred`,
		"a\r\nb\tc":        `a\x0d\x0ab\x09c`,
		"rtl\u202egnp":     `rtl\u202egnp`,
		"bad\xffutf8":      `bad\xffutf8`,
		"nb\u00a0sp":       "nb sp",
		"größe 漢字":         "größe 漢字",
	} {
		if got := report.Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	fits := func(n int) func(int, string) bool { return func(_ int, s string) bool { return len([]rune(s)) <= n } }
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"short", 5, "short"},
		{"candidate:tuned#b", 9, "cand…ed#b"},
		{"ab", 1, "…"},
		{"one-long-name-a-is-long one-long-name-b-is-long", 8, "…me-a-i… …me-b-i…"}, // names that differ in their middle
		{"one-long-name-at one-long-name-a other", 6, "one…at one…-a other"},
		{"one-long-name-of-a-is-long one-long-name-with-b-is-long", 5, "…o…a… …w…b…"}, // in more than there is room for
		{"a-long-name a-long-name", 5, "a-…me a-…me"},
	} {
		if got := strings.Join(report.Shorten(strings.Fields(c.in), fits(c.n)), " "); got != c.want {
			t.Errorf("Shorten(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func TestTables(t *testing.T) {
	r := report.New(fixture.Mixed())
	if len(r.Tables) != 2 {
		t.Fatalf("%d tables, want 2", len(r.Tables))
	}
	hello := r.Tables[0]
	if got := hello.Title(); got != "concurrency-256 · hello" {
		t.Errorf("title %q", got)
	}
	want := []string{"1–2", "1–2", "3", "–", "–", "1"}
	if got := texts(hello, report.Rank); !slices.Equal(got, want) {
		t.Errorf("ranks %q, want %q", got, want)
	}
	want = []string{"1.00x", "0.998x", "0.704x", "–", "–", "1.00x"}
	if got := texts(hello, report.Relative); !slices.Equal(got, want) {
		t.Errorf("relative %q, want %q", got, want)
	}
	want = []string{"0", "0", "0", "1,203", "–", "0"}
	if got := texts(hello, report.Errors); !slices.Equal(got, want) {
		t.Errorf("errors %q, want %q: a cell that sent nothing has no count of errors", got, want)
	}
	for _, p := range hello.Pairs {
		if p.A == fixture.Markup {
			t.Errorf("pair of an invalid cell: %v", p)
		}
	}
}

// Rows keep the rank they were given: at a fixed rate it is not by throughput.
func TestRankIsKept(t *testing.T) {
	s := fixture.Mixed()
	s.Cells[6].Figures.Throughput().Value = 5001
	table := report.New(s).Tables[1]
	if got := texts(table, report.Candidate); got[0] != "fasthttp@v1.74.0" {
		t.Errorf("order %q", got)
	}
	if got := texts(table, report.Relative); got[1] != "1.33x" || table.Metric != judge.MetricServerCPU {
		t.Errorf("compared by %s: %q", table.Metric, got)
	}
}

func TestUnknownColumnsAreDropped(t *testing.T) {
	s := fixture.Mixed()
	for i := range s.Cells {
		s.Cells[i].Latency, s.Cells[i].Memory, s.Cells[i].StartupMS = nil, nil, nil
	}
	for _, c := range report.New(s).Tables[0].Columns {
		switch c.Key {
		case report.P50, report.Max, report.Idle, report.Peak, report.Startup:
			t.Errorf("column %s is shown, though no row knows it", c.Key)
		}
	}
}

func TestEveryReasonIsShown(t *testing.T) {
	s := fixture.Mixed()
	table := report.New(s).Tables[0]
	var notes strings.Builder
	for i, n := range table.Notes {
		if n.Number != i+1 {
			t.Errorf("note %d has number %d", i+1, n.Number)
		}
		notes.WriteString(n.Text + "\n")
	}
	for _, want := range []string{"headroom was 1.1", "sampled bodies were wrong", "goroutine 1 [running]:", "not ready in time: 10 s"} {
		if !strings.Contains(notes.String(), want) {
			t.Errorf("no note has %q", want)
		}
	}
}

// Errors that void a row are told by its reason, and not once more.
func TestErrorsAreToldOnce(t *testing.T) {
	for void, want := range map[bool][]string{
		true:  {"errors: 50 % of requests failed (3 reset)"},
		false: {"errors: 50 % of requests failed (3 reset)", "3 requests got no right answer: 3 reset"},
	} {
		s := fixture.Mixed()
		c := &s.Cells[0]
		c.Verdict, c.Reasons = judge.Invalid, []judge.Reason{{Text: want[0]}}
		c.Errors = results.Errors{Total: 3, Void: void, ByKind: map[string]uint64{"reset": 3}}
		table := report.New(s).Tables[0]
		var got []string
		for _, n := range table.Notes {
			if slices.Contains(n.Candidates, c.Candidate) {
				got = append(got, n.Text)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("void %v: notes %q, want %q", void, got, want)
		}
	}
}

func TestFindings(t *testing.T) {
	got := strings.Join(report.New(fixture.Mixed()).Tables[0].Findings, "\n")
	want := `fasthttp@v1.74.0 and hertz lead the engines and can't be told apart: fasthttp@v1.74.0 serves 1.42x [1.39, 1.45] the requests per second of nethttp, the next. fasthttp@v1.74.0 spends 0.71x [0.70, 0.72] the server CPU per request of nethttp.
waitress:tuned#a is the only ranked WSGI server: it serves 9,876 requests per second.
waitress:tuned#a is degraded: its figures hold with the reservation in the notes.
<script>alert(1)</script> and \x1b[31mred are invalid and not ranked.`
	if got != want {
		t.Errorf("findings:\n%s\nwant:\n%s", got, want)
	}
}

func TestFindingsWithoutRankOrPairs(t *testing.T) {
	s := fixture.Many(2)
	s.Pairs = nil
	if got := report.New(s).Tables[0].Findings; !strings.Contains(got[0], "no other was measured closely enough with it") {
		t.Errorf("without pairs: %q", got)
	}
	for i := range s.Cells {
		s.Cells[i].Verdict, s.Cells[i].Rank = judge.Invalid, 0
	}
	if got := report.New(s).Tables[0].Findings; got[0] != "No engine has figures that count." {
		t.Errorf("all invalid: %q", got)
	}
}

func TestPairIsTurned(t *testing.T) {
	table := report.New(fixture.Mixed()).Tables[0]
	p, ok := table.Pair(judge.MetricThroughput, "hertz", "fasthttp@v1.74.0")
	if !ok || math.Abs(p.Ratio*0.998-1) > 1e-9 || p.Low > p.Ratio || p.High < p.Ratio {
		t.Errorf("turned pair: %v, %v", p, ok)
	}
}

func TestSummaryIsNotChanged(t *testing.T) {
	s := fixture.Mixed()
	report.New(s)
	if !reflect.DeepEqual(s, fixture.Mixed()) {
		t.Error("New changed the summary")
	}
}

func texts(t *report.Table, key report.Key) []string {
	var all []string
	for _, r := range t.Pick(key).Rows {
		all = append(all, r.Values[0].Text)
	}
	return all
}

// At a fixed rate nearly all pairs tie by throughput, and ranks are by cost: the
// table compares by what its ranks agree with.
func TestComparedByWhatRanks(t *testing.T) {
	s := fixture.Mixed()
	table := report.New(s).Tables[1]
	if want := []string{"fasthttp@v1.74.0 leads the engines: it spends 0.75x [0.73, 0.77] the server CPU per request of nethttp, the next."}; !slices.Equal(table.Findings, want) {
		t.Errorf("findings %q, want %q", table.Findings, want)
	}
	if table = report.New(s).Tables[0]; table.Metric != judge.MetricThroughput {
		t.Errorf("%s is compared by %s", table.Title(), table.Metric)
	}
	if got, want := table.Ties, "fasthttp@v1.74.0 and hertz can't be told apart: hertz / fasthttp@v1.74.0 is 0.998x [0.992, 1.004]"; !slices.Equal(got, []string{want}) {
		t.Errorf("ties %q, want %q", got, want)
	}
}

// The columns of an open loop are there where a row has them, and nowhere else.
func TestOpenLoopColumns(t *testing.T) {
	s := fixture.Mixed()
	keys := []report.Key{report.ServiceP50, report.ServiceP99, report.LagP50, report.LagP99, report.Offered, report.Ceiling}
	for _, table := range report.New(s).Tables {
		if n := len(table.Pick(keys...).Columns); n != 0 {
			t.Errorf("%s: %d columns of an open loop", table.Title(), n)
		}
	}
	p := func(v float64) *float64 { return &v }
	last := &s.Cells[len(s.Cells)-1]
	last.Service, last.SendLag = &judge.Latency{P50: p(0.5), P99: p(2)}, &judge.Latency{P50: p(0.01), P99: p(0.03)}
	last.Offered, last.Ceiling = p(5000), p(10_000)
	tables := report.New(s).Tables
	var got []string
	for _, r := range tables[len(tables)-1].Pick(keys...).Rows {
		if r.Cell.Candidate == last.Candidate {
			for _, v := range r.Values {
				got = append(got, v.Text)
			}
		}
	}
	if want := []string{"0.500", "2.00", "0.0100", "0.0300", "5,000", "10,000"}; !slices.Equal(got, want) {
		t.Errorf("values %q, want %q", got, want)
	}
}

func TestSlug(t *testing.T) {
	for in, want := range map[string]string{
		"hello": "hello", "size?bytes=10000": "size-bytes-10000", "../../etc/passwd": "etc-passwd",
		"": "x", "..": "x", "CON": "con", "\x1b[31mred": "31mred", "<b>": "b", "漢字": "x",
		strings.Repeat("a/", 100): strings.TrimSuffix(strings.Repeat("a-", 30), "-"),
	} {
		if got := report.Slug(in); got != want {
			t.Errorf("Slug(%q) = %q, want %q", in, got, want)
		}
	}
}

// What a run says first: who leads, by how much, and how far that can be trusted.
func TestAnswers(t *testing.T) {
	quiet, noisy, partial := fixture.Mixed(), fixture.Many(3), fixture.Many(3)
	quiet.Cells = quiet.Cells[:3]
	for i := range noisy.Cells {
		c := &noisy.Cells[i]
		c.Rank, c.Verdict, c.Reasons = 1, judge.Degraded, []judge.Reason{{ID: "busy-host", Text: "busy host"}}
	}
	noisy.Pairs = nil
	partial.Run.Status, partial.Pairs = judge.StatusPartial, nil
	for i := range partial.Cells {
		c := &partial.Cells[i]
		c.Rank, c.Slices, c.Verdict, c.Reasons = 0, 4, judge.Degraded, []judge.Reason{{ID: "too-few-slices", Text: "too few slices: 4"}}
	}
	for name, c := range map[string]struct {
		s               *judge.Summary
		answer, quality string
	}{
		"quiet": {quiet, "fasthttp@v1.74.0 and hertz lead the engines and can't be told apart: fasthttp@v1.74.0 serves 1.42x [1.39, 1.45] the requests per second of nethttp, the next.", "All 3 rows are valid."},
		"noisy": {noisy, "No engine is proven ahead: fasthttp@v1.74.0, hertz and nbio can't be told apart.", "0 of 3 rows are valid. 3 are degraded, all by: busy host."},
		"partial": {
			partial, "Not enough slices to rank the engines: 4 of 6; about 3 minutes more.",
			"The run is partial: not all of it was measured. 0 of 3 rows are valid. 3 are degraded, all by: too few slices.",
		},
		"nothing": {&judge.Summary{}, "", "Nothing was measured."},
	} {
		r := report.New(c.s)
		got := ""
		for _, a := range r.Answers() {
			got += a.Text
		}
		if got != c.answer || r.Quality() != c.quality {
			t.Errorf("%s: %q, %q", name, got, r.Quality())
		}
	}
}

// Of several tables it is told how often who leads.
func TestAnswerOfSeveralTables(t *testing.T) {
	s := fixture.Mixed()
	r := report.New(s)
	if got, want := r.Answers()[0].Text, "fasthttp@v1.74.0 leads the engines or ties for the lead in 2 of 2 tables, hertz in 1."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	o := r.Overviews[0]
	var got []string
	for _, row := range o.Rows {
		text := row.Candidate
		for _, s := range row.Standings {
			text += " " + s.Text
			if s.First {
				text += "*"
			}
		}
		got = append(got, text)
	}
	want := []string{"fasthttp@v1.74.0 1.00x* 1.00x*", "hertz 0.998x* –", "nethttp 0.704x 1.33x", "<script>alert(1)</script> – –", `\x1b[31mred – –`}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Rows that have a reason in common share a note, which tells the extent; each row's own words are kept.
func TestNotesOfAKindAreOne(t *testing.T) {
	table := report.New(fixture.Field()).Tables[0]
	var busy []report.Note
	for _, n := range table.Notes {
		if strings.HasPrefix(n.Text, "busy host") {
			busy = append(busy, n)
		}
	}
	if len(busy) != 1 || busy[0].Text != "busy host: other processes used 10–25 % of the load generator's processors" || len(busy[0].Each) != len(busy[0].Candidates) || len(busy[0].Each) < 20 {
		t.Errorf("%d notes: %+v", len(busy), busy)
	}
}

// No string of a summary reaches a reader as it is.
func TestEveryStringIsPrintable(t *testing.T) {
	const hostile = "\x1b[31m\u202e../<b>\n"
	var s judge.Summary
	poison(reflect.ValueOf(&s).Elem(), hostile, 0)
	r := report.New(&s)
	clean := true
	var walk func(v reflect.Value, path string, depth int)
	walk = func(v reflect.Value, path string, depth int) {
		if depth > 12 {
			return
		}
		switch v.Kind() {
		case reflect.String:
			if strings.ContainsAny(v.String(), "\x1b\u202e") {
				clean = false
				t.Errorf("%s is %q", path, v.String())
			}
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() {
				walk(v.Elem(), path, depth+1)
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i), path+"[]", depth+1)
			}
		case reflect.Map:
			for key, value := range v.Seq2() {
				walk(key, path+" key", depth+1)
				walk(value, path+"{}", depth+1)
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					walk(v.Field(i), path+"."+v.Type().Field(i).Name, depth+1)
				}
			}
		}
	}
	walk(reflect.ValueOf(r).Elem(), "report", 0)
	if clean && len(r.Tables) == 0 {
		t.Error("there is no table")
	}
}

// poison puts text into every string of v, in slices and maps of one element.
func poison(v reflect.Value, text string, depth int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		poison(v.Elem(), text, depth+1)
	case reflect.Interface:
		v.Set(reflect.ValueOf(text))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		poison(v.Index(0), text, depth+1)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		poison(key, text, depth+1)
		poison(value, text, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type() != reflect.TypeFor[time.Time]() {
				poison(v.Field(i), text, depth+1)
			}
		}
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint64:
		v.SetUint(1)
	}
}
