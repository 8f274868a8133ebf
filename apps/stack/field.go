package stack

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Field is one field of the config of a Layer or Source, as its tags declare it:
//
//	Level int `stack:"level" default:"6" min:"1" max:"9" doc:"how hard to compress"`
//
// A field's zero value means its default. The tags min and max bound numbers, Sizes and
// durations; oneof lists the values that there are, with spaces between; required is "true" where the
// zero value is none. Fields without the tag stack are not config, and no file sets them.
type Field struct {
	Name, Doc         string
	Type              Type
	Default, Min, Max string   // as Parse reads them; "" if there is none
	OneOf             []string // nil: any
	Required          bool
	index             int
}

// Type is how a field's value is written.
type Type string

// The types of fields, by their Go type.
const (
	Text     Type = "text"     // string
	Number   Type = "number"   // int, int64
	Fraction Type = "fraction" // float64
	Bool     Type = "bool"     // bool
	Duration Type = "duration" // time.Duration, as time.ParseDuration reads it
	Bytes    Type = "size"     // Size
	Hidden   Type = "secret"   // Secret
	List     Type = "list"     // []string
	Map      Type = "map"      // map[string]string
)

// types are the types of fields.
var types = map[reflect.Type]Type{
	reflect.TypeFor[string](): Text, reflect.TypeFor[int](): Number, reflect.TypeFor[int64](): Number,
	reflect.TypeFor[float64](): Fraction, reflect.TypeFor[bool](): Bool, reflect.TypeFor[time.Duration](): Duration,
	reflect.TypeFor[Size](): Bytes, reflect.TypeFor[Secret](): Hidden, reflect.TypeFor[[]string](): List,
	reflect.TypeFor[map[string]string](): Map,
}

// Fields are the config fields of a Layer or Source, in the order of their declaration. It panics
// if the tags are wrong, which is a fault of the program.
func Fields(part any) []Field {
	t := reflect.TypeOf(part)
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	var out []Field
	for i := range t.NumField() {
		f := t.Field(i)
		name, ok := f.Tag.Lookup("stack")
		if !ok {
			continue
		}
		kind := types[f.Type]
		if kind == "" || !f.IsExported() {
			panic(fmt.Sprintf("stack: %v.%s: no type of a field: %v", t, f.Name, f.Type))
		}
		out = append(out, Field{
			Name: name, Doc: f.Tag.Get("doc"), Type: kind, Default: f.Tag.Get("default"), Min: f.Tag.Get("min"), Max: f.Tag.Get("max"),
			OneOf: strings.Fields(f.Tag.Get("oneof")), Required: f.Tag.Get("required") == "true", index: i,
		})
	}
	return out
}

// Value is the value of the field in part.
func (f Field) Value(part any) any { return reflect.ValueOf(part).Field(f.index).Interface() }

// With is part with the field set to what Parse gave.
func (f Field) With(part, value any) any {
	v := reflect.New(reflect.TypeOf(part)).Elem()
	v.Set(reflect.ValueOf(part))
	v.Field(f.index).Set(reflect.ValueOf(value).Convert(v.Field(f.index).Type()))
	return v.Interface()
}

// Parse reads a value of the field's type from text: a list's items are separated by spaces or
// line breaks; a map has an item "name: value" on each line.
func (f Field) Parse(text string) (any, error) {
	switch f.Type {
	case Number:
		n, err := strconv.ParseInt(text, 10, 64)
		return n, unread(err, text, "a whole number")
	case Fraction:
		n, err := strconv.ParseFloat(text, 64)
		if err == nil && n-n != 0 { // no bound holds NaN, and no file's number is infinite
			err = strconv.ErrSyntax
		}
		return n, unread(err, text, "a number")
	case Bool:
		return parseBool(text)
	case Duration:
		d, err := time.ParseDuration(text)
		return d, unread(err, text, `a duration with a unit, as "30s"`)
	case Bytes:
		return ParseSize(text)
	case Hidden:
		return parseSecret(text)
	case List:
		return strings.Fields(text), nil
	case Map:
		return parseMap(text)
	}
	return text, nil
}

func unread(err error, text, what string) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%s is beyond what a number holds", strconv.Quote(text))
	}
	return fmt.Errorf("%s is not %s", strconv.Quote(text), what)
}

// parseBool reads what Paste's converters.asbool reads.
func parseBool(text string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "yes", "on", "y", "t", "1":
		return true, nil
	case "false", "no", "off", "n", "f", "0":
		return false, nil
	}
	return false, fmt.Errorf("%s is neither true nor false", strconv.Quote(text))
}

func parseMap(text string) (map[string]string, error) {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("%s is not \"name: value\"", strconv.Quote(line))
		}
		if _, twice := all[strings.TrimSpace(name)]; twice {
			return nil, fmt.Errorf("%s is set twice", strconv.Quote(strings.TrimSpace(name)))
		}
		all[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return all, nil
}

// Format writes a value of the field so that Parse reads the same.
func (f Field) Format(value any) string {
	switch v := value.(type) {
	case []string:
		return strings.Join(v, " ")
	case map[string]string:
		var lines []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			lines = append(lines, name+": "+v[name])
		}
		return strings.Join(lines, "\n")
	case Secret:
		return string(v)
	}
	return fmt.Sprint(value)
}

// fieldError is a fault of a field by its name.
type fieldError struct {
	name string
	err  error
}

// completed is a copy of part, which shares nothing with it, whose fields have their defaults, and
// what is wrong with them.
func completed(part any) (any, []fieldError) {
	if reflect.TypeOf(part).Kind() == reflect.Pointer {
		return nil, []fieldError{{"", fmt.Errorf("%T is a pointer; a part is a value, which can't change after the build", part)}}
	}
	var errs []fieldError
	for _, f := range Fields(part) {
		value := f.Value(part)
		switch {
		case !reflect.ValueOf(value).IsZero():
		case f.Required:
			errs = append(errs, fieldError{f.Name, errors.New("is required")})
			continue
		case f.Default != "":
			v, err := f.Parse(f.Default)
			if err != nil {
				panic(fmt.Sprintf("stack: %T: default of %s: %v", part, f.Name, err))
			}
			part, value = f.With(part, v), v
		default:
			continue
		}
		if err := f.check(value); err != nil {
			errs = append(errs, fieldError{f.Name, err})
			continue
		}
		part = f.With(part, unshared(value))
	}
	if len(errs) == 0 {
		if c, ok := part.(Checker); ok {
			if err := c.Check(); err != nil {
				errs = append(errs, fieldError{"", err})
			}
		}
	}
	return part, errs
}

// Checker is a Layer or Source with conflicts between its fields. Check sees them complete.
type Checker interface{ Check() error }

func unshared(value any) any {
	switch v := value.(type) {
	case []string:
		return slices.Clone(v)
	case map[string]string:
		return maps.Clone(v)
	}
	return value
}

// check holds a value against the field's bounds.
func (f Field) check(value any) error {
	if text, ok := value.(string); ok && len(f.OneOf) > 0 && !slices.Contains(f.OneOf, text) {
		return fmt.Errorf("%s is none of %s", strconv.Quote(text), strings.Join(f.OneOf, ", "))
	}
	n, ok := amount(value)
	if !ok {
		return nil
	}
	for _, bound := range []struct {
		text, word string
		beyond     func(n, limit float64) bool
	}{
		{f.Min, "less", func(n, limit float64) bool { return n < limit }},
		{f.Max, "more", func(n, limit float64) bool { return n > limit }},
	} {
		if bound.text == "" {
			continue
		}
		v, err := f.Parse(bound.text)
		if err != nil {
			panic(fmt.Sprintf("stack: bound of %s: %v", f.Name, err))
		}
		if limit, _ := amount(v); bound.beyond(n, limit) {
			return fmt.Errorf("%s is %s than %s", f.Format(value), bound.word, bound.text)
		}
	}
	return nil
}

// amount is the value as a number, if it is of a type that has bounds.
func amount(value any) (float64, bool) {
	v := reflect.ValueOf(value)
	switch {
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanFloat():
		return v.Float(), true
	}
	return 0, false
}
