package format

import (
	"strconv"
	"strings"
)

// place is a place in a stack, spelled as stack.Error spells it.
type place string

func (p place) field(name string) place {
	if p == "" {
		return place(name)
	}
	return p + "." + place(name)
}

func (p place) index(list string, i int) place {
	return p.field(list) + place("["+strconv.Itoa(i)+"]")
}

func (p place) key(list, key string) place {
	return p.field(list) + place("["+strconv.Quote(key)+"]")
}

// holds tells whether another place is this one, or within it.
func (p place) holds(other string) bool {
	rest, ok := strings.CutPrefix(other, string(p))
	return ok && (p == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
}
