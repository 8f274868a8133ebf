// Package audit checks what servers do as processes: whether they become daemons, keep a
// pidfile, give up root's rights and serve on sockets that they inherit, as they offer to.
// It starts each server by its own options, as an operator would, and reads from /proc what
// became of it. It is the sister of package conform, which checks what goes over the wire.
//
// Whatever is started descends from a guard (package control) until it is ended, daemons
// too.
package audit

import (
	"slices"

	"github.com/benchctl/benchctl/apps/conform"
	"github.com/benchctl/benchctl/servers/control"
)

// Rule is one check.
type Rule struct {
	ID     string           `json:"id"` // a letter for what it is about, and a number
	Level  conform.Level    `json:"level"`
	Of     control.Facility `json:"facility,omitempty"` // that a server without is not held to; "": of any
	Rule   string           `json:"rule"`               // in a sentence
	Source string           `json:"source"`             // what it follows from
}

// What rules follow from.
const (
	daemon7     = "https://man7.org/linux/man-pages/man7/daemon.7.html"
	pidfileUnit = "https://man7.org/linux/man-pages/man5/systemd.service.5.html"
	privileges  = "https://cwe.mitre.org/data/definitions/271.html"
	activation  = "https://man7.org/linux/man-pages/man3/sd_listen_fds.3.html"
	project     = "benchctl, docs/process-control.md"
)

// Rules are all, in the order of a matrix.
func Rules() []Rule {
	const gate, report = conform.Gate, conform.Report
	return []Rule{
		{"D1", gate, control.Background, "the launcher exits with 0, and the server goes on", daemon7},
		{"D2", report, control.Background, "the server is ready when its launcher exits: a request right after that is answered", daemon7},
		{"D3", gate, control.Background, "no process of it is in the session of its launcher", daemon7},
		{"D4", gate, control.Background, "no process of it has a controlling terminal", daemon7},
		{"D5", gate, control.Background, "descriptors 0 to 2 of no process are those of its launcher", daemon7},
		{"D6", report, control.Background, "the umask lets nobody else write to the files that it makes", "https://cwe.mitre.org/data/definitions/276.html"},
		{"D7", report, control.Background, "the working directory is the root, so that it holds no file system", daemon7},
		{"D8", gate, control.Background, "the launcher of a server whose port is taken does not exit with 0", daemon7},
		{"P1", gate, control.Pidfile, "the pidfile has the number of the main process, from which all others of it descend", pidfileUnit},
		{"P2", report, control.Pidfile, "the pidfile comes up whole: it is not written in its place", project},
		{"P3", gate, control.Pidfile, "a pidfile that a dead process has left does not stop the start", project},
		{"P4", report, control.Pidfile, "a start on the pidfile of a live server is refused", project},
		{"P5", gate, control.Pidfile, "a second start that fails leaves the pidfile, and the server, as they are", project},
		{"P6", gate, control.Pidfile, "the pidfile is gone once the server has stopped gracefully", project},
		{"P7", gate, control.Pidfile, "nobody else can write to the pidfile", pidfileUnit},
		{"U1", gate, control.OtherUser, "each thread of a process that serves has the user and the group, real, effective, saved and of the file system", privileges},
		{"U2", gate, control.OtherUser, "no thread of a process that serves has a supplementary group that is not the user's", privileges},
		{"U3", gate, control.OtherUser, "no thread of a process that serves has a capability: effective, permitted or ambient", privileges},
		{"U4", gate, control.OtherUser, "it serves on a port below 1024, which it opened as root", project},
		{"U5", report, control.OtherUser, "its main process does not stay root", privileges},
		{"U6", report, control.OtherUser, "no process that serves can gain rights: it has no_new_privs, or an empty bounding set", "https://docs.kernel.org/userspace-api/no_new_privs.html"},
		{"L1", gate, control.Sockets, "it serves on the socket that it inherits as descriptor 3, and opens no other one on that port", activation},
		{"L2", gate, control.Sockets, "the socket that it inherits is the one that it serves on after a reload", activation},
		{"L3", report, "", "the socket that it opened itself is the one that it serves on after a reload", project},
		{"L4", report, "", "the socket that it opened itself is the one that it serves on after an upgrade", project},
	}
}

// rule finds a rule.
func rule(id string) Rule {
	all := Rules()
	return all[slices.IndexFunc(all, func(r Rule) bool { return r.ID == id })]
}
