package agent

import (
	"cmp"
	"slices"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/bench/load"
)

// minVariants is the least number of different requests in a mix for a part whose reply
// depends on them, if the part has so many.
const minVariants = 4

// Targets makes an app's exchanges, or those of a mix, into targets of load at
// address. They follow from the seed. A mix is laid out request by request, each part
// spread out evenly and its exchanges in turn: as targets with weights of their own,
// the many exchanges of a part would have their turns at about the same time.
func Targets(app suite.Instance, address string, seed uint64) []load.Target {
	return targets(inTurn(app.Parts(), seed), address)
}

func targets(exchanges []suite.Exchange, address string) []load.Target {
	var all []load.Target
	for _, x := range exchanges {
		all = append(all, target(x, address))
	}
	return all
}

// inTurn is the exchanges of the parts, each part as often as its weight says and
// each exchange of a part as often as the others. As the number of requests grows
// with the variants of the rarest part, a mix takes few of them.
func inTurn(parts []suite.Part, seed uint64) []suite.Exchange {
	exchanges, times := make([][]suite.Exchange, len(parts)), 1
	for i, p := range parts {
		exchanges[i] = p.Exchanges(seed)
		enough := len(exchanges[i])
		if len(parts) > 1 {
			enough = min(enough, minVariants)
		}
		times = max(times, (enough+p.Weight-1)/p.Weight)
	}
	type turn struct {
		at       float64 // of all, from 0 to 1
		exchange suite.Exchange
	}
	var turns []turn
	for i, p := range parts {
		n, variants := p.Weight*times, len(exchanges[i])
		for n%variants != 0 {
			variants--
		}
		for k := range n {
			turns = append(turns, turn{(float64(k) + 0.5) / float64(n), exchanges[i][k%variants]})
		}
	}
	slices.SortStableFunc(turns, func(a, b turn) int { return cmp.Compare(a.at, b.at) })
	var all []suite.Exchange
	for _, t := range turns {
		all = append(all, t.exchange)
	}
	return all
}

func target(x suite.Exchange, address string) load.Target {
	t := load.Target{Status: x.Status, Length: x.Length, Match: x.Match, Whole: x.Whole, AtLeast: x.AtLeast, Spread: x.Spread}
	if x.AtLeast > 0 {
		t.AtLeast = max(0, x.AtLeast-max(early, x.AtLeast/20))
	}
	t.Method, t.URL, t.Body, t.Header = x.Method, "http://"+address+x.Target, x.Body, make(map[string][]string)
	for _, h := range x.Header {
		t.Header.Add(h[0], h[1])
	}
	return t
}

// early is how much too early the timers of some runtimes fire: those that count
// milliseconds.
const early = time.Millisecond

// traffic is what an app's load sends to any server, made once: the bodies of requests may
// come to many MiB.
type traffic struct {
	identity  string // of what is asked
	seed      uint64
	exchanges []suite.Exchange
}

// of is the traffic of an app, made again if it was of another one.
func (t *traffic) of(identity string, app suite.Instance, seed uint64) *traffic {
	if t.identity != identity || t.seed != seed {
		*t = traffic{identity, seed, inTurn(app.Parts(), seed)}
	}
	return t
}

// at is the traffic to a server.
func (t *traffic) at(address string) []load.Target { return targets(t.exchanges, address) }
