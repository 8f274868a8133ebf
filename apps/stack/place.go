package stack

import "strconv"

// place is a place in a stack, as a path from its root. Its zero value is the root.
type place struct{ path string }

func (p place) String() string { return p.path }

func (p place) field(name string) place {
	switch {
	case name == "":
		return p
	case p.path == "":
		return place{name}
	}
	return place{p.path + "." + name}
}

func (p place) index(list string, i int) place {
	return place{p.field(list).path + "[" + strconv.Itoa(i) + "]"}
}

func (p place) key(list, key string) place {
	return place{p.field(list).path + "[" + strconv.Quote(key) + "]"}
}
