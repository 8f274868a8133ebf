package harness

import (
	"bytes"
	"context"
	"net"
)

// The sink's replies are those of app hello.
const (
	sinkBody  = "Hello, World!"
	sinkReply = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n" + sinkBody
)

// requestEnd ends a request without a body.
var requestEnd = []byte("\r\n\r\n")

// Sink answers on ln until ctx ends, like app hello and with the least possible work of a
// server. A Calibration loads it. It is not a candidate.
func Sink(ctx context.Context, ln net.Listener) error {
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go replyAll(conn)
	}
}

// replyAll replies once for each end of a request in the bytes read, until the
// connection ends. It looks at nothing else.
func replyAll(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, 4<<10)
	kept := 0 // bytes at the front of buf that may begin an end
	reply := []byte(sinkReply)
	for {
		n, err := conn.Read(buf[kept:])
		if err != nil {
			return
		}
		n += kept
		out := reply
		ends := bytes.Count(buf[:n], requestEnd)
		if ends > 1 {
			out = bytes.Repeat(reply, ends)
		}
		if ends > 0 {
			if _, err := conn.Write(out); err != nil {
				return
			}
		}
		kept = copy(buf, tail(buf[:n]))
	}
}

// tail is the last bytes of b that the next ones could complete to an end.
func tail(b []byte) []byte {
	for n := min(len(requestEnd)-1, len(b)); n > 0; n-- {
		if bytes.HasPrefix(requestEnd, b[len(b)-n:]) && !bytes.HasSuffix(b, requestEnd) {
			return b[len(b)-n:]
		}
	}
	return nil
}
