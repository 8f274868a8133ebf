package nethttp

import (
	"net"
	"net/http"
	"testing"

	"github.com/valyala/fasthttp/fasthttputil"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/servers/servertest"
)

func TestServe(t *testing.T) { servertest.TestServe(t, Serve) }

func TestServeH2C(t *testing.T) { servertest.TestServe(t, ServeH2C) }

func hello(_ apps.Request, res apps.Response) error {
	res.SetHeader("Content-Type", apps.ContentTypeText)
	return res.Reply(200, body)
}

func nativeHello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", apps.ContentTypeText)
	w.WriteHeader(200)
	w.Write(body)
}

var body = []byte("Hello, world!\n")

// dial serves with h in memory and connects to it.
func dial(t testing.TB, h http.Handler) net.Conn {
	ln := fasthttputil.NewInmemoryListener()
	srv := &http.Server{Handler: h}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	conn, err := ln.Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		srv.Close()
		<-done
	})
	return conn
}

func BenchmarkHello(b *testing.B) {
	for _, c := range []struct {
		name string
		h    http.Handler
	}{
		{"native", http.HandlerFunc(nativeHello)},
		{"contract", &handler{app: apps.Func(hello)}},
		{"routed", &handler{app: apps.NewMux(apps.Route{Path: "/hello", Methods: []string{"GET"}, App: apps.Func(hello)})}},
	} {
		b.Run(c.name, func(b *testing.B) {
			roundTrip := servertest.RoundTrip(b, dial(b, c.h))
			b.ReportAllocs()
			for b.Loop() {
				roundTrip()
			}
		})
	}
}
