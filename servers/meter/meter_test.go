package meter_test

import (
	"path/filepath"
	"testing"

	"github.com/benchctl/benchctl/servers/meter"
)

var kept [][]byte

// What is allocated between two readings shows in them, and nothing shows after the end.
func TestMeter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meter")
	served, err := meter.Serve(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := meter.Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	before, err := m.Read()
	if err != nil {
		t.Fatal(err)
	}
	const objects, bytes = 10000, 1 << 10
	for range objects {
		kept = append(kept, make([]byte, bytes))
	}
	after, err := m.Read()
	if err != nil {
		t.Fatal(err)
	}
	if got := after.Since(before); got.Objects < objects || got.Objects > 2*objects || got.Bytes < objects*bytes || got.Bytes > 2*objects*bytes {
		t.Errorf("%+v", got)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.Read(); err == nil {
		t.Error("it is read after its end")
	}
	if err := served.Close(); err != nil {
		t.Error(err)
	}
	if _, err := meter.Dial(path); err == nil {
		t.Error("it is served after its end")
	}
	var none *meter.Meter
	if err := none.Close(); err != nil {
		t.Error(err)
	}
}
