package nbio

import (
	"slices"
	"testing"

	"github.com/benchctl/benchctl/servers/servertest"
)

// inAllModes is what the engine's parser and its replies do in all three modes.
var inAllModes = []servertest.Deviation{
	{
		Case:   "S1 an unknown method",
		Reason: "the engine has a list of methods, and no answer to others",
	},
	{
		Case:   "S1 a 404 to an unknown method",
		Reason: "the engine has a list of methods, and no answer to others",
	},
	{
		Case:   "S1 a target in absolute form",
		Reason: "the engine has no answer to a target that begins with neither \"/\" nor \"*\"",
	},
	{
		Case:   "S2 Host is that of a target in absolute form",
		Reason: "the engine has no answer to a target that begins with neither \"/\" nor \"*\"",
	},
	{
		Case:   "S3 a body arrives while it is sent",
		Reason: "the engine calls the app when the last byte of the body has come",
	},
	{
		Case:   "S8 204 has no Content-Length",
		Reason: "the engine adds Content-Length: 0 to every reply without a body (RFC 9110 section 8.6 forbids it)",
	},
	{
		Case:   "S11 100-continue comes before the body",
		Reason: "the engine does not know the field Expect",
	},
}

// ofGoroutines is what is different where goroutines read.
var ofGoroutines = []servertest.Deviation{
	{
		Case:   "S3 a malformed chunk",
		Reason: "the engine leaves a connection open whose request it can't parse",
	},
	{
		Case:   "S1 a field with a CR",
		Reason: "the engine leaves a connection open whose request it can't parse",
	},
}

// onUnix is what is different where there are pollers.
var onUnix = []servertest.Deviation{
	{
		Case:   "S7 a large reply on a Unix socket",
		Reason: "the engine's pollers drop what the socket does not accept at once, so the adapter refuses it",
	},
}

// ofPollers is what is different where the engine's pollers write.
var ofPollers = []servertest.Deviation{
	{
		Case:   "S12 Connection: close waits for a large reply",
		Reason: "the engine closes the connection with a part of the reply still in its queue",
	},
	{
		Case:   "S13 a large reply in flight is finished",
		Reason: "the engine closes the connection with a part of the reply still in its queue",
	},
}

func TestServe(t *testing.T) {
	skipUnderRace(t)
	servertest.TestServe(t, Serve, slices.Concat(inAllModes, onUnix, ofPollers)...)
}

func TestServeBlocking(t *testing.T) {
	skipUnderRace(t)
	servertest.TestServe(t, ServeBlocking, slices.Concat(inAllModes, ofGoroutines)...)
}

func TestServeMixed(t *testing.T) {
	skipUnderRace(t)
	servertest.TestServe(t, ServeMixed, slices.Concat(inAllModes, onUnix, ofGoroutines)...)
}

func skipUnderRace(t *testing.T) {
	if raceEnabled {
		t.Skip("the engine hands a connection from one goroutine to another through epoll, " +
			"where the race detector sees no order, and reports the address of the client")
	}
}
