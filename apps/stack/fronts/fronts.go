// Package fronts describes the processes that can stand before a stack. They are started by
// whoever serves it (package servers/front).
package fronts

import "github.com/benchctl/benchctl/apps/stack"

// All are the fronts, with no field set.
func All() []stack.Proxy { return []stack.Proxy{Nginx{}} }

// Protocols by which requests are handed on.
const (
	HTTP    = "http"
	FastCGI = "fastcgi"
)

// Nginx is nginx with the vendor's defaults except for
//
//   - buffering off in both directions: the contract streams bodies (S3, S5).
//   - no limit of a request body's size, and no access log.
//   - it tells who the client is. By HTTP it adds the address to X-Forwarded-For and sets
//     X-Forwarded-Proto: its connections to the server, on a Unix socket, have no address. By
//     FastCGI it tells REMOTE_ADDR, which is the peer.
//   - its temporary files go with the launch.
//
// These deviations from the contract are nginx's own:
//
//   - It stops reading a request body once the reply has begun.
//   - By HTTP, a chunked request body that has come with its request gets a length.
//   - By FastCGI, a failed stream looks complete unless it has a Content-Length: neither the
//     end of a FastCGI request nor the end of the connection shows the failure.
//   - "OPTIONS *" is answered 400.
//   - It takes sockets of TCP alone, and refuses Unix ones.
//   - It knows no draining: it goes on accepting when the listener is stopped, and counts
//     no connections in it.
type Nginx struct {
	Protocol  string `stack:"protocol" default:"http" oneof:"http fastcgi" doc:"by which requests are handed on; FastCGI is what nethttp-fcgi speaks, HTTP all others"`
	KeepAlive int    `stack:"keep-alive" min:"0" max:"10000" doc:"idle connections to the server that each worker keeps; 0: each request has one of its own, as by default"`
}

// About implements stack.Proxy.
func (Nginx) About() stack.About {
	return stack.About{Name: "nginx", Doc: "nginx before the server, without buffers"}
}
