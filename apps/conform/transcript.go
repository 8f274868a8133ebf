package conform

import (
	"net"
	"slices"
	"sync"
)

// maxKept is how much of a message a transcript keeps, in bytes.
const maxKept = 2 << 10

// Message is bytes that went over a connection in one direction, until others went
// in the other.
type Message struct {
	Connection int // of the check, from 1
	Sent       bool
	Bytes      []byte // the first 2 KiB
	Cut        int    // bytes that are not kept
}

// transcript is what went over the connections of a check, in order.
type transcript struct {
	mu       sync.Mutex
	messages []Message
}

func (t *transcript) add(connection int, sent bool, b []byte) {
	if len(b) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	last := len(t.messages) - 1
	if last < 0 || t.messages[last].Connection != connection || t.messages[last].Sent != sent {
		t.messages = append(t.messages, Message{Connection: connection, Sent: sent})
		last++
	}
	m := &t.messages[last]
	n := min(len(b), maxKept-len(m.Bytes))
	m.Bytes = append(m.Bytes, b[:n]...)
	m.Cut += len(b) - n
}

// all is a copy of what there is.
func (t *transcript) all() []Message {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := slices.Clone(t.messages)
	for i := range out {
		out[i].Bytes = slices.Clone(out[i].Bytes)
	}
	return out
}

// taped is a connection that writes the transcript.
type taped struct {
	net.Conn
	tape       *transcript
	connection int
}

func (c taped) Write(b []byte) (int, error) {
	c.tape.add(c.connection, true, b)
	return c.Conn.Write(b)
}

func (c taped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.tape.add(c.connection, false, b[:n])
	return n, err
}
