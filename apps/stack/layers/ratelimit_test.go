package layers_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

func init() {
	courses["rate-limit"] = func(testing.TB) course {
		return course{layer: layers.RateLimit{Rate: 1e9, Burst: 1e9, Key: "X-Api-Key"}, app: text("hello"), req: appstest.Get("/", "X-Api-Key", "abc")}
	}
}

// asking is a request with a field, by way of a proxy. If that is "", the value is the peer.
func asking(t *testing.T, a apps.App, name, value string) (status int, retry string) {
	t.Helper()
	req := from(aProxy, appstest.Get("/", name, value))
	if name == "" {
		req = from(value, appstest.Get("/"))
	}
	r := appstest.Serve(t, a, req)
	return r.Status, r.Field("Retry-After")
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := wrap(t, app{}, layers.RateLimit{Rate: 0.5, Burst: 3, Key: "X-Api-Key"})
		for i, step := range []struct {
			after  time.Duration
			status int
			retry  string
		}{
			{0, 200, ""}, {0, 200, ""}, {0, 200, ""}, // the burst
			{0, 429, "2"}, {time.Second / 2, 429, "2"}, {time.Second, 429, "1"}, // what is refused takes nothing
			{time.Second / 2, 200, ""}, {0, 429, "2"},
			{time.Hour, 200, ""}, {0, 200, ""}, {0, 200, ""}, {0, 429, "2"}, // no more than the burst
		} {
			time.Sleep(step.after)
			if status, retry := asking(t, a, "X-Api-Key", "one"); status != step.status || retry != step.retry {
				t.Errorf("step %d: %d, Retry-After %q, want %d %q", i, status, retry, step.status, step.retry)
			}
		}
		if status, _ := asking(t, a, "X-Api-Key", "two"); status != 200 {
			t.Error("keys share a bucket")
		}
	})
}

func TestRateLimitSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := wrap(t, app{}, layers.RateLimit{Rate: 0.001, Burst: 1, Key: "K"})
		asking(t, a, "K", "a")
		status, retry := asking(t, a, "K", "a")
		seconds, err := strconv.Atoi(retry)
		if status != 429 || err != nil || seconds != 1000 {
			t.Fatal(status, retry)
		}
		time.Sleep(time.Duration(seconds) * time.Second)
		if status, _ := asking(t, a, "K", "a"); status != 200 {
			t.Errorf("status %d after the time that the reply told", status)
		}
	})
}

func TestRateLimitKeys(t *testing.T) {
	for _, test := range []struct {
		name, field, first, second string
		same                       bool
	}{
		{"a field", "X-Api-Key", "a", "b", false},
		{"a field, the same", "X-Api-Key", "a", "a", true},
		{"a field, long", "X-Api-Key", strings.Repeat("a", 5000), strings.Repeat("a", 5000) + "b", false},
		{"no field", "X-Other", "a", "b", true},
		{"addresses", "X-Forwarded-For", "192.0.2.1", "192.0.2.2", false},
		{"addresses, the same", "X-Forwarded-For", "192.0.2.1:1", "::ffff:192.0.2.1", true},
		{"addresses of IPv6", "X-Forwarded-For", "2001:db8::1", "2001:db8:0:1::1", false},
		{"addresses of IPv6, one network", "X-Forwarded-For", "2001:db8::1", "2001:db8::ffff:0:0:1", true},
		{"peers", "", "192.0.2.1:80", "192.0.2.2:80", false},
		{"peers, the same", "", "192.0.2.1:80", "192.0.2.1:81", true},
		{"peers of IPv6, one network", "", "[2001:db8::1]:80", "[2001:db8::2]:80", true},
		{"peers without an address", "", "", "", true},
		{"no addresses", "X-Forwarded-For", "unknown", "_hidden", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := layers.RateLimit{Rate: 1, Burst: 1, Key: "X-Api-Key"}
				if test.field == "X-Forwarded-For" || test.field == "" {
					l.Key = ""
				}
				a := wrap(t, app{}, proxied, l)
				asking(t, a, test.field, test.first)
				if status, _ := asking(t, a, test.field, test.second); (status == 429) != test.same {
					t.Errorf("status %d", status)
				}
			})
		})
	}
}

func TestRateLimitForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := wrap(t, app{}, layers.RateLimit{Rate: 0.001, Burst: 1, Key: "K", MaxKeys: 3})
		for _, step := range []struct {
			key    string
			status int
		}{
			{"a", 200}, {"b", 200}, {"c", 200}, {"a", 429}, {"b", 429},
			{"d", 200}, // c is forgotten
			{"a", 429}, {"b", 429}, {"d", 429}, {"c", 200},
			{"d", 429}, {"a", 200}, // c took its place
		} {
			if status, _ := asking(t, a, "K", step.key); status != step.status {
				t.Errorf("%s: status %d, want %d", step.key, status, step.status)
			}
		}
	})
}

func TestRateLimitRefuses(t *testing.T) {
	refused(t, layers.RateLimit{}, "rate: is required")
	refused(t, layers.RateLimit{Rate: -1}, "rate: -1 is less than 0.0001")
	refused(t, layers.RateLimit{Rate: 1, Key: "a b"}, `key: "a b" is no name of a field`)
}

func TestRateLimitOverTheWire(t *testing.T) {
	onEngines(t, func(t *testing.T) apps.App {
		return wrap(t, text("hello"), layers.RateLimit{Rate: 0.001, Burst: 2, Key: "X-Api-Key"})
	}, func(t *testing.T, url string) {
		var got []string
		for range 3 {
			res := ask(t, "GET", url+"/", "X-Api-Key", "a")
			got = append(got, fmt.Sprint(res.StatusCode, " ", res.Header.Get("Retry-After") != ""))
		}
		if want := "[200 false 200 false 429 true]"; fmt.Sprint(got) != want {
			t.Errorf("%v, want %v", got, want)
		}
	})
}
