// Package wsgi holds the Python twins of the test apps: a WSGI application
// (PEP 3333) that answers the same bytes as apps/suite does, and an ASGI
// application (ASGI 3.0) made of the same apps.
//
// They are app:application and asgi:application. The environment variable named by
// AppEnv mounts one app alone.
package wsgi

import _ "embed"

// Name is the file that App must be written to, so that Python finds the module.
const Name = "app.py"

// ASGIName is the file that ASGI must be written to, beside App.
const ASGIName = "asgi.py"

// AppEnv is the environment variable that names the one app to mount; unset or
// empty, the whole suite is.
const AppEnv = "BENCHCTL_APP"

// Validate is the one app that App has and apps/suite has not: it answers whether the
// server breaks PEP 3333, 200 if it does not, or else 500 with what it breaks.
const Validate = "validate"

var (
	//go:embed app.py
	app []byte
	//go:embed asgi.py
	asgi []byte
)

// App is the text of the module. It needs Python 3.9 and its standard library.
func App() []byte { return append([]byte(nil), app...) }

// ASGI is the text of the module for ASGI servers, which imports that of App.
func ASGI() []byte { return append([]byte(nil), asgi...) }
