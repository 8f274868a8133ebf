package servers

import (
	"path"
	"reflect"
	"runtime"
	"strings"
)

// modulePath is what the paths of this module's packages begin with.
const modulePath = "github.com/benchctl/benchctl/"

// Source is where the code that carries the server is: the directory of an engine's adapter or the file of
// a manifest, within the sources of benchctl where it is built in.
func (s Server) Source() string {
	if s.Manifest != nil {
		return s.Manifest.File
	}
	name := runtime.FuncForPC(reflect.ValueOf(s.Engine).Pointer()).Name() // "…/servers/engine/hertz.Serve"
	dir, of := path.Split(strings.TrimPrefix(name, modulePath))
	of, _, _ = strings.Cut(of, ".")
	return dir + of
}

// ProfileDoc says in a line what a profile changes; "" of the default one, which changes nothing.
func (s Server) ProfileDoc(profile string) string {
	switch {
	case s.Manifest != nil:
		return s.Manifest.Profiles[profile].Doc
	case profile == Supervised:
		return "a supervisor of workers replaces them without losing a request"
	case profile == Native:
		return "handlers as a user of the library writes them, without the app contract"
	}
	return ""
}
