package control

// Facility is something that a server may offer of the way in which it is started, beside
// the verbs that can be asked of it while it runs.
type Facility string

// Facilities of a server. With Background its launcher ends and it goes on as a daemon. With
// Pidfile it tells its main process in a file. With OtherUser it is started by root and gives
// up root's rights. With Sockets it serves on listening sockets that it inherits, the first
// as descriptor 3 (sd_listen_fds(3)).
const (
	Background Facility = "daemon"
	Pidfile    Facility = "pidfile"
	OtherUser  Facility = "user"
	Sockets    Facility = "sockets"
)

// Facilities is every Facility, in the order of their documentation.
var Facilities = []Facility{Background, Pidfile, OtherUser, Sockets}

// Offer is a Facility as the description of a server has it. Where both Argv and Args are
// empty, the server's configuration does it all.
type Offer struct {
	Argv    []string // the command instead of the usual one
	Args    []string // added to the command
	Promise string   // what the vendor documents of it, in one sentence; "" if that is not known
	Source  string   // URL of where the vendor does
}
