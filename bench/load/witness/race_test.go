package witness

import (
	"testing"
	"time"

	"github.com/benchctl/benchctl/bench/load/loadtest"
)

// racing starts a session that races, its connections without a delay.
func racing(t *testing.T, c Config) *Session {
	t.Helper()
	c.Timeout, c.Target = guard, loadtest.GetHello()
	s, err := newSession(c)
	if err != nil {
		t.Fatal(err)
	}
	s.race.spread = 0
	s.start(t.Context())
	return s
}

// How long a connection is kept is found before anything races with its end. A request that
// is sent then is told as such, and one whose connection was found closed is not sent.
func TestRace(t *testing.T) {
	t.Parallel()
	srv := listen(t)
	s := racing(t, Config{Address: srv.address(), Connections: 1, Race: guard})
	one := srv.accept()
	one.request()
	one.hello()
	one.CloseWrite() // at once: the race is soon after a reply
	one = srv.accept()
	one.request()
	one.hello()
	one.request() // which races, as it is not the connection's first
	one.reset()
	one = srv.accept()
	one.request()
	one.hello()
	one.request()
	one.hello()
	one.request()
	s.halt()
	one.Close()
	got := s.Stop()
	want := []Request{
		{Outcome: Completed}, {Outcome: Completed}, {Outcome: Reset, Raced: true}, {Outcome: Completed}, {Outcome: Completed, Raced: true}, {Outcome: Closed, Raced: true},
	}
	if len(got.Requests) != len(want) {
		t.Fatalf("requests are %+v", got.Requests)
	}
	for i, r := range got.Requests {
		if r.Outcome != want[i].Outcome || r.Raced != want[i].Raced || r.First == r.Raced {
			t.Errorf("request %d is %+v, want %+v", i, r, want[i])
		}
	}
	if r := got.Race; r == nil || len(r.Closed) != 1 || r.Closed[0] < 0 || r.Kept != 0 || r.Ending != 0 || r.Limit != guard || len(got.Replaced) != 0 {
		t.Errorf("race is %+v, replaced %+v", r, got.Replaced)
	}
}

// A connection that ends before its request is due costs none, and is opened anew.
func TestRaceFindsClosed(t *testing.T) {
	t.Parallel()
	srv := listen(t)
	s, err := newSession(Config{Address: srv.address(), Connections: 1, Race: guard, Timeout: guard, Target: loadtest.GetHello()})
	if err != nil {
		t.Fatal(err)
	}
	c := s.clients[0]
	s.begun, s.running, s.halt = time.Now(), t.Context(), func() {}
	defer c.drop()
	go func() {
		for range 2 {
			one := srv.accept()
			one.request()
			one.hello()
			one.Close()
		}
	}()
	for n := range 2 {
		c.ask(t.Context(), c.Now(), nil)
		c.sprint(t.Context(), time.Hour) // returns at the end of it
		if len(c.requests) != n+1 || len(c.replaced) != n+1 || c.conn != nil {
			t.Fatalf("requests are %+v, replaced %+v", c.requests, c.replaced)
		}
	}
}

// The moment to race with follows what is seen: earlier where connections are found closed,
// later where requests are answered.
func TestAim(t *testing.T) {
	r := newRace(Config{Connections: 1, Race: time.Second})
	r.told.Closed = []time.Duration{30, 10, 20}
	r.measuring.Done()
	r.settle()
	if !r.await(t.Context()) || r.aim() != 20 {
		t.Errorf("at first it is %d", r.aim())
	}
	for range recent {
		r.see(5)
	}
	if r.aim() != 5 || len(r.seen) != recent || len(r.told.Closed) != 3 {
		t.Errorf("later it is %d of %d", r.aim(), len(r.seen))
	}
}

// A load without a race is over by itself: where the server keeps idle connections for too
// long, or ends each with its reply, or answers nothing.
func TestNoRace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limit time.Duration
		serve func(*conn)
		want  Race
	}{
		"kept":   {time.Nanosecond, (*conn).hello, Race{Limit: time.Nanosecond, Kept: 2}},
		"ending": {guard, func(c *conn) { c.say("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nHello, World!"); c.Close() }, Race{Limit: guard, Ending: 2}},
		"reset":  {guard, (*conn).reset, Race{Limit: guard}},
	} {
		srv := listen(t)
		s := racing(t, Config{Address: srv.address(), Connections: 2, Race: c.limit})
		for range 2 {
			one := srv.accept()
			one.request()
			c.serve(one)
		}
		wait(t, "the end", s.Done())
		got := s.Stop()
		if r := got.Race; len(got.Requests) != 2 || len(r.Closed) > 0 || r.Kept != c.want.Kept || r.Ending != c.want.Ending || r.Limit != c.want.Limit {
			t.Errorf("%s: race is %+v, requests %+v", name, r, got.Requests)
		}
	}
}

// Sessions side by side have one race.
func TestRaceWith(t *testing.T) {
	a := &Race{Limit: time.Second, Closed: []time.Duration{1}, Kept: 1, Ending: 2}
	sum := Result{Race: a}.With(Result{Race: &Race{Limit: time.Second, Closed: []time.Duration{2, 3}, Kept: 3, Ending: 4}}, 0).Race
	if len(sum.Closed) != 3 || sum.Kept != 4 || sum.Ending != 6 || sum.Limit != time.Second || len(a.Closed) != 1 {
		t.Errorf("race is %+v", sum)
	}
}
