package request

import (
	"slices"
	"testing"

	"github.com/benchctl/benchctl/servers/control"
)

// A list takes the place of a half, if all of its processors are there.
func TestChooseProcessors(t *testing.T) {
	half, all := control.CPUs{0, 1}, control.CPUs{0, 1, 2, 3}
	for _, c := range []struct {
		list      string
		half, all control.CPUs
		want      control.CPUs
		err       string
	}{
		{"", half, all, half, ""},
		{"", nil, nil, nil, ""},
		{"3", half, all, control.CPUs{3}, ""},
		{"2-3,0", half, all, control.CPUs{0, 2, 3}, ""},
		{"7", nil, nil, control.CPUs{7}, ""}, // the system does not tell
		{"0,4", half, all, nil, "run: --server-cpus: there is no processor 4 to run on: there are 0-3"},
		{"0-9", half, all, nil, "run: --server-cpus: there is no processor 4 to run on: there are 0-3"},
		{"x", half, all, nil, `run: --server-cpus: cpus "x": "x" is not a processor number or range`},
		{"3-1", half, all, nil, `run: --server-cpus: cpus "3-1": "3-1" is not a processor number or range`},
	} {
		got, err := choose("--server-cpus", c.list, c.half, c.all)
		if !slices.Equal(got, c.want) || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%q of %s: %v, %v", c.list, c.all, got, err)
		}
	}
}

// Each side is chosen on its own: what is left open is a half.
func TestProcessors(t *testing.T) {
	all := control.Allowed()
	if len(all) == 0 {
		t.Skip("the system does not tell its processors")
	}
	first, second := control.Split()
	one := all[:1]
	for _, c := range []struct {
		servers, loader string
		s, l            control.CPUs
	}{
		{"", "", first, second}, {one.String(), "", one, second}, {"", one.String(), first, one}, {one.String(), one.String(), one, one},
	} {
		s, l, err := Processors(c.servers, c.loader)
		if err != nil || !slices.Equal(s, c.s) || !slices.Equal(l, c.l) {
			t.Errorf("%q and %q: %s and %s, %v", c.servers, c.loader, s, l, err)
		}
	}
	if _, _, err := Processors("", "65000"); err == nil {
		t.Error("a processor that is not there is taken")
	}
}
