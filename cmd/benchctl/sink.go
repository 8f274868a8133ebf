package main

import (
	"bytes"
	"context"
	"net"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/servers"
)

// The sink's replies are those of app hello, made with as little work as a
// server can have.
const (
	sinkBody  = "Hello, World!"
	sinkReply = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n" + sinkBody
)

// requestEnd ends a request without a body.
var requestEnd = []byte("\r\n\r\n")

// sinkCommand is the hidden counterpart of calibrate: what it loads to find its
// own limit. It is not a server that anyone should measure.
func sinkCommand() *cobra.Command {
	fd := 0
	cmd := &cobra.Command{
		Use: "sink", Hidden: true, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ln, err := servers.Listener(fd)
			if err != nil {
				return usage(err)
			}
			return unable(sink(cmd.Context(), ln))
		},
	}
	cmd.Flags().IntVar(&fd, "listener-fd", 3, "file descriptor of a listening socket")
	return cmd
}

// sink is the command line that runs the sink.
func (e env) sink() []string { return []string{e.executable, "sink", "--listener-fd", "3"} }

// sink answers on ln until ctx ends.
func sink(ctx context.Context, ln net.Listener) error {
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go answer(conn)
	}
}

// answer replies once for each end of a request in the bytes read, until the
// connection ends. It looks at nothing else.
func answer(conn net.Conn) {
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
