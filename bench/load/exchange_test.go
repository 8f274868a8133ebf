package load

import "testing"

func BenchmarkParse(b *testing.B) {
	for name, in := range map[string]string{
		"sized":   "HTTP/1.1 200 OK\r\nServer: fasthttp\r\nDate: Mon, 23 Nov 2026 09:00:00 GMT\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 13\r\n\r\n" + hello,
		"chunked": "HTTP/1.1 200 OK\r\nServer: x\r\nDate: Mon, 23 Nov 2026 09:00:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n" + hello + "\r\n0\r\n\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			reply := []byte(in)
			r := &request{want: &Target{Length: int64(len(hello))}}
			var x exchange
			b.ReportAllocs()
			b.SetBytes(int64(len(reply)))
			for b.Loop() {
				x.begin(r, 0, 0)
				if rest, f := x.take(reply); !x.reply.Whole() || len(rest) > 0 || f != nil {
					b.Fatal(len(rest), f)
				}
			}
		})
	}
}
