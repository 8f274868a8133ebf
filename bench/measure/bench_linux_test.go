package measure_test

import (
	"os"
	"testing"

	"github.com/benchctl/benchctl/bench/measure"
)

// BenchmarkBeside is what it takes to tell what others did in a slice, with all processes of
// this machine.
func BenchmarkBeside(b *testing.B) {
	tree := measure.NewTree(os.Getpid())
	for b.Loop() {
		if _, _, err := tree.Beside(); err != nil {
			b.Fatal(err)
		}
	}
}
