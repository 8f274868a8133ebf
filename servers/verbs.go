package servers

import (
	"cmp"
	"syscall"

	"github.com/benchctl/benchctl/servers/control"
)

// Verb is something that can be asked of a running server, with what its vendor documents
// of it.
type Verb struct {
	Name control.Verb `json:"verb"`
	// Profile is the only one that has the verb, or has it in this way; "": all have.
	Profile string `json:"profile,omitempty"`
	How     string `json:"how"`               // the signal to its main process, or the command
	Promise string `json:"promise,omitempty"` // in one sentence; absent where none is known
	Source  string `json:"source,omitempty"`  // URL of the promise
}

// Verbs are those that can be asked of the candidate, in the order of control.Verbs. Of
// others control.Process.Ask fails with control.ErrNotOffered.
func (c Candidate) Verbs() []Verb { return inOrder(c.Server.declared(c.Profile), "") }

// Verbs are those that can be asked of the server by any profile, and after them those of
// single profiles.
func (s Server) Verbs() []Verb {
	all := inOrder(s.declared(""), "")
	for _, profile := range s.Profiles() {
		switch {
		case s.Manifest != nil:
			all = append(all, inOrder(s.Manifest.Profiles[profile].Control, profile)...)
		case profile == Supervised:
			all = append(all, inOrder(supervised(), profile)...)
		}
	}
	return all
}

func inOrder(declared map[control.Verb]control.Declared, profile string) (all []Verb) {
	for _, name := range control.Verbs {
		if d, ok := declared[name]; ok {
			all = append(all, Verb{Name: name, Profile: profile, How: d.String(), Promise: d.Promise, Source: d.Source})
		}
	}
	return all
}

// declared are the verbs of the server when it is started by a profile.
func (s Server) declared(profile string) map[control.Verb]control.Declared {
	if s.Manifest != nil {
		return s.Manifest.Verbs(profile)
	}
	if profile == Supervised {
		return supervised()
	}
	all := control.StopVerbs()
	stop := shutdowns()[cmp.Or(s.Base, s.Name)]
	stop.Signal = syscall.SIGTERM // of "benchctl serve"
	all[control.StopGraceful] = stop
	return all
}

// supervised are the verbs of Go engines in the profile Supervised, which their supervisor
// offers for all of them alike.
func supervised() map[control.Verb]control.Declared {
	by := func(s syscall.Signal, promise string) control.Declared {
		return control.Declared{Action: control.Action{Signal: s}, Promise: promise, Source: "https://github.com/benchctl/benchctl/blob/main/docs/serve.md"}
	}
	return map[control.Verb]control.Declared{
		control.StopGraceful: by(syscall.SIGTERM, "stops when requests under way are answered: each connection ends with a reply that says so, or when the time to drain is over"),
		control.StopNow:      by(syscall.SIGQUIT, "ends the workers at once"),
		control.Reload:       by(syscall.SIGHUP, "replaces the workers without losing a request: a new one serves before the old one drains"),
		control.Upgrade:      by(syscall.SIGUSR2, "replaces the workers by what the program is by then, without losing a request; the supervisor stays"),
		control.ScaleUp:      by(syscall.SIGTTIN, "starts one more worker"),
		control.ScaleDown:    by(syscall.SIGTTOU, "has one worker drain and end, unless it is the last one"),
	}
}

// actions are how verbs reach a server.
func actions(declared map[control.Verb]control.Declared) map[control.Verb]control.Action {
	all := make(map[control.Verb]control.Action)
	for verb, d := range declared {
		all[verb] = d.Action
	}
	return all
}

// shutdowns is what the Go engines document of the functions that stop them gracefully.
// What their adapters do besides, as all of them wait for requests in flight, their
// packages tell.
func shutdowns() map[string]control.Declared {
	nethttp := control.Declared{
		Promise: "interrupts no active connection: closes listeners, then idle connections, and waits for the others to become idle",
		Source:  "https://pkg.go.dev/net/http#Server.Shutdown",
	}
	hertz := control.Declared{
		Promise: "accepts no new connections, and closes each one after its present or next request, or when it was idle for long, or the time to exit is over",
		Source:  "https://pkg.go.dev/github.com/cloudwego/hertz@v0.10.4/pkg/route#Engine.Shutdown",
	}
	nbio := control.Declared{
		Promise: "closes listeners and connections; it documents nothing of requests in flight",
		Source:  "https://pkg.go.dev/github.com/lesismal/nbio@v1.6.12/nbhttp#Engine.Stop",
	}
	return map[string]control.Declared{
		"nethttp": nethttp, "nethttp-h2c": nethttp,
		"nethttp-fcgi": {Promise: "shuts down gracefully, by QUIT to nginx", Source: "https://nginx.org/en/docs/control.html"},
		"fasthttp": {
			Promise: "interrupts no active connection: closes listeners, waits for connections to become idle, and does not close those that are kept alive",
			Source:  "https://pkg.go.dev/github.com/valyala/fasthttp@v1.74.0#Server.ShutdownWithContext",
		},
		"hertz": hertz, "hertz-std": hertz,
		"nbio": nbio, "nbio-blocking": nbio, "nbio-mixed": nbio,
		"gnet": {
			Promise: "stops the event loops; it documents nothing of requests in flight",
			Source:  "https://pkg.go.dev/github.com/panjf2000/gnet/v2@v2.10.0#Client.Stop",
		},
	}
}
