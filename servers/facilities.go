package servers

import (
	"os"
	"strconv"

	"github.com/benchctl/benchctl/servers/control"
	"github.com/benchctl/benchctl/servers/external"
)

// Facilities are what the candidate offers of the way in which it is started. A Go engine
// offers what "benchctl serve" does, in any profile.
func (c Candidate) Facilities() map[control.Facility]control.Offer {
	if c.Server.Manifest != nil {
		return c.Server.Manifest.Facilities(c.Profile)
	}
	by := func(promise string, args ...string) control.Offer {
		return control.Offer{Args: args, Promise: promise, Source: "https://github.com/benchctl/benchctl/blob/main/docs/serve.md"}
	}
	return map[control.Facility]control.Offer{
		control.Background: by("goes on in the background, and its launcher ends when the server serves", "--daemon"),
		control.Pidfile:    by("refuses to start beside a live owner of the pidfile, and replaces one that a killed owner has left", "--pidfile=PATH"),
		control.OtherUser:  by("opens its sockets as root, and then gives up user, groups and all capabilities in each thread", "--user=USER", "--group=GROUP"),
		control.Sockets:    by("listens on the sockets of systemd's socket activation", "--listen=systemd"),
	}
}

// With is what of a launch the facilities in use take.
type With struct {
	Use     []control.Facility // that the candidate offers
	Pidfile string             // path, for control.Pidfile
	User    *control.User      // that a server which root starts gives up its rights for, for control.OtherUser
	Group   string             // of User
}

// Command writes the files of a launch, whose address is known, and says how the candidate is
// started by hand with facilities in use. A Go engine is a service then, with the verbs of
// one. It is for who starts it to do so as the launch's user.
func (c Candidate) Command(l Launch, w With) (control.Command, error) {
	if c.Server.Manifest == nil {
		return c.service(l, w)
	}
	user := l.User
	if w.User != nil {
		user = w.User
	}
	return c.external(l, external.Launch{Use: w.Use, Pidfile: w.Pidfile, User: user.String(), Group: w.Group})
}

// service is Command of a Go engine.
func (c Candidate) service(l Launch, w With) (control.Command, error) {
	argv := []string{
		l.Benchctl, "serve", "--server=" + c.Served(), "--workers=" + strconv.Itoa(max(1, l.Workers)),
		"--name=", // nobody asks for it by name
	}
	if c.Profile != Native { // which has its apps in one handler
		argv = append(argv, "--app="+l.App)
	}
	listen := "--addr=" + l.Address
	if os.Geteuid() == 0 && w.User == nil {
		argv = append(argv, "--run-as="+control.OwnName()) // not nobody, as is usual for root
	}
	for _, facility := range w.Use {
		switch facility {
		case control.Background:
			argv = append(argv, "--daemon")
		case control.Pidfile:
			argv = append(argv, "--pidfile="+w.Pidfile)
		case control.OtherUser:
			argv = append(argv, "--user="+w.User.Name, "--group="+w.Group)
		case control.Sockets:
			listen = "--listen=systemd"
		}
	}
	err := l.User.Own(l.Dir)
	if w.User != nil {
		err = os.Chmod(l.Dir, 0o777|os.ModeSticky) // its temporary files are those of the user that it becomes
	}
	return control.Command{Argv: append(argv, listen), Env: l.environ(nil), Dir: l.Dir, Verbs: actions(supervised())}, err
}
