package nethttp

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/servertest"
)

func TestServe(t *testing.T) { servertest.TestServe(t, Serve) }

func TestServeH2C(t *testing.T) { servertest.TestServe(t, ServeH2C) }

// sink is a reply that nobody gets.
type sink struct{ header http.Header }

func (s sink) Header() http.Header         { return s.header }
func (s sink) WriteHeader(int)             {}
func (s sink) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkHandler leaves out the connection and the engine.
func BenchmarkHandler(b *testing.B) {
	for name, h := range map[string]http.Handler{"native": Native{}, "contract": Handler(nil, suite.Mux())} {
		for _, target := range []string{"/hello", "/size?bytes=10000"} {
			b.Run(name+target, func(b *testing.B) {
				r, w := httptest.NewRequest(http.MethodGet, target, nil), sink{make(http.Header)}
				b.ReportAllocs()
				for b.Loop() {
					h.ServeHTTP(w, r)
					clear(w.header)
				}
			})
		}
	}
}
