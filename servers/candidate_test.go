package servers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/apps/wsgi"
	"github.com/benchctl/benchctl/servers"
)

func names(c servers.Choice) string {
	var out []string
	for i, one := range c.Candidates {
		name := one.Name
		if c.Named[i] {
			name += "!"
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

func TestChoose(t *testing.T) {
	list := list(t)
	for asked, want := range map[string]string{
		"nethttp":                  "nethttp!",
		"alpha,nethttp":            "alpha! nethttp!",
		"all":                      "nethttp fasthttp hertz nbio alpha beta",
		"go":                       "nethttp fasthttp hertz nbio",
		"engine":                   "nethttp fasthttp hertz nbio",
		"wsgi,baseline":            "beta alpha",
		"go,nethttp":               "nethttp! fasthttp hertz nbio",
		"nbio,go":                  "nbio! nethttp fasthttp hertz",
		"go,all":                   "nethttp fasthttp hertz nbio alpha beta",
		"nethttp,nethttp#b":        "nethttp! nethttp#b!",
		"fasthttp@v1.60.0,go":      "fasthttp@v1.60.0! nethttp fasthttp hertz nbio",
		"alpha:tuned,alpha":        "alpha:tuned! alpha!",
		"baseline:tuned":           "alpha:tuned",
		"all:tuned":                "nethttp fasthttp hertz nbio alpha:tuned beta",
		"wsgi:default,alpha:tuned": "beta alpha:tuned!",
		"alpha@1.0-rc.1+x:tuned#b": "alpha@1.0-rc.1+x:tuned#b!",

		"nethttp+headers+headers,nethttp": "nethttp+headers*2! nethttp!",
		"nethttp@v2.0.0+incompatible":     "nethttp@v2.0.0+incompatible!",
		"nethttp@v2+x+etag*1#b":           "nethttp@v2+x+etag#b!",
		"go+etag,engine:supervised+etag":  "nethttp+etag fasthttp+etag hertz+etag nbio+etag nethttp:supervised+etag fasthttp:supervised+etag hertz:supervised+etag nbio:supervised+etag",
		"all+cors":                        "nethttp+cors fasthttp+cors hertz+cors nbio+cors",
	} {
		c, err := servers.Choose(list, strings.Split(asked, ","))
		if err != nil {
			t.Errorf("%s: %v", asked, err)
		}
		if got := names(c); got != want {
			t.Errorf("%s: %s, want %s", asked, got, want)
		}
	}
}

// Only what runs the twins as a WSGI application is asked whether it keeps to PEP 3333.
func TestWhoIsValidated(t *testing.T) {
	all, err := servers.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if got, want := s.Carries(wsgi.Validate), s.Class == "wsgi"; got != want {
			t.Errorf("%s: %v, want %v", s.Name, got, want)
		}
	}
}

func TestChosenCandidate(t *testing.T) {
	c, err := servers.Choose(list(t), []string{"alpha@1.0:tuned#b", "nethttp"})
	if err != nil {
		t.Fatal(err)
	}
	a, n := c.Candidates[0], c.Candidates[1]
	if a.Server.Name != "alpha" || a.Version != "1.0" || a.Profile != "tuned" || a.Label != "b" || a.Server.Manifest == nil {
		t.Errorf("%+v", a)
	}
	if n.Server.Engine == nil || n.Version != "" || n.Profile != "default" || n.Label != "" {
		t.Errorf("%+v", n)
	}
}

// A candidate with layers knows which one it is without them.
func TestLayers(t *testing.T) {
	for name, want := range map[string]string{
		"nethttp+etag*2+cors": "nethttp", "nethttp:supervised+etag#b": "nethttp:supervised#b", "nethttp@v1+etag": "nethttp@v1", "nethttp@v1+x+etag": "nethttp@v1+x",
		"nethttp": "nethttp", "nethttp@v1+x#b": "nethttp@v1+x#b",
	} {
		c, err := servers.Choose(list(t), []string{name})
		if err != nil {
			t.Fatal(err)
		}
		got := c.Candidates[0]
		if got.Name != name || got.Bare() != want || (got.Layers != "") != (name != want) {
			t.Errorf("%s: %+v, without layers %s, want %s", name, got, got.Bare(), want)
		}
		if program, _, _ := strings.Cut(got.Served(), "+"); program != "nethttp" || strings.Contains(got.Served(), "+") != (got.Layers != "") {
			t.Errorf("%s is served as %s", name, got.Served())
		}
	}
}

// A candidate by another profile is named like one that was asked for.
func TestBy(t *testing.T) {
	for _, name := range []string{"nethttp", "nethttp@v1#b", "alpha@1.0:tuned#b", "alpha", "nethttp:supervised+etag*2#b"} {
		c, err := servers.Choose(list(t), []string{name})
		if err != nil {
			t.Fatal(err)
		}
		one := c.Candidates[0]
		for _, profile := range one.Server.Profiles() {
			got := one.By(profile)
			if got.Layers != "" && !got.Contract() {
				continue // there is none
			}
			again, err := servers.Choose(list(t), []string{got.Name})
			if err != nil {
				t.Fatal(err)
			}
			if want := again.Candidates[0]; got.Profile != profile || got.Name != want.Name || got.Profile != want.Profile || got.Version != want.Version || got.Label != want.Label || got.Server.Name != want.Server.Name {
				t.Errorf("%s by %s is %+v", name, profile, got)
			}
		}
		if got := one.By(one.Profile); got.Name != name {
			t.Errorf("%s by its own profile is %s", name, got.Name)
		}
	}
}

// A native candidate carries the apps that its handlers have, and others all of the suite.
func TestCarries(t *testing.T) {
	c, err := servers.Choose(list(t), []string{"nethttp:native", "nethttp", "alpha", "beta"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"hello size upload", strings.Join(suite.Names(), " "), strings.Join(suite.Names(), " "), strings.Join(suite.Names(), " ")} {
		one := c.Candidates[i]
		carried := slices.DeleteFunc(suite.Names(), func(app string) bool { return !one.Carries(app) })
		if got := strings.Join(carried, " "); got != want {
			t.Errorf("%s carries %s, want %s", one.Name, got, want)
		}
		if apps := one.Apps(); (apps != nil) != (i == 0) {
			t.Errorf("%s tells %q", one.Name, apps)
		}
	}
}

func TestChooseErrors(t *testing.T) {
	list := list(t)
	for _, c := range []struct{ asked, want string }{
		{"nethtp", `unknown server "nethtp": did you mean "nethttp"?`},
		{"bse", `unknown server "bse"`},
		{"wsgy", `wsgi`},
		{"alpha:tund", `candidate "alpha:tund": unknown profile "tund" of server alpha: did you mean "tuned"?`},
		{"nethttp:tuned", `candidate "nethttp:tuned": unknown profile "tuned" of server nethttp`},
		{"nethttp,nethttp", `candidate "nethttp" is named twice: add a label to measure it twice, as in "nethttp#b"`},
		{"nethttp,go,nethttp", `candidate "nethttp" is named twice`},
		{"go#b", `unknown server "go"`},
		{"all:tund", `candidate "all:tund": no server of all has a profile "tund": did you mean "tuned"?`},
		{"go:tuned", `candidate "go:tuned": no server of go has a profile "tuned"`},
		{"nethttp#", `not of the form name[@version][:profile][+layers][#label]`},
		{"nethttp+etg", `candidate "nethttp+etg": unknown layer "etg": did you mean "etag"?`},
		{"nethttp+", `candidate "nethttp+": unknown layer ""`},
		{"nethttp+session#b", `candidate "nethttp+session#b": layer session can't be measured: `},
		{"nethttp+etag,nethttp+etag*1", `candidate "nethttp+etag*1" is named twice`},
		{"go+etg", `unknown layer "etg": did you mean "etag"?`},
		{"alpha+etag", `candidate "alpha+etag": only servers in Go carry layers, by the app contract`},
		{"nethttp:native+etag", `candidate "nethttp:native+etag": only servers in Go carry layers, by the app contract`},
		{"wsgi+etag", `candidate "wsgi+etag": only servers in Go carry layers, by the app contract`},
		{"nethttp#b@v1", `not of the form`},
		{"<b>", `candidate "<b>" is not of the form`},
		{"a\x1b[31m", `candidate "a\x1b[31m" is not of the form`},
		{"../nethttp", `not of the form`},
	} {
		got, err := servers.Choose(list, strings.Split(c.asked, ","))
		if err == nil || !strings.Contains(err.Error(), c.want) || len(got.Candidates) > 0 {
			t.Errorf("%q: %v, %v, want %s", c.asked, names(got), err, c.want)
		}
	}
	if _, err := servers.Choose(list, nil); err == nil {
		t.Error("no name is taken for a choice")
	}
	if _, err := servers.Choose(list, []string{""}); err == nil {
		t.Error("an empty name is a candidate")
	}
}
