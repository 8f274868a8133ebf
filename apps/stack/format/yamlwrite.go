package format

import (
	"regexp"
	"strconv"
	"strings"
)

func writeYAML(root *value) []byte {
	return []byte(strings.Join(yamlLines(root), "\n") + "\n")
}

// yamlLines are the lines of a list or mapping.
func yamlLines(v *value) []string {
	var out []string
	for _, p := range v.pairs {
		key := yamlText(p.key) + ":"
		if line, ok := yamlLine(p.value); ok {
			out = append(out, key+" "+line)
			continue
		}
		out = append(append(out, key), indented(yamlLines(p.value))...)
	}
	for _, one := range v.items {
		if line, ok := yamlLine(one); ok {
			out = append(out, "- "+line)
			continue
		}
		lines := indented(yamlLines(one))
		lines[0] = "- " + lines[0][2:]
		out = append(out, lines...)
	}
	return out
}

// yamlLine is a value that needs no lines of its own.
func yamlLine(v *value) (string, bool) {
	switch {
	case v.bare:
		return v.text, true
	case v.kind == scalar:
		return yamlText(v.text), true
	case v.kind == list && len(v.items) == 0:
		return "[]", true
	case v.kind == mapping && len(v.pairs) == 0:
		return "{}", true
	}
	return "", false
}

func indented(lines []string) []string {
	for i := range lines {
		lines[i] = "  " + lines[i]
	}
	return lines
}

var (
	plainText = regexp.MustCompile(`^(?:[A-Za-z/][A-Za-z0-9_./-]*|[0-9.]+[A-Za-zµ][A-Za-zµ0-9.]*)$`)
	plainWord = regexp.MustCompile(`(?i)^(?:true|false|yes|no|on|off|y|n|null|nan|inf|infinity)$`)
)

// yamlText is a text, without quotes where no reader of YAML 1.1 or 1.2 takes it for something
// else.
func yamlText(text string) string {
	_, isInt := strconv.ParseInt(text, 0, 64)
	_, isFloat := strconv.ParseFloat(text, 64)
	if plainText.MatchString(text) && !plainWord.MatchString(text) && isInt != nil && isFloat != nil {
		return text
	}
	return quoted(text)
}
