package text_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/report/internal/fixture"
	"github.com/benchctl/benchctl/report/internal/golden"
	"github.com/benchctl/benchctl/report/text"
	"github.com/benchctl/benchctl/results/judge"
)

func TestGolden(t *testing.T) {
	for name, c := range map[string]struct {
		s *judge.Summary
		o text.Options
	}{
		"mixed.txt":         {fixture.Mixed(), text.Options{}},
		"mixed_80.txt":      {fixture.Mixed(), text.Options{Width: 80}},
		"wide.txt":          {fixture.Mixed(), text.Options{Wide: true}},
		"many.txt":          {fixture.Many(12), text.Options{Width: 100}},
		"field_80.txt":      {fixture.Field(), text.Options{Width: 80}},
		"field_120.txt":     {fixture.Field(), text.Options{Width: 120}},
		"empty.txt":         {&judge.Summary{Run: judge.Run{ID: "r", Status: judge.StatusPartial}}, text.Options{}},
		"mixed_col.txt":     {fixture.Mixed(), text.Options{Color: true}},
		"references.txt":    {fixture.Referred(), text.Options{}},
		"references_60.txt": {fixture.Referred(), text.Options{Width: 60}},
	} {
		golden.Compare(t, name, render(t, c.s, c.o))
	}
}

func TestFitsTheTerminal(t *testing.T) {
	for _, width := range []int{60, 80, 100, 120} {
		for _, s := range []*judge.Summary{fixture.Mixed(), fixture.Many(12), fixture.Field(), fixture.Referred()} {
			for line := range strings.Lines(string(render(t, s, text.Options{Width: width}))) {
				if w := twwidth.Width(strings.TrimSuffix(line, "\n")); w > width {
					t.Errorf("width %d: line of %d: %s", width, w, line)
				}
			}
		}
	}
}

func TestNothingReachesTheTerminalUnescaped(t *testing.T) {
	s := fixture.Mixed()
	s.Run.Command, s.Run.Environment.CPU = "a\x1b[2J", "cpu\x07"
	s.Run.Notes = []string{"note\x1b[0m\r"}
	s.Cells[0].Scenario, s.Cells[3].Reasons = "sc\u202eario", []judge.Reason{{Text: "log:\n\x1b]0;title\x07"}}
	for _, r := range string(render(t, s, text.Options{Wide: true})) {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("%q reaches the terminal", r)
		}
	}
}

func TestColorOnlyIfAsked(t *testing.T) {
	if bytes.Contains(render(t, fixture.Mixed(), text.Options{}), []byte("\x1b[")) {
		t.Error("colours without being asked")
	}
	colored := render(t, fixture.Mixed(), text.Options{Color: true})
	for _, want := range []string{"\x1b[32mvalid", "\x1b[33mdegraded", "\x1b[31minvalid"} {
		if !bytes.Contains(colored, []byte(want)) {
			t.Errorf("no %q", want)
		}
	}
}

func TestWriteError(t *testing.T) {
	err := text.Write(full{}, report.New(fixture.Mixed()), text.Options{})
	if !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
}

var errFull = errors.New("no space left on device")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func render(t *testing.T, s *judge.Summary, o text.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := text.Write(&b, report.New(s), o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
