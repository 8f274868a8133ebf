package nearest

import "testing"

func TestName(t *testing.T) {
	known := []string{"concurrency-1", "concurrency-16", "concurrency-256", "rate-1000", "smoke"}
	for _, c := range []struct{ word, want string }{
		{"concurency-256", "concurrency-256"},
		{"concurrency-2", "concurrency-1"},
		{"smok", "smoke"},
		{"Smoke", "smoke"},
		{"conc", "concurrency-1"},
		{"rate", "rate-1000"},
		{"r", ""},
		{"", ""},
		{"hello", ""},
		{string(make([]byte, 65)), ""},
	} {
		got, ok := Name(c.word, known)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("Name(%q) = %q, %v, want %q", c.word, got, ok, c.want)
		}
	}
}

func TestNameIsNotReplacedWhole(t *testing.T) {
	if got, ok := Name("x", []string{"a", "b"}); ok {
		t.Errorf("Name = %q: no letter of it was written", got)
	}
}

func TestHint(t *testing.T) {
	for _, c := range []struct {
		word  string
		known []string
		want  string
	}{
		{"helo", []string{"hello", "json"}, `: did you mean "hello"?`},
		{"quux", []string{"hello", "json"}, ": known are hello, json"},
		{"quux", []string{"hello"}, ": known is hello"},
		{"quux", nil, ""},
		{"gunicorn", []string{"uvicorn", "gunicorn-gevent", "gunicorn-sync"}, ": did you mean one of gunicorn-gevent, gunicorn-sync?"},
		{"gunicorn", []string{"uvicorn", "gunicorn-gevent"}, `: did you mean "gunicorn-gevent"?`},
		{"concurrency-2", []string{"concurrency-1", "concurrency-256", "concurrency-200"}, `: did you mean "concurrency-1"?`},
	} {
		if got := Hint(c.word, c.known); got != c.want {
			t.Errorf("Hint(%q) = %q, want %q", c.word, got, c.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"same", "same", 0},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}
