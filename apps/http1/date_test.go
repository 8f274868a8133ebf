package http1

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestParseDate(t *testing.T) {
	for day := time.Date(1999, 12, 30, 23, 59, 58, 0, time.UTC); day.Year() < 2041; day = day.Add(25*time.Hour + 61*time.Second) {
		text := []byte(day.Format(http.TimeFormat))
		if got, ok := ParseDate(text); !ok || got != day.Unix() {
			t.Fatalf("%s is %d, %v, want %d", text, got, ok, day.Unix())
		}
	}
	// The three forms of RFC 9110 section 5.6.7.
	for _, text := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"} {
		if got, ok := ParseDate([]byte(text)); !ok || got != 784111777 {
			t.Errorf("%s is %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{
		"", "now", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nox 1994 08:49:37 GMT", "Sun, 06 anF 1994 08:49:37 GMT", "Sun, 0x Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 08:-9:37 GMT", strings.Repeat("x", 29),
	} {
		if got, ok := ParseDate([]byte(text)); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
	date := []byte("Sun, 06 Nov 1994 08:49:37 GMT")
	if n := testing.AllocsPerRun(100, func() { ParseDate(date) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// What net/http takes for a date is the same one here.
func FuzzParseDate(f *testing.F) {
	for _, text := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Thu, 29 Feb 2024 23:59:59 GMT", ""} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		want, err := http.ParseTime(string(b))
		if got, ok := ParseDate(b); err == nil && (!ok || got != want.Unix()) {
			t.Errorf("%q is %d, %v, want %d", b, got, ok, want.Unix())
		}
	})
}
