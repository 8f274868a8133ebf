// Package wsgi holds the Python twins of the test apps: a WSGI application
// (PEP 3333) that answers the same bytes as apps/suite does.
//
// The application is app:application. The environment variable named by AppEnv
// mounts one app alone.
package wsgi

import _ "embed"

// Name is the file that App must be written to, so that Python finds the module.
const Name = "app.py"

// AppEnv is the environment variable that names the one app to mount; unset or
// empty, the whole suite is.
const AppEnv = "BENCHCTL_APP"

//go:embed app.py
var app []byte

// App is the text of the module. It needs Python 3.9 and its standard library.
func App() []byte { return append([]byte(nil), app...) }
