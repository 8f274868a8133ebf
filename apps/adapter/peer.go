package adapter

import (
	"net"
	"net/netip"
)

// Peer is Peer of apps.Request for an address of package net.
func Peer(of net.Addr) netip.AddrPort {
	tcp, ok := of.(interface{ AddrPort() netip.AddrPort })
	if !ok {
		return netip.AddrPort{}
	}
	return plain(tcp.AddrPort())
}

// ParsePeer is Peer of apps.Request for an address as http.Request.RemoteAddr has it.
func ParsePeer(of string) netip.AddrPort {
	peer, err := netip.ParseAddrPort(of)
	if err != nil { // of a socket that has none
		return netip.AddrPort{}
	}
	return plain(peer)
}

// plain has an address of IPv4 as one, where a socket of IPv6 accepted it.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
