package servers_test

import (
	"strings"
	"testing"

	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

// What is not installed says how to get it; classes are together.
func TestList(t *testing.T) {
	told := "name: told; class: baseline; doc: tells; offers: {pidfile: {args: ['--pid={{.Pidfile}}'], promise: keeps one, source: https://example.org/pid}}; home: https://example.org; command: [/bin/sh]; version: [/bin/echo, v 1.2.3]; profiles: {tuned: {doc: faster, args: [-t]}}"
	mute := "name: mute; class: wsgi; doc: second; command: [no-such-mute]"
	ours := all(t, manifests(t, append(ghosts("ghost"), told, mute)...))
	var some []servers.Server
	for _, name := range []string{"nethttp", "told", "ghost", "mute", "fasthttp"} {
		for _, s := range ours {
			if s.Name == name {
				some = append(some, s)
			}
		}
	}
	list, err := servers.List(t.Context(), some)
	if err != nil || len(list) != 5 {
		t.Fatalf("%+v, %v", list, err)
	}
	var order []string
	for _, one := range list {
		order = append(order, one.Name)
		if one.Installed == (one.Lacks != "") || one.Installed && one.Install != "" || len(one.Profiles) == 0 {
			t.Errorf("%+v", one)
		}
	}
	if got := strings.Join(order, " "); got != "nethttp fasthttp told ghost mute" {
		t.Errorf("order %s", got)
	}
	if one := list[2]; one.Version != "1.2.3" || one.Class != "baseline" || one.Doc != "tells" || one.Home != "https://example.org" || len(one.Profiles) != 2 {
		t.Errorf("%+v", one)
	}
	if one := list[2]; len(one.Offers) != 1 || one.Offers[0] != (servers.Offer{Facility: control.Pidfile, Promise: "keeps one", Source: "https://example.org/pid"}) {
		t.Errorf("%+v", one.Offers)
	}
	if one := list[3]; one.Offers == nil || len(one.Offers) > 0 {
		t.Errorf("%+v", one.Offers)
	}
	if one := list[3]; one.Install != "install it with: get it" || one.Version != "" {
		t.Errorf("%+v", one)
	}
	if one := list[4]; one.Install != "" || !strings.HasPrefix(one.Lacks, "server mute: not installed: ") {
		t.Errorf("%+v", one)
	}
}
