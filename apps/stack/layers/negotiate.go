package layers

import (
	"slices"
	"strings"
)

// identity is the choice of no content coding.
const identity = -1

// maxCodings is how many content codings are negotiated at most.
const maxCodings = 4

// negotiate chooses among the codings that are offered, the best liked by the server first, what an
// Accept-Encoding likes best (RFC 9110 section 12.5.3). Plain tells whether the client takes a
// body without a coding; where it does not and choice is identity, it takes none of the offered.
// A coding wins over identity where the client likes both alike.
func negotiate(accept string, offered []string) (choice int, plain bool) {
	const unlisted = -1
	like := [maxCodings]int{unlisted, unlisted, unlisted, unlisted}
	bare, other := unlisted, unlisted
	for one := range listed(accept) {
		name, weight, _ := strings.Cut(one, ";")
		q, ok := quality(weight)
		if !ok {
			continue // as if it were not there
		}
		switch name = strings.TrimRight(name, " \t"); {
		case name == "*":
			other = q
		case strings.EqualFold(name, "identity"):
			bare = q
		default:
			if i := slices.IndexFunc(offered, func(o string) bool { return isCoding(name, o) }); i >= 0 {
				like[i] = q
			}
		}
	}
	if bare == unlisted {
		bare = other
	}
	choice, best := identity, max(bare, 0)
	for i := range offered {
		q := like[i]
		if q == unlisted {
			q = other
		}
		if q > best || q == best && q > 0 && choice == identity {
			choice, best = i, q
		}
	}
	return choice, bare != 0
}

// isCoding compares the names of codings; x-gzip is gzip (RFC 9110 section 8.4.1.3).
func isCoding(name, coding string) bool {
	return strings.EqualFold(name, coding) || coding == "gzip" && strings.EqualFold(name, "x-gzip")
}

// quality reads a weight, "q=0.5", in thousandths (RFC 9110 section 12.4.2); none is 1000.
func quality(weight string) (int, bool) {
	weight = strings.Trim(weight, " \t")
	if weight == "" {
		return 1000, true
	}
	if len(weight) < 3 || len(weight) > len("q=0.000") || weight[0]|0x20 != 'q' || weight[1] != '=' {
		return 0, false
	}
	whole, digits := weight[2], weight[3:]
	if whole != '0' && whole != '1' || digits != "" && digits[0] != '.' {
		return 0, false
	}
	q, unit := int(whole-'0')*1000, 100
	for i := 1; i < len(digits); i++ {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
		q += int(digits[i]-'0') * unit
		unit /= 10
	}
	return q, q <= 1000
}
