package request

import (
	"errors"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers"
)

// chosen are candidates by name.
func chosen(t *testing.T, names ...string) servers.Choice {
	t.Helper()
	c, err := servers.Find(nil, names)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// told are the candidates of a choice with their references, and "!" after those named.
func told(c servers.Choice) string {
	var all []string
	for i, one := range c.Candidates {
		text := one.Name
		if c.Named[i] {
			text += "!"
		}
		if one.Reference != "" {
			text += "/" + one.Reference
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

var (
	plain = scenarios.Scenario{Name: "plain"}
	tax   = scenarios.Scenario{Name: "tax", Profiles: []string{servers.Native, "default"}}
)

// Each server is measured by each profile of a scenario; who names one stays as it is.
func TestByProfiles(t *testing.T) {
	for asked, want := range map[string]string{
		"nethttp":                "nethttp:native! nethttp!/nethttp:native",
		"nethttp,fasthttp@v2#b":  "nethttp:native! nethttp!/nethttp:native fasthttp@v2:native#b! fasthttp@v2#b!/fasthttp@v2:native#b",
		"nethttp:default":        "nethttp:native! nethttp:default!/nethttp:native",
		"stripped":               "gnet:native gnet/gnet:native",
		"gnet:supervised":        "gnet:supervised!",
		"gnet:native,gnet":       "gnet:native! gnet!/gnet:native",
		"gnet,gnet:native":       "gnet:native! gnet!/gnet:native",
		"stripped,gnet,baseline": "gnet:native! gnet!/gnet:native",
		"nginx:tuned,stripped":   "nginx:tuned! gnet:native gnet/gnet:native",
	} {
		got, notes, err := compared(chosen(t, strings.Split(asked, ",")...), []scenarios.Scenario{tax})
		if err != nil || told(got) != want {
			t.Errorf("%s: %s, want %s; %v", asked, told(got), want, err)
		}
		if skips := strings.Contains(asked, "baseline"); skips != (len(notes) == 1) || skips && notes[0] != "skipped caddy, haproxy, lighttpd, nginx, node: no profile native, which scenario tax takes" {
			t.Errorf("%s: notes %q", asked, notes)
		}
	}
	all := chosen(t, "nethttp", "nginx")
	if got, notes, err := compared(all, []scenarios.Scenario{plain, plain}); err != nil || notes != nil || told(got) != told(all) {
		t.Errorf("without profiles: %s, %q, %v", told(got), notes, err)
	}
}

func TestByProfilesRefuses(t *testing.T) {
	mistyped := scenarios.Scenario{Name: "mistyped", Profiles: []string{"natve", "default"}}
	for _, c := range []struct {
		servers   string
		scenarios []scenarios.Scenario
		want      string
	}{
		{"nethttp,nginx", []scenarios.Scenario{tax}, `run: candidate "nginx" has no profile native, which scenario tax takes: see benchctl list servers`},
		{"nethttp+etag", []scenarios.Scenario{tax}, `run: candidate "nethttp+etag" has no profile native with layers, which scenario tax takes`},
		{"baseline", []scenarios.Scenario{tax}, `run: scenario tax: none of the servers has profile "native": known are default, `},
		{"go", []scenarios.Scenario{mistyped}, `run: scenario mistyped: none of the servers has profile "natve": did you mean "native"?`},
		{"go", []scenarios.Scenario{plain, tax}, "run: plain and tax can't be of one run: they measure each server by different profiles"},
	} {
		_, _, err := compared(chosen(t, strings.Split(c.servers, ",")...), c.scenarios)
		if err == nil || !misuse.Is(err) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.servers, err, c.want)
		}
	}
	var wrong *misuse.Error
	if _, _, err := compared(chosen(t, "go"), []scenarios.Scenario{tax, plain}); !errors.As(err, &wrong) || wrong.Hint() != "run them one after the other" {
		t.Errorf("%v", err)
	}
}
