package fiber

import (
	"testing"

	"github.com/benchctl/benchctl/servers/servertest"
)

func TestServe(t *testing.T) {
	servertest.TestServe(t, Serve,
		servertest.Deviation{
			Case:   "S3 a truncated chunked body is an error",
			Reason: "fasthttp's reader of chunked request bodies ends with io.EOF wherever the connection ends",
		},
		servertest.Deviation{
			Case:   "S7 a stream to an HTTP/1.0 client is not chunked",
			Reason: "fasthttp sends chunks whatever the version of the request",
		},
	)
}
