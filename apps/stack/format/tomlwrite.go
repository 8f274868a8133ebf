package format

import (
	"regexp"
	"slices"
	"strings"
)

func writeTOML(root *value) []byte {
	w := &tomlWriter{}
	w.table(nil, root)
	return []byte(strings.TrimPrefix(w.String(), "\n"))
}

type tomlWriter struct{ strings.Builder }

// table writes the pairs of a table whose header is written: first those of one line, as the
// others have headers of their own.
func (w *tomlWriter) table(path []string, v *value) {
	for _, p := range v.pairs {
		if !hasHeader(p.value) {
			w.WriteString(tomlKey(p.key) + " = " + tomlInline(p.value, "\n") + "\n")
		}
	}
	for _, p := range v.pairs {
		here := slices.Concat(path, []string{tomlKey(p.key)})
		name := strings.Join(here, ".")
		switch {
		case !hasHeader(p.value):
		case p.value.kind == mapping:
			if !onlyTables(p.value) {
				w.WriteString("\n[" + name + "]\n")
			}
			w.table(here, p.value)
		default:
			for _, item := range p.value.items {
				w.WriteString("\n[[" + name + "]]\n")
				w.table(here, item)
			}
		}
	}
}

// inlineWidth is how long the lines of a list may be before its tables get headers.
const inlineWidth = 100

// hasHeader tells whether a value is written as a table, or a list of them.
func hasHeader(v *value) bool {
	if v.kind == mapping {
		return true
	}
	wide := false
	for _, item := range v.items {
		if item.kind != mapping {
			return false
		}
		wide = wide || len(tomlInline(item, "")) > inlineWidth
	}
	return wide
}

// onlyTables tells whether a table needs no header, as those of its tables imply it.
func onlyTables(v *value) bool {
	for _, p := range v.pairs {
		if p.value.kind != mapping {
			return false
		}
	}
	return len(v.pairs) > 0
}

// tomlInline is a value as it stands after "=". Items of a list that has more than scalars are on
// lines of their own, which line begins, if it is not "".
func tomlInline(v *value, line string) string {
	var all []string
	switch {
	case v.bare:
		return v.text
	case v.kind == scalar:
		return quoted(v.text)
	case v.kind == mapping:
		for _, p := range v.pairs {
			all = append(all, tomlKey(p.key)+" = "+tomlInline(p.value, ""))
		}
		if len(all) == 0 {
			return "{}"
		}
		return "{ " + strings.Join(all, ", ") + " }"
	}
	nested := false
	for _, one := range v.items {
		nested = nested || one.kind != scalar
		all = append(all, tomlInline(one, ""))
	}
	if nested && line != "" {
		return "[" + line + "  " + strings.Join(all, ","+line+"  ") + "," + line + "]"
	}
	return "[" + strings.Join(all, ", ") + "]"
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func tomlKey(key string) string {
	if bareKey.MatchString(key) {
		return key
	}
	return quoted(key)
}
