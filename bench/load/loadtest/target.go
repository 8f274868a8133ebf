package loadtest

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/benchctl/benchctl/bench/load"
)

// Get is a target that accepts any body.
func Get(path string) load.Target {
	t := load.Target{Status: 200, Length: -1}
	t.Method, t.URL = http.MethodGet, path
	return t
}

// GetHello is a target that is answered with Hello.
func GetHello() load.Target {
	t := Get("/hello")
	t.Length = int64(len(Hello))
	t.Match = func(off int64, b []byte) bool { return strings.HasPrefix(Hello[off:], string(b)) }
	return t
}

// Targets are one for each page of Site.
func Targets() []load.Target {
	none, chunks, large, echo, head := Get("/none"), Get("/chunks"), Get("/large"), Get("/echo"), Get("/hello")
	none.Status, none.Length = 204, 0
	chunks.Length = int64(3 * len(Hello))
	chunks.Match = func(off int64, b []byte) bool {
		return strings.HasPrefix(strings.Repeat(Hello, 3)[off:], string(b))
	}
	large.Length = 300_000
	large.Match = func(_ int64, b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }
	echo.Method, echo.Body, echo.Length = "POST", bytes.Repeat([]byte("x"), 400_000), 400_000
	echo.Match = func(_ int64, b []byte) bool { return len(bytes.Trim(b, "x")) == 0 }
	head.Method, head.Length = "HEAD", 0
	return []load.Target{GetHello(), none, chunks, large, echo, head}
}

// Weighted are targets /a, /b ... with the given weights.
func Weighted(weights ...int) []load.Target {
	targets := make([]load.Target, len(weights))
	for i, w := range weights {
		targets[i] = Get("/" + string(rune('a'+i)))
		targets[i].Weight = w
	}
	return targets
}
