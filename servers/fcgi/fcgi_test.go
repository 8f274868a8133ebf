package fcgi

import (
	"os"
	"testing"

	"github.com/benchctl/benchctl/servers/servertest"
)

func TestServe(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(Nginx); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("install nginx to test what stands behind it")
	}
	servertest.TestServe(t, Serve,
		servertest.Deviation{
			Case:   "S1 OPTIONS * is answered",
			Reason: "nginx answers 400",
		},
		servertest.Deviation{
			Case:   "S2 Host is that of a target in absolute form",
			Reason: "nginx passes on the field as it came",
		},
		servertest.Deviation{
			Case:   "S3 a chunked body is decoded",
			Reason: "nginx reads a chunked body whole and gives the app its length, which FastCGI wants",
		},
		servertest.Deviation{
			Case:   "S3 a large body is read inside Next",
			Reason: "nginx does not read the request's body on once the reply has begun",
		},
		servertest.Deviation{
			Case:   "S9 an error within a stream",
			Reason: "nginx takes every end of a FastCGI reply without a length for its end",
		},
		servertest.Deviation{
			Case:   "S9 a panic within a stream",
			Reason: "nginx takes every end of a FastCGI reply without a length for its end",
		},
	)
}
