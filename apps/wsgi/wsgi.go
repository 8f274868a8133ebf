// Package wsgi holds what servers in Python serve: the twins of the test apps, a WSGI application
// (PEP 3333) that answers the same bytes as apps/suite does, and an ASGI application (ASGI 3.0)
// made of the same apps.
//
// The applications are app:application and asgi:application. AppEnv mounts one app alone.
package wsgi

import (
	"embed"
	"io/fs"
)

// Name is the file of the WSGI application, and ASGIName that of the ASGI application.
const (
	Name     = "app.py"
	ASGIName = "asgi.py"
)

// AppEnv is the environment variable that names the one app to mount; unset or
// empty, the whole suite is.
const AppEnv = "BENCHCTL_APP"

// Validate is the one app that the WSGI application has and apps/suite has not: it answers whether
// the server breaks PEP 3333, 200 if it does not, or else 500 with what it breaks.
const Validate = "validate"

//go:embed app.py asgi.py benchctl/*.py
var files embed.FS

// Files are all files by their paths, with slashes, from the directory that Python is to find modules
// in. They need Python 3.9 and its standard library.
func Files() map[string][]byte {
	all := map[string][]byte{}
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			all[path], err = files.ReadFile(path)
		}
		return err
	})
	if err != nil {
		panic("wsgi: " + err.Error()) // they are in the program
	}
	return all
}
