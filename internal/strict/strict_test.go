package strict

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// thing is what the tests read.
type thing struct {
	Name  string
	Kind  string
	Count int
	Wait  time.Duration
	Words []string
	Free  map[string]string
	Inner struct{ Text string }
	On    bool
}

func read(data string) (thing, error) {
	var x thing
	doc, err := Parse("x.yaml", []byte(data))
	if err != nil {
		return x, err
	}
	err = doc.Fields(Fields{
		"name":  Name(&x.Name),
		"kind":  OneOf(&x.Kind, "raw", "vegeta"),
		"count": Int(&x.Count, 1, 10),
		"wait":  Duration(&x.Wait, 0, time.Minute),
		"words": func(n Node) error {
			return n.Items(func(item Node) error {
				text, err := item.Text()
				x.Words = append(x.Words, text)
				return err
			})
		},
		"free": func(n Node) error {
			x.Free = map[string]string{}
			return n.Pairs(func(key string, v Node) error {
				text, err := v.Text()
				x.Free[key] = text
				return err
			})
		},
		"inner": func(n Node) error { return n.Fields(Fields{"text": Line(&x.Inner.Text)}, "text") },
		"on":    func(n Node) (err error) { x.On, err = n.Bool(); return err },
	}, "name")
	return x, err
}

func TestRead(t *testing.T) {
	got, err := read(`# a comment
name: a-1.b
kind: raw
count: 3 # another
wait: 250ms
words: [one, 2, true, "four five"]
free:
  A: 1.10
  B: |
    first
    second
  C: ""
inner:
  text: 'it: is'
on: true
`)
	want := thing{
		Name: "a-1.b", Kind: "raw", Count: 3, Wait: 250 * time.Millisecond,
		Words: []string{"one", "2", "true", "four five"},
		Free:  map[string]string{"A": "1.10", "B": "first\nsecond\n", "C": ""},
		On:    true,
	}
	want.Inner.Text = "it: is"
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read = %+v, %v, want %+v", got, err, want)
	}
}

// A file may say what it is before it says anything else.
func TestReadBeginnings(t *testing.T) {
	plain, err := read("\n\nname: x\nkind: raw\n")
	for _, begin := range []string{"\ufeff\n\n", "%YAML 1.2\n---\n", "\ufeff%YAML 1.1 # old\r\n---\n", "---\n\n"} {
		got, other := read(begin + "name: x\nkind: raw\n")
		if fmt.Sprint(other) != fmt.Sprint(err) || !reflect.DeepEqual(got, plain) {
			t.Errorf("%q: %+v, %v, want %+v, %v", begin, got, other, plain, err)
		}
		if _, err := read(begin + "nam: x\n"); err == nil || !strings.Contains(err.Error(), ":3: ") {
			t.Errorf("%q: %v, want an error in line 3", begin, err)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", `x.yaml:1: is empty`},
		{"comment only", "# nothing\n", `x.yaml:1: is empty`},
		{"a list", "- a\n", `x.yaml:1: a mapping of keys to values is needed, not a list`},
		{"a scalar", "hello", `x.yaml:1: a mapping of keys to values is needed, not text`},
		{"two documents", "name: a\n---\nname: b\n", `x.yaml:1: more than one document`},
		{"syntax", "name: a\nwords: [a, b\n", `x.yaml:2: `},
		{"tab", "name: a\n\tkind: raw\n", `x.yaml:2: `},
		{"missing", "kind: raw\n", `x.yaml:1: key "name" is missing`},
		{"missing inside", "name: a\ninner: {}\n", `x.yaml:2: inner: key "text" is missing`},
		{"unknown near", "name: a\n\ncuont: 3\n", `x.yaml:3: unknown key "cuont": did you mean "count"?`},
		{"unknown far", "name: a\nzzzzzz: 3\n", `x.yaml:2: unknown key "zzzzzz": known are count, free, inner, kind, name, on, wait, words`},
		{"unknown inside", "name: a\ninner:\n  txt: a\n", `x.yaml:3: inner: unknown key "txt": did you mean "text"?`},
		{"twice", "name: a\nkind: raw\nname: b\n", `x.yaml:3: `},
		{"twice inside", "name: a\nfree:\n  A: 1\n  A: 2\n", `x.yaml:4: `},
		{"bad name", "name: A/b\n", `x.yaml:1: name: "A/b" is not a name: a-z, 0-9, and . _ - after the first`},
		{"null", "name:\n", `x.yaml:1: name: text is needed, not nothing`},
		{"list for text", "name: [a]\n", `x.yaml:1: name: text is needed, not a list`},
		{"mapping for text", "name:\n  a: b\n", `x.yaml:1: name: text is needed, not a mapping`},
		{"text for list", "name: a\nwords: a b\n", `x.yaml:2: words: a list is needed, not text`},
		{"list in list", "name: a\nwords:\n  - a\n  - [b]\n", `x.yaml:4: words[1]: text is needed, not a list`},
		{"mapping in list", "name: a\nwords:\n  - a\n  - b: c\n", `x.yaml:4: words[1]: text is needed, not a mapping`},
		{"not one of", "name: a\nkind: vegata\n", `x.yaml:2: kind: unknown value "vegata": did you mean "vegeta"?`},
		{"not a number", "name: a\ncount: many\n", `x.yaml:2: count: "many" is not a whole number from 1 to 10`},
		{"too great", "name: a\ncount: 11\n", `x.yaml:2: count: "11" is not a whole number from 1 to 10`},
		{"fraction", "name: a\ncount: 1.5\n", `x.yaml:2: count: "1.5" is not a whole number from 1 to 10`},
		{"a float that is none", "name: a\ncount: .nan\n", `x.yaml:2: count: ".nan" is not a whole number from 1 to 10`},
		{"no unit", "name: a\nwait: 5\n", `x.yaml:2: wait: "5" is not a time with unit from 0s to 1m0s`},
		{"negative", "name: a\nwait: -5s\n", `x.yaml:2: wait: "-5s" is not a time with unit from 0s to 1m0s`},
		{"empty line", "name: a\ninner:\n  text: ''\n", `x.yaml:3: inner.text: is empty`},
		{"two lines", "name: a\ninner:\n  text: |\n    a\n    b\n", `x.yaml:3: inner.text: is more than one line`},
		{"not bool", "name: a\non: yes\n", `x.yaml:2: on: true or false is needed, not text`},
		{"anchor", "name: &n a\n", `x.yaml:1: name: an anchor is not taken here`},
		{"alias", "name: a\nkind: *n\n", `x.yaml:2: `},
		{"tag", "name: !!str a\n", `x.yaml:1: name: a tag is not taken here`},
		{"merge", "name: a\nfree:\n  <<: {A: 1}\n", `x.yaml:3: free: a key must be plain text, not a merge key`},
		{"list as key", "name: a\n? [b]\n: c\n", `x.yaml:3: `},
		{"deep brackets", "name: a\nwords: " + strings.Repeat("[", 10000), `x.yaml:2: more than 16 values within values`},
		{"deep items", "name: a\nwords:\n  " + strings.Repeat("- ", 10000), `x.yaml:3: more than 16 values within values`},
		{"too big", "name: " + strings.Repeat("a", maxSize), `x.yaml:1: `},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(c.data)
			if err == nil {
				t.Fatalf("no error, want %s", c.want)
			}
			if got := err.Error(); got != c.want && !(strings.HasSuffix(c.want, ": ") && strings.HasPrefix(got, c.want)) {
				t.Errorf("error is\n%s\nwant\n%s", got, c.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error is more than one line:\n%s", err)
			}
			var place *Error
			if !errors.As(err, &place) || place.File != "x.yaml" || place.Line < 1 {
				t.Errorf("error is not placed: %#v", err)
			}
		})
	}
}

func TestErrorAt(t *testing.T) {
	doc, err := Parse("x.yaml", []byte("a: |\n  one\n  two\nb: one\nc: [x]\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	take := func(n Node) error {
		got[n.key] = n.ErrorAt(1, "wrong").Error()
		return nil
	}
	if err := doc.Fields(Fields{"a": take, "b": take, "c": func(n Node) error { return n.Items(take) }}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": "x.yaml:3: a: wrong", "b": "x.yaml:5: b: wrong", "c[0]": "x.yaml:6: c[0]: wrong"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// FuzzParse holds that no document panics, and that every error has its place.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "name: a", "name: a\nwords: [a, {b: c}]", "free: {a: &x 1, b: *x}", "a: |\n  b", "? a\n: b", "---\n...\n---",
		"name: \"\\u00e9\"", "- - - a", "{a: {b: {c: [[]]}}}", "!!map {a: b}", "<<: *a", "a: >-\n\n  x\n y",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		_, err := read(data)
		var place *Error
		if err != nil && (!errors.As(err, &place) || place.Line < 1) {
			t.Errorf("error has no place: %v", err)
		}
	})
}
