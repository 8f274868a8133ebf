package text_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/report/text"
)

// matrix is one of four candidates and eleven checks.
func matrix() conform.Matrix {
	m := conform.NewMatrix(false)
	m.Checks = m.Checks[:11]
	find := func(id string, level conform.Level, app string, err error) conform.Finding {
		return conform.Finding{Check: conform.Check{ID: id, Level: level}, App: app, Err: err}
	}
	failed := find("head", conform.Gate, "hello", errors.New("a body\nof 3 bytes\x1b[0m"))
	failed.Transcript = []conform.Message{
		{Connection: 1, Sent: true, Bytes: []byte("HEAD /hello HTTP/1.1\r\n\\\r\n")}, {Connection: 1, Bytes: []byte("\x00\xff\n"), Cut: 9},
	}
	m.Candidates = []conform.Row{
		conform.NewRow("nethttp", "go1.26", "engine", false, []conform.Finding{find("reply", conform.Gate, "hello", nil)}, nil),
		conform.NewRow("other", "v2", "wsgi", false, []conform.Finding{
			find("reply", conform.Gate, "hello", nil), failed, find("date", conform.Report, "", errors.New("there is none")),
		}, nil),
		conform.NewRow("dead", "", "wsgi", false, nil, errors.New("died: exit status 3\nout of luck")),
		conform.AbsentRow("ghost", "wsgi", "not installed"),
	}
	return m
}

func TestMatrix(t *testing.T) {
	const head = `check                 11
candidate    12345678901  passed  gate
`
	const rows = `nethttp    .----------   1/1    passed
other      .F--r------   1/3    FAILED
dead       -----------   0/0    FAILED
ghost      skipped

. passed   F failed, of the gate   r failed, reported   - not made
`
	const failures = `
other: fails the gate at head; 1 of 3 checks; in a run its cells of hello are invalid
  gate head with hello: a body; of 3 bytes\x1b[0m
`
	const wire = `    1> HEAD /hello HTTP/1.1\r\n
    1> \x5c\r\n
    1< \x00\xff\n
    1< 9 more bytes
`
	const rest = `  report date: there is none

dead: died: exit status 3
out of luck

ghost: not installed
`
	for exchanges, want := range map[bool]string{false: failures + rest, true: failures + wire + rest} {
		var out strings.Builder
		if err := text.Matrix(&out, matrix(), exchanges); err != nil {
			t.Fatal(err)
		}
		got := out.String()
		lines := strings.SplitN(got, "\n", 3)
		if len(lines) != 3 || !strings.HasPrefix(lines[0], "check      ") || !strings.HasSuffix(lines[0], "11") || !strings.HasPrefix(lines[1], "candidate  ") || !strings.HasSuffix(lines[1], "  passed  gate") {
			t.Errorf("the head is\n%s\nas in\n%s", strings.Join(lines[:2], "\n"), head)
		}
		if !strings.HasPrefix(lines[2], rows) || !strings.HasSuffix(got, want) {
			t.Errorf("exchanges %v:\n%s", exchanges, got)
		}
		if !strings.Contains(got, "\n 1 reply                gate   the reply has") {
			t.Errorf("the columns are not told:\n%s", got)
		}
	}
}

func TestMatrixWriteError(t *testing.T) {
	if err := text.Matrix(full{}, matrix(), false); !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
}
