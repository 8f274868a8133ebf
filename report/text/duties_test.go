package text_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/apps/duties"
	"github.com/benchctl/benchctl/apps/stack/lint"
	"github.com/benchctl/benchctl/report/text"
)

func brokenDuties() duties.Matrix {
	known := []duties.Deviation{{Deviation: apps.Deviation{Rule: "A6", Reason: "to see what the server does"}, By: lint.App, Path: "/error"}}
	length := lint.Breach{Rule: "A6", By: lint.App, Method: "GET", Path: "/error", Text: "set Content-Length to 4"}
	read := lint.Breach{Rule: "S3", By: lint.Server, Method: "POST", Path: "/upload", Text: "read\n5 bytes\x1b of a body of 0"}
	return duties.Matrix{Candidates: []duties.Row{
		duties.NewRow("good", "v1", "engine", nil, known, nil),
		duties.NewRow("declared", "v1", "engine", []lint.Breach{length}, known, nil),
		duties.NewRow("bad", "v1", "engine", []lint.Breach{read, length, read}, known, nil),
		duties.NewRow("dead", "", "engine", []lint.Breach{length}, known, errors.New("died: exit status 3")),
		duties.UncheckedRow("ghost", "engine", conform.Absent, "not installed"),
		duties.UncheckedRow("other", "wsgi", duties.NotInGo, "no contract"),
	}}
}

func TestDuties(t *testing.T) {
	const want = `candidate  duty       broken by  at       times  declared
good       none
declared   A6         app        /error   1      yes
bad        A6         app        /error   1      yes
bad        S3         server     /upload  2      NO
dead       broken
dead       A6         app        /error   1      yes
ghost      skipped
other      not in Go

declared: as declared: A6 by the app
  A6 GET /error: set Content-Length to 4
    declared: to see what the server does

bad: broken: S3 by the server; as declared: A6 by the app
  A6 GET /error: set Content-Length to 4
    declared: to see what the server does
  S3 POST /upload: read; 5 bytes\x1b of a body of 0

dead: broken: died: exit status 3
  A6 GET /error: set Content-Length to 4
    declared: to see what the server does

ghost: skipped: not installed

other: not in Go: no contract
`
	var out strings.Builder
	if err := text.Duties(&out, brokenDuties()); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := text.Duties(full{}, brokenDuties()); !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
}
