package layers

import (
	"context"
	"net/netip"
)

// Client is who sent a request, as proxies tell it.
type Client struct {
	// Addr is the address, without a zone, and as IPv4 where it is one. It is the zero Addr if it is not known.
	Addr netip.Addr
	// Proto is the scheme by which the client asked, in small letters: "https". It is "" if it is not known.
	Proto string
}

// ClientOf is the client of the request with this context. It is the zero Client outside the
// layer forwarded.
func ClientOf(ctx context.Context) Client {
	if c := carriedBy[Client](ctx); c != nil {
		return *c
	}
	return Client{}
}
