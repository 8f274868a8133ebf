package report

// Shorten makes the names that stand together as short as they have to be: it cuts runes out of the middle of each until
// it fits, as the server at the start and the label at the end distinguish names. Names that would be alike then show
// where they differ instead: "…asthttp+hea…".
func Shorten(names []string, fits func(i int, s string) bool) []string {
	short := make([]string, len(names))
	alike := make(map[string][]int)
	for i, name := range names {
		short[i] = shorten(name, func(s string) bool { return fits(i, s) })
		if short[i] != name {
			alike[short[i]] = append(alike[short[i]], i)
		}
	}
	for _, group := range alike {
		if len(group) < 2 {
			continue
		}
		var whole [][]rune
		for _, i := range group {
			whole = append(whole, []rune(names[i]))
		}
		from, to := commonStart(whole), commonEnd(whole)
		for n, i := range group {
			if end := len(whole[n]) - to; from < end {
				short[i] = around(whole[n], from, end, func(s string) bool { return fits(i, s) })
			}
		}
	}
	return short
}

// shorten cuts runes out of the middle of a name until it fits.
func shorten(name string, fits func(string) bool) string {
	if fits(name) {
		return name
	}
	runes := []rune(name)
	for keep := len(runes) - 1; keep > 1; keep-- {
		head := (keep + 1) / 2
		short := string(runes[:head]) + "…" + string(runes[len(runes)-(keep-head):])
		if fits(short) {
			return short
		}
	}
	return "…"
}

// around is the part of a name from one rune to another with as much of what is beside it as fits.
func around(name []rune, from, to int, fits func(string) bool) string {
	part := func(from, to int) string {
		s := string(name[from:to])
		if from > 0 {
			s = "…" + s
		}
		if to < len(name) {
			s += "…"
		}
		return s
	}
	if !fits(part(from, to)) {
		return shorten(part(from, to), fits)
	}
	for grown := true; grown; {
		grown = false
		if from > 0 && fits(part(from-1, to)) {
			from, grown = from-1, true
		}
		if to < len(name) && fits(part(from, to+1)) {
			to, grown = to+1, true
		}
	}
	return part(from, to)
}

// commonStart is how many runes all names have in common at their start.
func commonStart(names [][]rune) int {
	for n := 0; ; n++ {
		for _, name := range names {
			if n == len(name) || name[n] != names[0][n] {
				return n
			}
		}
	}
}

// commonEnd is how many they have in common at their end.
func commonEnd(names [][]rune) int {
	for n := 0; ; n++ {
		for _, name := range names {
			if n == len(name) || name[len(name)-1-n] != names[0][len(names[0])-1-n] {
				return n
			}
		}
	}
}
