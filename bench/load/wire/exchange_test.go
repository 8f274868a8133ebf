package wire

import (
	"testing"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
)

func BenchmarkParse(b *testing.B) {
	for name, in := range map[string]string{
		"sized":   "HTTP/1.1 200 OK\r\nServer: fasthttp\r\nDate: Mon, 23 Nov 2026 09:00:00 GMT\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 13\r\n\r\n" + loadtest.Hello,
		"chunked": "HTTP/1.1 200 OK\r\nServer: x\r\nDate: Mon, 23 Nov 2026 09:00:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n" + loadtest.Hello + "\r\n0\r\n\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			reply := []byte(in)
			r := &Request{Want: &load.Target{Length: int64(len(loadtest.Hello))}}
			var x Exchange
			b.ReportAllocs()
			b.SetBytes(int64(len(reply)))
			for b.Loop() {
				x.Begin(r, 0, 0)
				if rest, f := x.Take(reply); !x.Reply.Whole() || len(rest) > 0 || f != nil {
					b.Fatal(len(rest), f)
				}
			}
		})
	}
}
