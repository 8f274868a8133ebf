package harness

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// However requests are cut into reads, each gets one reply.
func TestSinkAnswersEachRequestOnce(t *testing.T) {
	const request = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
	for size := 1; size <= 3*len(request); size++ {
		client, server := net.Pipe()
		go replyAll(server)
		_ = client.SetDeadline(time.Now().Add(10 * time.Second))
		go func() {
			for left := strings.Repeat(request, 3); left != ""; {
				n := min(size, len(left))
				if _, err := io.WriteString(client, left[:n]); err != nil {
					return
				}
				left = left[n:]
			}
		}()
		got := make([]byte, 3*len(sinkReply))
		if _, err := io.ReadFull(client, got); err != nil || string(got) != strings.Repeat(sinkReply, 3) {
			t.Errorf("in pieces of %d bytes: %q, %v", size, got, err)
		}
		client.Close()
	}
}
