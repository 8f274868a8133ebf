package adapter

import (
	"net"
	"net/netip"
	"testing"
)

func TestPeer(t *testing.T) {
	for _, c := range []struct {
		addr net.Addr
		text string // as net/http has it
		want string // "" for none
	}{
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1).To4(), Port: 80}, "192.0.2.1:80", "192.0.2.1:80"},
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}, "[::ffff:192.0.2.1]:80", "192.0.2.1:80"},
		{&net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 80}, "[2001:db8::1]:80", "[2001:db8::1]:80"},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 80}, "[fe80::1%eth0]:80", "[fe80::1%eth0]:80"},
		{&net.UnixAddr{Net: "unix"}, "", ""},
		{&net.UnixAddr{Net: "unix", Name: "@"}, "@", ""},
		{nil, "pipe", ""},
	} {
		var want netip.AddrPort
		if c.want != "" {
			want = netip.MustParseAddrPort(c.want)
		}
		if got := Peer(c.addr); got != want {
			t.Errorf("%v: %v, want %v", c.addr, got, want)
		}
		if got := ParsePeer(c.text); got != want {
			t.Errorf("%q: %v, want %v", c.text, got, want)
		}
	}
}
