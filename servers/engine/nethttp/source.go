package nethttp

import _ "embed"

// Source is the text of this package's adapter, which new adapters begin with.
//
//go:embed nethttp.go
var Source string
