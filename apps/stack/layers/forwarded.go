package layers

import (
	"net/netip"
	"strings"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// Forwarded finds out the client of a request that came by proxies, from the field that they add to: the
// rightmost address that is none of a trusted proxy, or the leftmost if all are. What stands to the left of it
// the client may have made up. ClientOf tells it.
//
// The contract of apps has no address of the peer. So the layer takes the peer for a trusted proxy, always:
// put it only where all requests come by one, since a client that reaches the server past the proxies can
// pretend to be any. A server in reach of clients needs a proxy that adds to the field, or removes it.
//
// One field is read, that which the proxies set: another one would be the client's. The contract has one
// value for a field, so that a proxy has to join its entry to the field that it got, as RFC 7239 section 4
// allows, and not to add a second field. A field that can't be parsed tells no client, nor does an entry
// like "unknown" or "_hidden" (RFC 7239 section 6) where the client stands.
type Forwarded struct {
	Trusted []string `stack:"trusted" required:"true" doc:"networks of the proxies, as 10.0.0.0/8, or addresses"`
	Field   string   `stack:"field" default:"X-Forwarded-For" oneof:"X-Forwarded-For Forwarded" doc:"field that the proxies add to; with X-Forwarded-For, X-Forwarded-Proto has the scheme"`
}

// About implements stack.Layer.
func (Forwarded) About() stack.About {
	return stack.About{Name: "forwarded", Doc: "finds out the client of a request that came by proxies (RFC 7239)", Provides: []string{"client"}, Allocs: 1}
}

// Check implements stack.Checker.
func (l Forwarded) Check() error {
	_, err := parseNetworks(l.Trusted)
	return in("trusted", err)
}

// Wrap implements stack.Layer.
func (l Forwarded) Wrap(next apps.App) (apps.App, error) {
	trusted, err := parseNetworks(l.Trusted)
	if err != nil {
		return nil, err
	}
	find := fromXForwarded
	if l.Field == "Forwarded" {
		find = fromForwarded
	}
	return apps.Func(func(req apps.Request, res apps.Response) error {
		c := &carrier[Client]{Request: req}
		c.state = find(req, trusted)
		return next.Serve(c, res)
	}), nil
}

// hops finds the client among entries that are added from the left to the right.
type hops struct {
	trusted []netip.Prefix
	client  Client
	any     bool
}

// add adds an entry.
func (h *hops) add(c Client) {
	if !h.any || !contain(h.trusted, c.Addr) {
		h.client = c
	}
	h.any = true
}

// fromXForwarded reads X-Forwarded-For. The scheme is the last of X-Forwarded-Proto, which the nearest
// proxy has told.
func fromXForwarded(req apps.Request, trusted []netip.Prefix) Client {
	h := hops{trusted: trusted}
	for entry := range strings.SplitSeq(req.Header("X-Forwarded-For"), ",") {
		h.add(Client{Addr: parseNode(strings.Trim(entry, " \t"))})
	}
	proto := req.Header("X-Forwarded-Proto")
	h.client.Proto = scheme(strings.Trim(proto[strings.LastIndexByte(proto, ',')+1:], " \t"))
	return h.client
}

// fromForwarded reads Forwarded. Address and scheme are of the same entry.
func fromForwarded(req apps.Request, trusted []netip.Prefix) Client {
	h := hops{trusted: trusted}
	p := pairs7239{rest: req.Header("Forwarded")}
	for p.rest != "" {
		var c Client
		for {
			name, value, ok := p.pair()
			switch {
			case !ok:
				return Client{}
			case strings.EqualFold(name, "for"):
				c.Addr = parseNode(value)
			case strings.EqualFold(name, "proto"):
				c.Proto = scheme(value)
			}
			if !p.more(';') {
				break
			}
		}
		h.add(c)
		if !p.more(',') && p.rest != "" {
			return Client{}
		}
	}
	return h.client
}

// parseNode reads the node of an entry (RFC 7239 section 6): an address, with a port or without. It is
// the zero Addr if it is none.
func parseNode(text string) netip.Addr {
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		both, errBoth := netip.ParseAddrPort(text)
		if errBoth != nil {
			return netip.Addr{}
		}
		addr = both.Addr()
	}
	return addr.WithZone("").Unmap()
}

// scheme is a scheme in small letters, "" if it is none (RFC 3986 section 3.1).
func scheme(text string) string {
	for i := range len(text) {
		if c := text[i]; !isAlphanumeric(c) && strings.IndexByte("+-.", c) < 0 {
			return ""
		}
	}
	return strings.ToLower(text)
}

// pairs7239 reads forwarded-pairs (RFC 7239 section 4).
type pairs7239 struct{ rest string }

// more takes a separator, with the space around it.
func (p *pairs7239) more(separator byte) bool {
	rest := strings.TrimLeft(p.rest, " \t")
	if rest == "" || rest[0] != separator {
		p.rest = rest
		return false
	}
	p.rest = strings.TrimLeft(rest[1:], " \t")
	return true
}

// pair takes a pair of a token and a token or quoted string. Tokens are taken to be wider than they are,
// since many proxies leave out the quotes that an address with colons needs.
func (p *pairs7239) pair() (name, value string, ok bool) {
	name, rest, ok := strings.Cut(p.rest, "=")
	if !ok || !isToken(name) {
		return "", "", false
	}
	if strings.HasPrefix(rest, `"`) {
		value, p.rest, ok = unquote(rest[1:])
		return name, value, ok
	}
	end := strings.IndexAny(rest, " \t;,\"")
	if end < 0 {
		end = len(rest)
	}
	value, p.rest = rest[:end], rest[end:]
	return name, value, value != ""
}

// unquote reads a quoted string after its first quote (RFC 9110 section 5.6.4).
func unquote(text string) (value, rest string, ok bool) {
	end := strings.IndexAny(text, `"\`)
	if end < 0 {
		return "", "", false
	}
	if text[end] == '"' {
		return text[:end], text[end+1:], true
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String(), text[i+1:], true
		case text[i] == '\\':
			if i++; i == len(text) {
				return "", "", false
			}
		}
		b.WriteByte(text[i])
	}
	return "", "", false
}
