package suite

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/internal/nearest"
)

// args reads a raw query. Parameters are decimal whole numbers and are not
// percent-decoded; those not given have their default. It allocates only errors.
func (s *Spec) args(query string) (Args, error) {
	var args Args
	for i := range s.Params {
		args[i] = s.Params[i].Default
	}
	if query == "" {
		return args, nil
	}
	var seen [maxParams]bool
	for more := true; more; {
		var pair string
		pair, query, more = strings.Cut(query, "&")
		i, value, err := s.param(pair)
		if err != nil {
			return args, err
		}
		if seen[i] {
			return args, fmt.Errorf("app %s: parameter %q is given twice", s.Name, s.Params[i].Name)
		}
		seen[i], args[i] = true, value
	}
	return args, nil
}

// param reads one key=value: the parameter's index and its value.
func (s *Spec) param(pair string) (int, int64, error) {
	key, text, _ := strings.Cut(pair, "=")
	for i := range s.Params {
		p := &s.Params[i]
		if p.Name != key {
			continue
		}
		value, ok := number(text)
		if !ok || value < p.Min || value > p.Max {
			return 0, 0, fmt.Errorf("app %s: parameter %q is %s: a whole number from %d to %d is needed",
				s.Name, key, quote(text), p.Min, p.Max)
		}
		return i, value, nil
	}
	return 0, 0, s.unknown(key)
}

func (s *Spec) unknown(key string) error {
	var names []string
	for _, p := range s.Params {
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return fmt.Errorf("app %s: unknown parameter %s: it takes none", s.Name, quote(key))
	}
	return fmt.Errorf("app %s: unknown parameter %s%s", s.Name, quote(key), nearest.Hint(key, names))
}

// number is the value of decimal digits; what has more digits than an int64 is
// beyond every bound.
func number(text string) (int64, bool) {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// quote makes text from the network safe to show: printable ASCII in quotes,
// other bytes as \xNN, no more than 40 of them.
func quote(text string) string {
	const most = 40
	var b strings.Builder
	b.WriteByte('"')
	for i := range min(len(text), most) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= ' ' && c <= '~':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	if len(text) > most {
		b.WriteString("...")
	}
	b.WriteByte('"')
	return b.String()
}
