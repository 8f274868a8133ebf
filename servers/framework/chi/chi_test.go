package chi

import (
	"testing"

	"github.com/benchctl/benchctl/servers/servertest"
)

func TestServe(t *testing.T) { servertest.TestServe(t, Serve) }
