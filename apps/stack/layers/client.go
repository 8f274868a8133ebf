package layers

import (
	"context"
	"net/netip"

	"github.com/benchctl/benchctl/apps"
)

// Client is who sent a request.
type Client struct {
	// Addr is the address, without a zone, and as IPv4 where it is one. It is the zero Addr if it is not known.
	Addr netip.Addr
	// Proto is the scheme by which the client asked, in small letters, as a proxy tells it: "https". It is "" if it
	// is not known.
	Proto string
}

// ClientOf is the client of a request: who the layer forwarded has found out, and outside of it the peer of the
// connection.
func ClientOf(req apps.Request) Client { return clientOf(req.Context(), req) }

// clientOf is ClientOf where the context of the request is at hand.
func clientOf(ctx context.Context, req apps.Request) Client {
	if c := carriedBy[Client](ctx); c != nil {
		return *c
	}
	return Client{Addr: peerOf(req)}
}

// peerOf is the address of the peer, without a zone.
func peerOf(req apps.Request) netip.Addr { return req.Peer().Addr().WithZone("") }
