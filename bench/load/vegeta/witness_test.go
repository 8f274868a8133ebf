package vegeta

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

// A body begins with its first byte, once.
func TestWitnessedBegin(t *testing.T) {
	w := &witness{}
	w.reset()
	in, out := io.Pipe()
	body := &witnessed{in, w, "7", true}
	var all sync.WaitGroup
	all.Go(func() {
		out.Write([]byte("a"))
		out.Write([]byte("b"))
		out.Close()
	})
	var seen []time.Time
	for b := make([]byte, 8); ; {
		n, err := body.Read(b)
		if err != nil {
			break
		}
		if !bytes.Contains([]byte("ab"), b[:n]) {
			t.Errorf("read %q", b[:n])
		}
		seen = append(seen, w.firsts["7"])
	}
	all.Wait()
	at, ok := w.first(7)
	if len(seen) != 2 || !ok || at.IsZero() || seen[0] != at || seen[1] != at {
		t.Errorf("began at %v, read at %v", at, seen)
	}
	if _, ok := w.first(7); ok {
		t.Error("it is kept")
	}
	if _, err := (&witnessed{http.NoBody, w, "8", true}).Read(make([]byte, 1)); !errors.Is(err, io.EOF) || len(w.firsts) > 0 {
		t.Errorf("an empty body began: %v", err)
	}
}
