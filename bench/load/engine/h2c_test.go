package engine

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
	"github.com/benchctl/benchctl/scenarios"
)

// HTTP/2 is spoken where it is asked for.
func TestH2C(t *testing.T) {
	t.Parallel()
	var other atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			other.Add(1)
		}
		_, _ = io.Copy(w, r.Body)
		fmt.Fprint(w, loadtest.Hello)
	}))
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Config.Protocols.SetHTTP1(true)
	srv.Start()
	defer srv.Close()
	c := load.Config{
		Address: srv.Listener.Addr().String(), Load: scenarios.Load{Connections: 8}, H2C: true,
		Targets: []load.Target{
			{Target: vegeta.Target{Method: "GET", URL: "/"}, Length: int64(len(loadtest.Hello)), Match: func(off int64, b []byte) bool { return strings.HasPrefix(loadtest.Hello[off:], string(b)) }},
			{Target: vegeta.Target{Method: "POST", URL: "/", Body: []byte("abc")}, Length: int64(len(loadtest.Hello)) + 3},
		},
	}
	s, err := Open(t.Context(), by(load.Vegeta, c))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		r := loadtest.SlicesUntil(t, s, load.Window{Span: 100 * time.Millisecond}, func(r *load.Result) bool { return r.Counted >= 10 })
		if r.Errored() > 0 || r.Counted < 10 {
			t.Errorf("%v", loadtest.Summary(r))
		}
	}
	if n := other.Load(); n > 0 {
		t.Errorf("%d requests were not HTTP/2", n)
	}
	if err := Check(by(load.Raw, c)); err == nil || !strings.Contains(err.Error(), "does not offer HTTP/2") {
		t.Errorf("engine raw: %v", err)
	}
}
