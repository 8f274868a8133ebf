package paste

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// isSpace tells what str.isspace of Python does, which str.strip and \s go by too.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

func strip(s string) string { return strings.TrimFunc(s, isSpace) }

func stripRight(s string) string { return strings.TrimRightFunc(s, isSpace) }

// columns are how many columns a text takes.
func columns(s string) int { return utf8.RuneCountInString(s) }

// cutLine cuts the first line off a text, which "\n", "\r" or "\r\n" ends.
func cutLine(text string) (line, rest string) {
	i := strings.IndexAny(text, "\r\n")
	if i < 0 {
		return text, ""
	}
	if strings.HasPrefix(text[i:], "\r\n") {
		return text[:i], text[i+2:]
	}
	return text[:i], text[i+1:]
}

// unquote is urllib.parse.unquote.
func unquote(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			high, low := unhex(s[i+1]), unhex(s[i+2])
			if high >= 0 && low >= 0 {
				out.WriteByte(byte(high<<4 | low))
				i += 2
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return strings.ToValidUTF8(out.String(), "\uFFFD")
}

func unhex(b byte) int {
	n, err := strconv.ParseUint(string(rune(b)), 16, 8)
	if err != nil {
		return -1
	}
	return int(n)
}
