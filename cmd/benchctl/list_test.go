package main

import (
	"strings"
	"testing"

	"github.com/benchctl/benchctl/servers"
)

func TestByClass(t *testing.T) {
	var got []string
	for _, s := range byClass([]servers.Server{{Name: "a", Class: "x"}, {Name: "b", Class: "y"}, {Name: "c", Class: "x"}}) {
		got = append(got, s.Name)
	}
	if s := strings.Join(got, ""); s != "acb" {
		t.Errorf("order %s", s)
	}
}
