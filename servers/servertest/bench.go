package servertest

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
)

// Get is the text of a GET of path.
func Get(path string) string { return get(path) }

// Post is the text of a POST of body to path.
func Post(path, body string) string { return post(path, body) }

// RoundTrip returns a function that sends a request over conn and reads the
// reply, without an allocation of its own, for benchmarks and for tests that
// count allocations. All replies must be as long as the first.
func RoundTrip(t testing.TB, conn net.Conn, request string) func() {
	ask := []byte(request)
	exchange := func(buf []byte) {
		if _, err := conn.Write(ask); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, buf); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, firstLength(t, conn, ask))
	return func() { exchange(buf) }
}

// firstLength asks once and returns the length of the whole reply in bytes.
func firstLength(t testing.TB, conn net.Conn, ask []byte) int {
	if _, err := conn.Write(ask); err != nil {
		t.Fatal(err)
	}
	counted := &countingReader{r: conn}
	res, err := http.ReadResponse(bufio.NewReader(counted), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 {
		t.Fatalf("status %d: %v", res.StatusCode, err)
	}
	return counted.n
}

type countingReader struct {
	r io.Reader
	n int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}
