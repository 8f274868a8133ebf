package agent

import (
	"strings"
	"testing"

	"github.com/benchctl/benchctl/scenarios"
)

// The streams of a load ask for a reply that the suite knows, and that outlasts every load.
func TestHeldStreams(t *testing.T) {
	all, err := scenarios.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	found, err := scenarios.Find(all, []string{"reload-streams"})
	if err != nil {
		t.Fatal(err)
	}
	load := found[0].Load
	if target := streamed(Offer{Load: load, Address: "127.0.0.1:80"}); !strings.Contains(target.Target.URL, "/stream?chunks=1000&ms=100") {
		t.Errorf("%d streams ask for %+v", load.Streams, target)
	}
	if takes := held.Parts()[0].Exchange().AtLeast; takes < 4*load.Slice {
		t.Errorf("a stream takes %v of a load of %v", takes, load.Slice)
	}
}
