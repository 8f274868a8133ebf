package lint_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/benchctl/benchctl/apps/stack/lint"
)

var one = lint.Breach{Rule: "S1", By: lint.Server, Method: "GET", Path: "/seen", Text: "handed out\nthe value \"a\x00b\""}

// writes counts what is written.
type writes struct {
	bytes.Buffer
	n int
}

func (w *writes) Write(p []byte) (int, error) {
	w.n++
	return w.Buffer.Write(p)
}

// What many requests record at once is read as it was, each breach written at once.
func TestRecord(t *testing.T) {
	const each, times = 4, 50
	var file writes
	record := lint.Record(&file)
	var wait sync.WaitGroup
	for range each {
		wait.Go(func() {
			for range times {
				record(one)
			}
		})
	}
	wait.Wait()
	all, err := lint.Recorded(&file.Buffer)
	if err != nil || len(all) != each*times || file.n != each*times || slices.ContainsFunc(all, func(b lint.Breach) bool { return b != one }) {
		t.Errorf("%d breaches in %d writes, %v", len(all), file.n, err)
	}
}

// A process that was killed leaves a part of a line; any other one is a fault.
func TestRecorded(t *testing.T) {
	var file bytes.Buffer
	lint.Record(&file)(one)
	whole := file.String()
	for _, c := range []struct {
		text  string
		found int
		err   string
	}{
		{"", 0, ""},
		{whole, 1, ""},
		{whole + whole[:20], 1, ""},
		{whole + "nothing\n" + whole, 1, "lint: record, line 2: "},
	} {
		all, err := lint.Recorded(strings.NewReader(c.text))
		if len(all) != c.found || (err != nil) != (c.err != "") || err != nil && !strings.HasPrefix(err.Error(), c.err) {
			t.Errorf("%q: %v, %v", c.text, all, err)
		}
	}
	failed := errors.New("no disk")
	if _, err := lint.Recorded(iotest.ErrReader(failed)); !errors.Is(err, failed) {
		t.Error(err)
	}
}
