package conform

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Methods and protocols that a server of apps has no use for.

func connect(target string) string {
	return "CONNECT " + target + " HTTP/1.1\r\nHost: {host}\r\n\r\n"
}

// notTraced wants a refusal, or the request back.
func notTraced(a answer) error {
	if !a.whole() {
		return notRefused(a)
	}
	if kind := mediaType(a.res.Header.Get("Content-Type")); kind == "message/http" && bytes.HasPrefix(a.res.body, []byte("TRACE ")) {
		return nil
	}
	return a.said()
}

// upgrade is a request that asks for a protocol.
func upgrade(protocol, connection, lines string) variant {
	return variant{
		name: "Upgrade: " + protocol,
		text: "GET /hello HTTP/1.1\r\nHost: {host}\r\nConnection: " + connection + "\r\nUpgrade: " + protocol + "\r\n" + lines + "\r\n",
	}
}

// The key of a WebSocket handshake, and how it is accepted (RFC 6455 section 1.3).
const (
	socketKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	socketAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

func upgrades() []variant {
	return []variant{
		upgrade("benchctl/1", "Upgrade", ""),
		upgrade("websocket", "Upgrade", "Sec-WebSocket-Key: "+socketKey+"\r\nSec-WebSocket-Version: 13\r\n"),
		upgrade("h2c", "Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
	}
}

// notUpgraded takes every reply but a 101 that is followed by something else than the
// protocol.
func notUpgraded(a answer) error {
	if a.err != nil || a.res.StatusCode != http.StatusSwitchingProtocols {
		return nil
	}
	switch {
	case strings.Contains(a.text, "websocket"):
		if got := a.res.Header.Get("Sec-WebSocket-Accept"); got != socketAccept {
			return fmt.Errorf("101 with Sec-WebSocket-Accept %q", got)
		}
		return nil
	case strings.Contains(a.text, "h2c"):
		return a.notSettings()
	}
	return errors.New("status is 101")
}

// notSettings wants the frame that begins a server's side of HTTP/2 (RFC 9113 section
// 3.4).
func (a answer) notSettings() error {
	const kind, settings = 3, 4 // where in a frame's header its type is; a type
	header := make([]byte, 9)
	a.within(a.wait)
	if _, err := io.ReadFull(a.r, header); err != nil {
		return fmt.Errorf("101, and then no frame of HTTP/2: %w", asEnd(err))
	}
	if header[kind] != settings {
		return fmt.Errorf("101, and then %q, which is no SETTINGS of HTTP/2", header)
	}
	return nil
}
