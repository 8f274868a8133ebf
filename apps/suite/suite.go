// Package suite holds the test apps, each an apps.App with checked parameters,
// and for each the exchange that the load engines and the conformance gate use:
// what to send and what a right reply is.
//
// An app is named as name[?key=value&...], for example "size?bytes=10000"; the
// same text, after a slash, is its request target. The Python twins in apps/wsgi
// answer the same bytes.
package suite

import "github.com/benchctl/benchctl/apps"

// Spec describes one test app.
type Spec struct {
	Name    string   // "size"
	Doc     string   // one line, for "benchctl list apps"
	Methods []string // taken; GET implies HEAD
	Params  []Param
	New     func() apps.App
	// exchange makes the request and its right reply from checked parameters.
	exchange func(Args) Exchange
}

// Param is one parameter of an app: a whole number with bounds.
type Param struct {
	Name              string
	Default, Min, Max int64
	Doc               string // with the unit
}

// Exchange is a request to an app, and its right reply.
type Exchange struct {
	Method  string
	Target  string      // origin form: "/size?bytes=10000"
	Header  [][2]string // fields beyond Host
	Body    []byte
	Status  int
	Length  int64 // of the reply's body, bytes
	Type    string
	Replied [][2]string                       // fields the reply must carry
	Match   func(off int64, block []byte) bool // content of the body at an offset
}
