// Package golden compares the output of a test with a file in testdata.
package golden

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// Compare fails the test if got is not what testdata/name holds.
func Compare(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	line := 1
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			break
		}
		if got[i] == '\n' {
			line++
		}
	}
	t.Errorf("%s: differs from line %d on; run with -update and read the difference\ngot line:  %s\nwant line: %s",
		path, line, nth(got, line), nth(want, line))
}

func nth(text []byte, line int) []byte {
	lines := bytes.Split(text, []byte("\n"))
	if line > len(lines) {
		return nil
	}
	return lines[line-1]
}
