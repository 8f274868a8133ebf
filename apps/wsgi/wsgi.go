// Package wsgi holds what servers in Python serve: the twins of the test apps, a WSGI application
// (PEP 3333) that answers the same bytes as apps/suite does and an ASGI application (ASGI 3.0)
// made of the same apps, and the twins of the layers in apps/stack/layers, as filters of Paste Deploy.
//
// The applications are app:application and asgi:application. AppEnv mounts one app alone. StackEnv has
// app:application be a stack of a file, and MountsEnv mounts stacks beside the suite.
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

// StackEnv is the environment variable that names the stack to serve by WSGI, in place of the
// suite: FILE.ini, a file of Paste Deploy by its absolute path, or FILE.ini#NAME.
const StackEnv = "BENCHCTL_STACK"

// MountsEnv is the environment variable that names stacks to serve by WSGI beside the suite: a line
// for each, of a path of one segment, a space, and a stack as StackEnv has it.
const MountsEnv = "BENCHCTL_MOUNTS"

// Validate is the one app that the WSGI application has and apps/suite has not: it answers whether
// the server breaks PEP 3333, 200 if it does not, or else 500 with what it breaks.
const Validate = "validate"

// The egg has the entry points by which Paste Deploy finds the layers and apps.
//
//go:embed app.py asgi.py benchctl/*.py benchctl/catalog.json benchctl/layers/*.py benchctl.egg-info/*
var files embed.FS

// Files are all files by their paths, with slashes, from the directory that Python is to find modules
// in. They need Python 3.9 and its standard library; stacks need Paste Deploy.
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
