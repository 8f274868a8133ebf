package judge

import (
	"slices"
	"strings"
	"testing"
)

// A and B are candidates by their names, or all candidates of two versions.
func TestMatch(t *testing.T) {
	s := &Summary{Run: Run{ID: "r"}}
	for _, name := range []string{
		"nethttp", "fasthttp@v1.7", "fasthttp@v1.8", "fasthttp@v1.74.0", "fasthttp@v1.84.0",
		"nbio@base:tuned#x", "nbio@head:tuned#x", "nbio@base#y", "nbio@head", "nethttp", "gin@base", "gin@head",
	} {
		s.Cells = append(s.Cells, Cell{Candidate: name})
	}
	for _, c := range []struct {
		a, b string
		want [][2]string
		err  string
	}{
		{a: "nethttp", b: "nbio@head", want: [][2]string{{"nethttp", "nbio@head"}}},
		{a: "@base", b: "@head", want: [][2]string{{"nbio@base:tuned#x", "nbio@head:tuned#x"}, {"gin@base", "gin@head"}}},
		{a: "@head", b: "@base", want: [][2]string{{"nbio@head:tuned#x", "nbio@base:tuned#x"}, {"gin@head", "gin@base"}}},
		{a: "@v1.7", b: "@v1.8", want: [][2]string{{"fasthttp@v1.7", "fasthttp@v1.8"}}},
		{a: "nethtp", b: "nbio@head", err: `run r has no candidate "nethtp": did you mean "nethttp"?`},
		{a: "nethttp", b: "@head", err: `run r has no candidate "@head"`},
		{a: "@base", b: "@tail", err: "no candidate is there both as @base and as @tail: there are nethttp, fasthttp@v1.7, "},
	} {
		pairs, err := s.match(c.a, c.b)
		if !slices.Equal(pairs, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.HasPrefix(err.Error(), c.err) {
			t.Errorf("%s %s: %q, %v", c.a, c.b, pairs, err)
		}
	}
}
