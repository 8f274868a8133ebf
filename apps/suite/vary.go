package suite

import "math/rand/v2"

// Where a reply depends on the request, the load varies it: a server must not know
// a reply from those it gave before, nor before it has read the request.
const (
	maxVariants = 64
	// maxBodies is the total length of an app's bodies, in bytes. Two bodies are made
	// even if they are longer together.
	maxBodies = 16 << 20
	// shortBody is the length of body, in bytes, below which the last byte alone tells
	// bodies apart for certain.
	shortBody = 32
)

// Exchanges makes the instance's exchanges, which differ where the reply depends on
// the request; for all other apps it is the one of Exchange. They follow from the
// seed, have the same target, and bodies of the same length. An instance that is not
// Loadable has none, a mix those of its parts.
//
// Bodies differ from each other in bytes near the start, in the middle and at the
// end. They come in pairs that are the same up to the last bytes, so that a server
// which has not read those can't know which body it gets, and, four or more of
// them, in pairs with the same last bytes.
func (i Instance) Exchanges(seed uint64) []Exchange {
	if i.Spec.vary == nil {
		return []Exchange{i.Exchange()}
	}
	all := i.Spec.vary(i.Args, rand.New(rand.NewPCG(seed, maxVariants)))
	for n := range all {
		i.complete(&all[n])
	}
	return all
}

// bodies are different bodies of the given length in bytes: the pattern with other
// letters in places.
func bodies(length int64, r *rand.Rand) [][]byte {
	all := make([][]byte, max(2, min(maxBodies/length, maxVariants))&^1)
	for i := range all {
		all[i] = patternBytes(length)
	}
	if length < shortBody {
		change(all, int(length)-1, r, func(i int) int { return i })
		return all
	}
	n := int(length)
	beginning := func(i int) int { return i / 2 }
	ending := func(i int) int { return (i + 1) / 2 % max(len(all)/2, 2) }
	const places = 8 // in each part
	for range places {
		change(all, r.IntN(min(n/4, 1024)), r, beginning)
		change(all, n/4+r.IntN(n/2), r, beginning)
	}
	for back := range places {
		change(all, n-1-back, r, ending)
	}
	return all
}

// change puts a letter into each body at an offset: the same one where kind, less
// than maxVariants, is the same, and only there.
func change(all [][]byte, at int, r *rand.Rand, kind func(i int) int) {
	letters := shuffled(r)
	for i := range all {
		all[i][at] = letters[kind(i)]
	}
}

// shuffled is all letters of the pattern, in random order.
func shuffled(r *rand.Rand) []byte {
	out := []byte(letters)
	r.Shuffle(len(out), func(a, b int) { out[a], out[b] = out[b], out[a] })
	return out
}

// withBodies makes the exchange of each of an app's bodies.
func withBodies(exchange func(body []byte) Exchange) func(Args, *rand.Rand) []Exchange {
	return func(a Args, r *rand.Rand) []Exchange {
		var all []Exchange
		for _, body := range bodies(a[0], r) {
			all = append(all, exchange(body))
		}
		return all
	}
}
