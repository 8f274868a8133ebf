package conform_test

import (
	"log"
	"os"
	"testing"
)

// The notes of app watch lie among the temporary files, and go with the tests.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "benchctl-conform-")
	if err != nil {
		log.Fatal(err)
	}
	os.Setenv("TMPDIR", dir)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}
