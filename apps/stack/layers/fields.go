package layers

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// listed is the members of a list of tokens (RFC 9110 section 5.6.1), without the empty ones.
func listed(list string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for list != "" {
			var one string
			one, list, _ = strings.Cut(list, ",")
			if one = strings.Trim(one, " \t"); one != "" && !yield(one) {
				return
			}
		}
	}
}

// lists tells whether a list has a member, without regard to case.
func lists(list, member string) bool {
	for one := range listed(list) {
		if strings.EqualFold(one, member) {
			return true
		}
	}
	return false
}

// varying adds names to the field Vary (RFC 9110 section 12.5.5).
func varying(vary string, names ...string) string {
	for _, name := range names {
		switch {
		case vary == "":
			vary = name
		case !lists(vary, name) && !lists(vary, "*"):
			vary += ", " + name
		}
	}
	return vary
}

// owned are the fields that belong to the server (A3), and the one that frames the body.
var owned = []string{
	"Connection", "Transfer-Encoding", "Keep-Alive", "Proxy-Connection", "Upgrade", "TE", "Trailer", "Content-Length",
}

// isToken tells whether text is a token (RFC 9110 section 5.6.2), as names of fields and methods are.
func isToken(text string) bool { return httpguts.ValidHeaderFieldName(text) }

// checkName tells what keeps name from being that of a field which a layer sets or takes away.
func checkName(name string) error {
	if !isToken(name) {
		return fmt.Errorf("%s is no name of a field (RFC 9110 section 5.1)", strconv.Quote(name))
	}
	for _, o := range owned {
		if strings.EqualFold(name, o) {
			return fmt.Errorf("%s belongs to the server (A3)", name)
		}
	}
	return nil
}

// checkValue tells what keeps value from being that of the field name.
func checkValue(name, value string) error {
	if strings.TrimSpace(value) != value || !httpguts.ValidHeaderFieldValue(value) {
		return fmt.Errorf("%s is no value of field %s (RFC 9110 section 5.5)", strconv.Quote(value), name)
	}
	return nil
}
