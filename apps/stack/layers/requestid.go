package layers

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"strings"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// RequestID gives each request an id, to what it wraps by RequestIDOf and to the client by a field of the
// reply. An id that it makes has 130 random bits. One that the request brings is taken with Trust
// alone, since an id that clients choose lets them mix their lines of a log with those of others. A reply to
// a request that failed has no id, since the server sends none of its fields (S9).
type RequestID struct {
	Field    string   `stack:"field" default:"X-Request-Id" doc:"field of the request and the reply"`
	Trust    bool     `stack:"trust" doc:"whether the id of the request is taken, as behind a proxy that sets it"`
	Networks []string `stack:"networks" doc:"networks as 10.0.0.0/8: with trust, the id is taken of clients in them alone; behind proxies the layer forwarded has to stand outside"`
}

// About implements stack.Layer.
func (RequestID) About() stack.About {
	return stack.About{Name: "request-id", Doc: "gives each request an id, in its context and in the reply", Provides: []string{"request-id"}, Allocs: 2}
}

// maxRequestID is how long an id of a request may be, in bytes.
const maxRequestID = 128

// Check implements stack.Checker.
func (l RequestID) Check() error {
	if err := checkName(l.Field); err != nil {
		return fmt.Errorf("field: %w", err)
	}
	if len(l.Networks) > 0 && !l.Trust {
		return fmt.Errorf("networks: have no effect without trust")
	}
	_, err := parseNetworks(l.Networks)
	return in("networks", err)
}

// requestID is the id of a request.
type requestID string

// Wrap implements stack.Layer.
func (l RequestID) Wrap(next apps.App) (apps.App, error) {
	networks, err := parseNetworks(l.Networks)
	if err != nil {
		return nil, err
	}
	return apps.Func(func(req apps.Request, res apps.Response) error {
		c := &carrier[requestID]{Request: req}
		if l.Trust && (len(networks) == 0 || contain(networks, ClientOf(req).Addr)) {
			c.state = sane(req.Header(l.Field))
		}
		if c.state == "" {
			c.state = requestID(rand.Text())
		}
		res.SetHeader(l.Field, string(c.state))
		return next.Serve(c, res)
	}), nil
}

// sane is a copy of an id that can stand in fields, logs and names of files, "" if it can't. It is
// one, since ids are kept longer than requests.
func sane(id string) requestID {
	if len(id) > maxRequestID {
		return ""
	}
	for i := range len(id) {
		if c := id[i]; !isAlphanumeric(c) && strings.IndexByte("-_.:+=@~", c) < 0 {
			return ""
		}
	}
	return requestID(strings.Clone(id))
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// RequestIDOf is the id of the request with this context, "" outside the layer request-id. It may be
// kept longer than the request.
func RequestIDOf(ctx context.Context) string {
	if id := carriedBy[requestID](ctx); id != nil {
		return string(*id)
	}
	return ""
}

// parseNetworks reads networks as "10.0.0.0/8", or addresses.
func parseNetworks(list []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if addr, errAddr := netip.ParseAddr(text); errAddr == nil && addr.Zone() == "" {
			p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q is no network, as \"10.0.0.0/8\", and no address", text)
		case p != p.Masked():
			return nil, fmt.Errorf("%q has bits beyond its length; %v has none", text, p.Masked())
		case p.Addr().Is4In6():
			return nil, fmt.Errorf("%q is of IPv4: write it as one", text)
		}
		all = append(all, p)
	}
	return all, nil
}

func contain(networks []netip.Prefix, addr netip.Addr) bool {
	for _, n := range networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

// in names the field that an error is of.
func in(field string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	return nil
}
