package format

import (
	"fmt"
	"strings"
	"unicode"
)

// escapes are those that YAML, TOML and JSON share.
var escapes = map[rune]string{
	'"': `\"`, '\\': `\\`, '\b': `\b`, '\t': `\t`, '\n': `\n`, '\f': `\f`, '\r': `\r`,
}

// quoted is a text in double quotes, which YAML, TOML and JSON read alike.
func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch escape := escapes[r]; {
		case escape != "":
			b.WriteString(escape)
		case r < 0x10000 && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
