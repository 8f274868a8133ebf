package lint_test

import (
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack/lint"
)

var hello = apps.Func(func(req apps.Request, res apps.Response) error {
	return res.Reply(200, []byte("hello"))
})

// TestAllocs holds the layer against the Allocs that it tells.
func TestAllocs(t *testing.T) {
	with, _ := linted(t, hello)
	measure := func(a apps.App) float64 {
		return testing.AllocsPerRun(200, func() {
			s := server{}
			if err := a.Serve(&s, &s); err != nil {
				t.Fatal(err)
			}
		})
	}
	if got, want := measure(with)-measure(hello), float64(lint.Lint{}.About().Allocs); got != want {
		t.Errorf("%v allocations, About tells %v", got, want)
	}
}

func BenchmarkLint(b *testing.B) {
	a, _ := linted(b, hello)
	b.ReportAllocs()
	for b.Loop() {
		s := server{}
		if err := a.Serve(&s, &s); err != nil {
			b.Fatal(err)
		}
	}
}
