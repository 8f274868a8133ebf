package layers_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

func init() {
	courses["request-id"] = func(testing.TB) course {
		return course{layer: layers.RequestID{}, app: text("hello")}
	}
}

// tellsID answers with the id that it sees.
var tellsID = apps.Func(func(req apps.Request, res apps.Response) error {
	return res.Reply(200, []byte(layers.RequestIDOf(req.Context())))
})

var madeID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

func TestRequestID(t *testing.T) {
	for _, test := range []struct {
		name  string
		layer layers.RequestID
		sent  string
		taken bool
	}{
		{"none", layers.RequestID{}, "", false},
		{"not trusted", layers.RequestID{}, "abc", false},
		{"trusted", layers.RequestID{Trust: true}, "Root=1-67891233-abcdef012345678912345678", true},
		{"trusted, none", layers.RequestID{Trust: true}, "", false},
		{"a space", layers.RequestID{Trust: true}, "a b", false},
		{"a quote", layers.RequestID{Trust: true}, `a"b`, false},
		{"a slash", layers.RequestID{Trust: true}, "../a", false},
		{"no ASCII", layers.RequestID{Trust: true}, "\xc3\xa4", false},
		{"as long as may be", layers.RequestID{Trust: true}, strings.Repeat("a", 128), true},
		{"too long", layers.RequestID{Trust: true}, strings.Repeat("a", 129), false},
		{"trusted networks, client not known", layers.RequestID{Trust: true, Networks: []string{"0.0.0.0/0", "::/0"}}, "abc", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := appstest.Serve(t, wrap(t, tellsID, test.layer), appstest.Get("/", "X-Request-Id", test.sent))
			id := r.Body()
			if expect(t, r, 200, "X-Request-Id", id); test.taken != (id == test.sent) || !test.taken && !madeID.MatchString(id) {
				t.Errorf("id %q of %q", id, test.sent)
			}
		})
	}
	if layers.RequestIDOf(t.Context()) != "" {
		t.Error("an id without the layer")
	}
}

func TestRequestIDDiffers(t *testing.T) {
	a, seen := wrap(t, tellsID, layers.RequestID{Field: "X-Trace"}), map[string]bool{}
	for range 100 {
		r := appstest.Serve(t, a, appstest.Get("/"))
		if seen[r.Body()] || r.Field("X-Trace") != r.Body() {
			t.Fatal(r)
		}
		seen[r.Body()] = true
	}
}

func TestRequestIDRefuses(t *testing.T) {
	for want, l := range map[string]layers.RequestID{
		`field: "X Id" is no name of a field`:                                  {Field: "X Id"},
		`field: Upgrade belongs to the server`:                                 {Field: "Upgrade"},
		`networks: have no effect without trust`:                               {Networks: []string{"10.0.0.0/8"}},
		`networks: "10.0.0.0/40" is no network, as "10.0.0.0/8"`:               {Trust: true, Networks: []string{"10.0.0.0/40"}},
		`networks: "10.0.0.1/8" has bits beyond its length; 10.0.0.0/8`:        {Trust: true, Networks: []string{"10.0.0.1/8"}},
		`networks: "::ffff:10.0.0.0/104" is of IPv4: write it as one`:          {Trust: true, Networks: []string{"::ffff:10.0.0.0/104"}},
		`networks: "fe80::1%eth0" is no network, as "10.0.0.0/8", and no addr`: {Trust: true, Networks: []string{"fe80::1%eth0"}},
	} {
		refused(t, l, want)
	}
}

func TestRequestIDOverTheWire(t *testing.T) {
	onEngines(t, func(t *testing.T) apps.App { return wrap(t, tellsID, layers.RequestID{Trust: true}) }, func(t *testing.T, url string) {
		res := ask(t, "GET", url+"/", "X-Request-Id", "abc")
		if hold(t, res, 200, "X-Request-Id", "abc"); read(t, res) != "abc" {
			t.Error("another id in the context")
		}
		res = ask(t, "GET", url+"/")
		if id := res.Header.Get("X-Request-Id"); !madeID.MatchString(id) || read(t, res) != id {
			t.Errorf("id %q", id)
		}
	})
}
