package http1

import "testing"

// A quote is short, and what is binary in it can be read.
func TestFaultQuotes(t *testing.T) {
	const long = "A: 0123456789012345678901234567890123456789"
	for _, test := range []struct {
		fault *Fault
		want  string
	}{
		{faultField, "bad header field"},
		{faultField.In([]byte("A : b\r\n")), `bad header field, in "A : b\r\n"`},
		{faultField.In([]byte("\x00\xff")), `bad header field, in "\x00\xff"`},
		{faultField.In([]byte(long)), `bad header field, in "` + long[:40] + `"`},
	} {
		if got := test.fault.Error(); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

func TestExcerpt(t *testing.T) {
	text := make([]byte, 100)
	for i := range text {
		text[i] = byte(i)
	}
	for _, test := range []struct{ length, at, from, to int }{
		{0, 0, 0, 0}, {2, 1, 0, 2}, {40, 39, 0, 40}, {100, 0, 0, 40}, {100, 50, 30, 70}, {100, 99, 60, 100},
	} {
		if got := Excerpt(text[:test.length], test.at); string(got) != string(text[test.from:test.to]) {
			t.Errorf("around %d of %d bytes: %v, want %d to %d", test.at, test.length, got, test.from, test.to)
		}
	}
}
