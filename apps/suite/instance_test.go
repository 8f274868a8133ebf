package suite

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"hello", "hello"},
		{"size?bytes=10000", "size?bytes=10000"},
		{"size?bytes=007", "size?bytes=7"},
		{"stream?ms=1&chunks=2", "stream?ms=1&chunks=2"},
	} {
		i, err := Parse(c.name)
		if err != nil || i.String() != c.want || i.Exchange().Target != "/"+c.want {
			t.Errorf("Parse(%q) = %q, %v, want %q", c.name, i, err, c.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	known := "known are " + strings.Join(Names(), ", ")
	for _, c := range []struct{ name, want string }{
		{"", `unknown app "": ` + known},
		{"helo", `unknown app "helo": did you mean "hello"?`},
		{"/hello", `unknown app "/hello": did you mean "hello"?`},
		{"a\n<b>", `unknown app "a\x0a<b>": ` + known},
		{"size?", `app size: no parameters after "?"`},
		{"size?byts=1", `app size: unknown parameter "byts": did you mean "bytes"?`},
		{"size?bytes=1?bytes=2", `app size: parameter "bytes" is "1?bytes=2": a whole number from 1 to 100000000 is needed`},
	} {
		if _, err := Parse(c.name); err == nil || err.Error() != c.want {
			t.Errorf("Parse(%q): %v, want %s", c.name, err, c.want)
		}
	}
}

// FuzzParse holds that what Parse takes is spelled in one way, that its text is
// safe to show, and that no name panics.
func FuzzParse(f *testing.F) {
	for _, s := range All() {
		f.Add(s.Name)
		for _, p := range s.Params {
			f.Add(s.Name + "?" + p.Name + "=1")
		}
	}
	f.Add("stream?chunks=1&bytes=02&ms=3")
	f.Add("size?bytes=1&bytes=1")
	f.Add("size?&=\x00")
	f.Fuzz(func(t *testing.T, name string) {
		i, err := Parse(name)
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("Parse(%q): error is not plain: %q", name, err)
			}
			return
		}
		again, err := Parse(i.String())
		if err != nil || again.String() != i.String() || again.Args != i.Args {
			t.Errorf("Parse(%q) = %q, again %q, %v", name, i, again, err)
		}
	})
}
