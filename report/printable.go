package report

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/benchctl/benchctl/results/judge"
)

// Printable returns s with every rune that does not print in one place
// (control characters, terminal escapes, direction overrides, invisible marks,
// bytes that are not UTF-8) replaced by a visible escape: "\x1b", "\u202e".
// Other kinds of space become a plain one.
func Printable(s string) string {
	if !strings.ContainsFunc(s, unprintable) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && s[i] != 0xef: // U+FFFD itself starts with 0xef
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !unprintable(r):
			b.WriteRune(r)
		case unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// Prose is Printable for texts of several lines: reasons may quote the end of a log.
// Lines are kept, tabs become spaces.
func Prose(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "\r\n", "\n")
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = Printable(strings.ReplaceAll(strings.TrimRight(l, " \t"), "\t", "    "))
	}
	return strings.Join(lines, "\n")
}

// printable returns a deep copy of s whose strings are all printable. Fields with the tag `print:"lines"` keep
// their lines.
func printable(s *judge.Summary) *judge.Summary {
	return clean(reflect.ValueOf(s), Printable).Interface().(*judge.Summary)
}

// clean is a deep copy of v with every string passed through text, keys of maps too.
func clean(v reflect.Value, text func(string) string) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		c.SetString(text(v.String()))
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		c.Set(reflect.New(v.Type().Elem()))
		c.Elem().Set(clean(v.Elem(), text))
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		c.Set(clean(v.Elem(), text))
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		c.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			c.Index(i).Set(clean(v.Index(i), text))
		}
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		c.Set(cleanMap(v, text))
	case reflect.Struct:
		c.Set(v)
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				c.Field(i).Set(clean(v.Field(i), cleaner(field, text)))
			}
		}
	default:
		return v
	}
	return c
}

func cleaner(field reflect.StructField, text func(string) string) func(string) string {
	if field.Tag.Get("print") == "lines" {
		return lines
	}
	return text
}

// lines is Prose of a text that may be a part of a sentence: what is around it stays.
func lines(s string) string {
	trimmed := strings.TrimSpace(s)
	if trimmed == "" {
		return Printable(s)
	}
	before, after, _ := strings.Cut(s, trimmed)
	if strings.TrimLeft(before, " ") != "" {
		before = ""
	}
	if strings.TrimLeft(after, " ") != "" {
		after = ""
	}
	return before + Prose(trimmed) + after
}

// cleanMap adds up counts of keys that print alike.
func cleanMap(v reflect.Value, text func(string) string) reflect.Value {
	c := reflect.MakeMapWithSize(v.Type(), v.Len())
	for key, value := range v.Seq2() {
		key, value = clean(key, text), clean(value, text)
		switch had := c.MapIndex(key); {
		case had.IsValid() && value.CanUint():
			sum := reflect.New(value.Type()).Elem()
			sum.SetUint(had.Uint() + value.Uint())
			value = sum
		case had.IsValid() && value.CanInt():
			sum := reflect.New(value.Type()).Elem()
			sum.SetInt(had.Int() + value.Int())
			value = sum
		}
		c.SetMapIndex(key, value)
	}
	return c
}
