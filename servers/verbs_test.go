package servers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/control"
)

// unpromised are the verbs of which their vendors document nothing.
var unpromised = []string{"waitress stop-graceful"}

// Every server of benchctl's own tells how it is stopped, and for each verb what its
// vendor documents and where.
func TestDeclaredVerbs(t *testing.T) {
	for _, s := range all(t) {
		var names []control.Verb
		for _, v := range s.Verbs() {
			if v.Profile == "" {
				names = append(names, v.Name)
			}
			which := s.Name + " " + string(v.Name)
			if v.How == "" || (v.Promise == "") != slices.Contains(unpromised, which) || (v.Promise == "") != (v.Source == "") {
				t.Errorf("%s: %+v", which, v)
			}
			if v.Source != "" && !strings.HasPrefix(v.Source, "https://") || strings.HasSuffix(v.Promise, ".") {
				t.Errorf("%s: %+v", which, v)
			}
		}
		if len(names) < 2 || names[0] != control.StopGraceful || names[1] != control.StopNow {
			t.Errorf("%s declares %v", s.Name, names)
		}
	}
}

func TestVerbsOfAProfile(t *testing.T) {
	dir := manifests(t, `name: alpha; class: baseline; doc: first; command: [alpha]; control: {reload: HUP}; profiles: {big: {doc: bigger, control: {reload: [alphactl, reload], scale-up: {signal: TTIN, promise: adds one, source: "https://example.org"}}}}`)
	c, err := servers.Choose(all(t, dir), []string{"alpha", "alpha:big"})
	if err != nil {
		t.Fatal(err)
	}
	described := func(all []servers.Verb) string {
		var words []string
		for _, v := range all {
			words = append(words, strings.Join([]string{v.Profile, string(v.Name), v.How, v.Promise}, "|"))
		}
		return strings.Join(words, "; ")
	}
	const stops = "|stop-graceful|SIGTERM|; |stop-now|SIGKILL|the system ends the process at once: the signal can't be caught, blocked or ignored; "
	for got, want := range map[string]string{
		described(c.Candidates[0].Verbs()):        stops + "|reload|SIGHUP|",
		described(c.Candidates[1].Verbs()):        stops + "|reload|alphactl reload|; |scale-up|SIGTTIN|adds one",
		described(c.Candidates[0].Server.Verbs()): stops + "|reload|SIGHUP|; big|reload|alphactl reload|; big|scale-up|SIGTTIN|adds one",
	} {
		if got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
