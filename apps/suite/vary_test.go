package suite

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
)

func instance(t *testing.T, name string) Instance {
	t.Helper()
	i, err := Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// sent is the request of an exchange, to compare.
func sent(e Exchange) string { return fmt.Sprintf("%s %s %q %q", e.Method, e.Target, e.Header, e.Body) }

func TestVariedExchanges(t *testing.T) {
	for name, want := range map[string]int{
		"hello": 1, "size": 1, "headers?count=0": 1, "compress": 1,
		"upload": 16, "upload?bytes=1": 64, "upload?bytes=31": 64, "upload?bytes=32": 64, "upload?bytes=65536": 64, "upload?bytes=5000000": 2,
		"upload?bytes=10000000": 2, "echo": 64, "echo?bytes=2": 64, "echo?bytes=4194304": 4,
		"session": 64, "session?visits=41": 64, "session?visits=999999999": 64, "headers": 64, "headers?count=90": 64, "ident": 64,
	} {
		t.Run(name, func(t *testing.T) {
			i := instance(t, name)
			all, again, other := i.Exchanges(7), i.Exchanges(7), i.Exchanges(8)
			if len(all) != want {
				t.Fatalf("%d exchanges, want %d", len(all), want)
			}
			plain, app, seen, differ := i.Exchange(), Only(i), map[string]bool{}, false
			for n, e := range all {
				if sent(e) != sent(again[n]) || !reflect.DeepEqual(e.Replied, again[n].Replied) {
					t.Errorf("exchange %d is another one the next time", n)
				}
				differ = differ || sent(e) != sent(other[n])
				seen[sent(e)] = true
				if e.Method != plain.Method || e.Target != plain.Target || e.Status != plain.Status || e.Type != plain.Type || len(e.Body) != len(plain.Body) {
					t.Errorf("exchange %d: %s %s %d %q, a body of %d bytes", n, e.Method, e.Target, e.Status, e.Type, len(e.Body))
				}
				res := &response{}
				if err := app.Serve(newRequest(e), res); err != nil {
					t.Fatal(err)
				}
				checkReply(t, e, res)
			}
			if len(seen) != len(all) || differ != (len(all) > 1) {
				t.Errorf("%d of %d requests differ; by seed: %v", len(seen), len(all), differ)
			}
		})
	}
}

// Sessions begin at the visits that were asked for.
func TestVariedSessions(t *testing.T) {
	for visits, least := range map[int64]int64{1: 1, 41: 41, 999999999: 999993600} {
		i := instance(t, fmt.Sprintf("session?visits=%d", visits))
		for _, e := range i.Exchanges(3) {
			got := visitsOf(e.Header[0][1])
			if got < least || got >= least+6400 || got >= maxVisits {
				t.Errorf("from %d on: a session has %d visits", visits, got)
			}
		}
	}
}

// No part of a body but the end of all tells which it is, and the end alone
// does not either.
func TestBodiesDiffer(t *testing.T) {
	for _, bytes := range []int{32, 1000, 65536, 1 << 20, 4 << 20, 5 << 20} {
		all := instance(t, fmt.Sprintf("upload?bytes=%d", bytes)).Exchanges(1)
		parts := func(from, to int) (n int) {
			seen := map[string]int{}
			for _, e := range all {
				seen[string(e.Body[from:to])]++
			}
			for _, times := range seen {
				if len(all) > 2 && times < 2 {
					t.Errorf("%d bytes: only one body has what is from %d to %d", bytes, from, to)
				}
			}
			return len(seen)
		}
		half := max(len(all)/2, 2)
		starts, middles, ends := parts(0, bytes/4), parts(bytes/4, bytes-8), parts(bytes-8, bytes)
		if want := len(all) / 2; starts != want || middles != want || ends != half || parts(bytes-1, bytes) != half || parts(0, bytes-8) != want {
			t.Errorf("%d bytes, %d bodies: %d starts, %d middles, %d ends", bytes, len(all), starts, middles, ends)
		}
	}
}

// A server that knows a reply by the length of the body, or by its first bytes, is
// wrong most of the time.
func TestGuessesAreWrong(t *testing.T) {
	for _, name := range []string{"upload?bytes=1", "upload?bytes=1000", "upload", "echo", "echo?bytes=1"} {
		for what, key := range map[string]func(e Exchange) string{
			"length": func(e Exchange) string { return fmt.Sprint(len(e.Body)) },
			"start":  func(e Exchange) string { return string(e.Body[:len(e.Body)/2]) },
		} {
			i, known, wrong := instance(t, name), map[string]string{}, 0
			all := i.Exchanges(5)
			for _, e := range all {
				if _, ok := known[key(e)]; !ok {
					known[key(e)] = answerOf(t, i, e)
				}
				if !e.Match(0, []byte(known[key(e)])) {
					wrong++
				}
			}
			if wrong < len(all)/2 {
				t.Errorf("%s, by %s: %d of %d guesses are wrong", name, what, wrong, len(all))
			}
		}
	}
}

func answerOf(t *testing.T, i Instance, e Exchange) string {
	t.Helper()
	res := &response{}
	if err := Only(i).Serve(newRequest(e), res); err != nil {
		t.Fatal(err)
	}
	return res.body()
}

// Every app that takes a body has its requests vary, unless it leaves it unread.
func TestWhatIsReadVaries(t *testing.T) {
	for _, s := range All() {
		if slices.Contains(s.Methods, "POST") && s.vary == nil && s.Name != "status" {
			t.Errorf("%s takes a body, and its requests are all the same", s.Name)
		}
	}
}
