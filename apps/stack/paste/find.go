package paste

import "strings"

// prefixes are those of the sections that may stand for an app or a filter. Of those in a group
// the first that has the name wins; names in two groups are ambiguous.
func prefixes(kind Kind) [][]string {
	if kind == Filter {
		return [][]string{{"filter"}}
	}
	return [][]string{{"app", "application"}, {"composite", "composit"}, {"pipeline"}, {"filter-app"}} //nolint:misspell // Paste's
}

// find is the section of a name.
func (l *loader) find(kind Kind, name word) (*section, error) {
	var found []*section
	for _, group := range prefixes(kind) {
		var chosen []*section
		for _, prefix := range group {
			hits := l.file.index[prefix+":"+name.text]
			switch {
			case len(chosen) == 0:
				chosen = hits
			case len(hits) > 0:
				l.r.warnings.add(hits[0].at, "["+hits[0].name+"] is hidden by ["+chosen[0].name+"]")
			}
		}
		found = append(found, chosen...)
	}
	switch len(found) {
	case 0:
		return nil, l.missing(kind, name)
	case 1:
		return found[0], nil
	}
	return nil, fault(name.at, "%q may be [%s] in line %d or [%s] in line %d of %s", name.text,
		found[0].name, found[0].at.Line, found[1].name, found[1].at.Line, l.file.shown)
}

// missing is the error that there is no section of a name.
func (l *loader) missing(kind Kind, name word) error {
	other := map[Kind]Kind{Application: Filter, Filter: Application}[kind]
	if wrong := l.anyOf(other, name.text); wrong != nil {
		return fault(name.at, "%s has no %s %q; [%s] in line %d is none", l.file.shown, kind, abridged(name.text), wrong.name, wrong.at.Line)
	}
	var known []string
	for _, s := range l.file.sections {
		if rest, ok := prefixed(kind, s.name); ok {
			known = append(known, rest)
		}
	}
	return fault(name.at, "%s has no %s %q%s", l.file.shown, kind, abridged(name.text), hint(name.text, known))
}

// anyOf is a section of a name, if there is one.
func (l *loader) anyOf(kind Kind, name string) *section {
	for _, s := range l.file.sections {
		if rest, ok := prefixed(kind, s.name); ok && rest == name {
			return s
		}
	}
	return nil
}

// prefixed is the name of a section without the prefix.
func prefixed(kind Kind, section string) (name string, ok bool) {
	prefix, rest, _ := strings.Cut(section, ":")
	for _, group := range prefixes(kind) {
		for _, p := range group {
			if p == prefix {
				return strip(rest), true
			}
		}
	}
	return "", false
}
