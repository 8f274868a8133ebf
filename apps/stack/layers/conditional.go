package layers

import (
	"iter"
	"net/http"
	"strings"

	"github.com/benchctl/benchctl/apps"
)

// tags is the entity tags of a list of them, as they are written (RFC 9110 section 8.8.3). It ends
// where something else is in the list.
func tags(list string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			list = strings.TrimLeft(list, " \t,")
			opaque := strings.TrimPrefix(list, "W/")
			if !strings.HasPrefix(opaque, `"`) {
				return
			}
			end := strings.IndexByte(opaque[1:], '"')
			if end < 0 {
				return
			}
			n := len(list) - len(opaque) + end + 2
			if !yield(list[:n]) {
				return
			}
			list = list[n:]
		}
	}
}

// weak is a tag as a weak one.
func weak(tag string) string {
	if tag == "" || isWeak(tag) {
		return tag
	}
	return "W/" + tag
}

func isWeak(tag string) bool { return strings.HasPrefix(tag, "W/") }

// sameStrong compares tags strongly, sameWeak weakly (RFC 9110 section 8.8.3.2).
func sameStrong(a, b string) bool { return a == b && a != "" && !isWeak(a) }
func sameWeak(a, b string) bool {
	return b != "" && strings.TrimPrefix(a, "W/") == strings.TrimPrefix(b, "W/")
}

// matches tells whether a condition holds for a representation with a tag: it is "*", or has the tag.
func matches(condition, tag string, same func(a, b string) bool) bool {
	if strings.Trim(condition, " \t") == "*" {
		return true
	}
	for one := range tags(condition) {
		if same(one, tag) {
			return true
		}
	}
	return false
}

// precondition is the status by which the preconditions of a GET or HEAD are answered, in the
// order of RFC 9110 section 13.2.2: 412, 304, or 0 if all hold. The representation has a tag and a
// date of its last change, or "".
func precondition(req apps.Request, tag, modified string) int {
	if match := req.Header("If-Match"); match != "" {
		if !matches(match, tag, sameStrong) {
			return 412
		}
	} else if c, known := compareDates(modified, req.Header("If-Unmodified-Since")); known && c > 0 {
		return 412
	}
	if none := req.Header("If-None-Match"); none != "" {
		if matches(none, tag, sameWeak) {
			return 304
		}
	} else if c, known := compareDates(modified, req.Header("If-Modified-Since")); known && c <= 0 {
		return 304
	}
	return 0
}

// compareDates compares two dates, where both are (RFC 9110 section 5.6.7).
func compareDates(a, b string) (c int, known bool) {
	if a == "" || b == "" {
		return 0, false
	}
	x, errX := http.ParseTime(a)
	y, errY := http.ParseTime(b)
	return x.Compare(y), errX == nil && errY == nil
}
