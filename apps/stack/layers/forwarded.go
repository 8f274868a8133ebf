package layers

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// Forwarded finds out the client of a request that came by proxies. If the peer of the connection is a trusted
// proxy, it is the rightmost address that is none of a trusted proxy in the field that they add to, or the
// leftmost if all are. What stands to the left of it the client may have made up. A peer that is not trusted is the
// client itself, whatever it says in the field. ClientOf tells it.
//
// One field is read, that which the proxies set: another one would be the client's. The contract has one
// value for a field, so that a proxy has to join its entry to the field that it got, as RFC 7239 section 4
// allows, and not to add a second field. A field that can't be parsed tells no client, nor does an entry
// like "unknown" or "_hidden" (RFC 7239 section 6) where the client stands.
type Forwarded struct {
	Trusted []string `stack:"trusted" required:"true" doc:"networks of the proxies, as 10.0.0.0/8, addresses, or unix for who connects to a Unix socket"`
	Field   string   `stack:"field" default:"X-Forwarded-For" oneof:"X-Forwarded-For Forwarded" doc:"field that the proxies add to; with X-Forwarded-For, X-Forwarded-Proto has the scheme"`
}

// About implements stack.Layer.
func (Forwarded) About() stack.About {
	return stack.About{Name: "forwarded", Doc: "finds out the client of a request that came by proxies (RFC 7239)", Provides: []string{"client"}, Allocs: 1}
}

// Check implements stack.Checker.
func (l Forwarded) Check() error {
	_, err := l.proxies()
	return in("trusted", err)
}

// onUnix is the peer of a Unix socket among those that are trusted.
const onUnix = "unix"

// proxies are those that are trusted.
type proxies struct {
	networks []netip.Prefix
	unix     bool
}

func (l Forwarded) proxies() (p proxies, err error) {
	networks := slices.DeleteFunc(slices.Clone(l.Trusted), func(t string) bool { return t == onUnix })
	p.unix = len(networks) < len(l.Trusted)
	p.networks, err = parseNetworks(networks)
	return p, err
}

// trust tells whether a peer is one of them. One without an address is on a Unix socket.
func (p proxies) trust(peer netip.Addr) bool {
	return contain(p.networks, peer) || p.unix && !peer.IsValid()
}

// Wrap implements stack.Layer.
func (l Forwarded) Wrap(next apps.App) (apps.App, error) {
	trusted, err := l.proxies()
	if err != nil {
		return nil, err
	}
	find := fromXForwarded
	if l.Field == "Forwarded" {
		find = fromForwarded
	}
	return apps.Func(func(req apps.Request, res apps.Response) error {
		c := &carrier[Client]{Request: req}
		c.state.Addr = peerOf(req)
		if trusted.trust(c.state.Addr) {
			c.state = find(req, hops{trusted: trusted.networks, client: c.state})
		}
		return next.Serve(c, res)
	}), nil
}

// hops finds the client among entries that are added from the left to the right. It begins with the peer, which is
// the client if there are none.
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
func fromXForwarded(req apps.Request, h hops) Client {
	if entries := req.Header("X-Forwarded-For"); entries != "" {
		for entry := range strings.SplitSeq(entries, ",") {
			h.add(Client{Addr: parseNode(strings.Trim(entry, " \t"))})
		}
	}
	proto := req.Header("X-Forwarded-Proto")
	h.client.Proto = scheme(strings.Trim(proto[strings.LastIndexByte(proto, ',')+1:], " \t"))
	return h.client
}

// fromForwarded reads Forwarded. Address and scheme are of the same entry.
func fromForwarded(req apps.Request, h hops) Client {
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
