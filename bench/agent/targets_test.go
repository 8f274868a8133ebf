package agent

import (
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/load"
)

func targetsOf(t *testing.T, name string, seed uint64) []load.Target {
	t.Helper()
	app, err := suite.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return Targets(app, "127.0.0.1:80", seed)
}

// request tells targets apart.
func request(t load.Target) string { return t.URL + t.Header.Get("Cookie") + string(t.Body) }

// A mix keeps its proportions, also in each part of it, and its requests differ.
func TestTargetsOfAMix(t *testing.T) {
	t.Parallel()
	all := targetsOf(t, "mixed", 1)
	want := map[string]int{"hello": 30, "json": 20, "template": 15, "session": 10, "size?bytes=10000": 10, "static-1k": 10, "compress": 4, "upload?bytes=65536": 1}
	each := len(all) / 100
	if len(all) != 400 {
		t.Errorf("%d targets", len(all))
	}
	times, last := map[string]map[string]int{}, map[string]int{}
	for at, target := range all {
		app := strings.TrimPrefix(target.URL, "http://127.0.0.1:80/")
		if times[app] == nil {
			times[app] = map[string]int{}
		}
		times[app][request(target)]++
		if before, ok := last[app]; ok {
			if gap, due := at-before, len(all)/(want[app]*each); gap > 2*due+len(want) {
				t.Errorf("%s comes %d requests after the one before", app, gap)
			}
		}
		if last[app] = at; target.Weight > 1 {
			t.Errorf("%s weighs %d", app, target.Weight)
		}
	}
	for app, share := range want {
		sum, of := 0, map[int]bool{}
		for _, n := range times[app] {
			sum += n
			of[n] = true
		}
		if sum != share*each || len(of) != 1 {
			t.Errorf("%s: %d of %d targets, as often as %v, want %d", app, sum, len(all), of, share*each)
		}
	}
	if s, u := len(times["session"]), len(times["upload?bytes=65536"]); s != 40 || u != 4 {
		t.Errorf("%d sessions, %d uploads differ", s, u)
	}
}

// Targets follow from the seed, and share nothing else.
func TestTargetsOfASeed(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"hello": 1, "upload": 16, "echo?bytes=1": 64, "session": 64} {
		one, again, other := targetsOf(t, name, 1), targetsOf(t, name, 1), targetsOf(t, name, 2)
		if len(one) != want {
			t.Errorf("%s: %d targets, want %d", name, len(one), want)
		}
		differ := false
		for i := range one {
			if request(one[i]) != request(again[i]) {
				t.Errorf("%s: target %d is another one the next time", name, i)
			}
			differ = differ || request(one[i]) != request(other[i])
		}
		if differ != (want > 1) {
			t.Errorf("%s: targets of two seeds differ: %v", name, differ)
		}
	}
}

// Timers may fire a little early, and no reply may be faster than that.
func TestTargetsTakeTheirTime(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]time.Duration{ // AtLeast, Spread
		"hello": {}, "sleep?ms=0": {}, "sleep?ms=1": {}, "sleep": {9 * time.Millisecond}, "ziade": {95 * time.Millisecond},
		"stream?chunks=4&ms=10": {28500 * time.Microsecond, 30 * time.Millisecond},
	} {
		for _, target := range targetsOf(t, name, 1) {
			if got := [2]time.Duration{target.AtLeast, target.Spread}; got != want {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
	}
}
