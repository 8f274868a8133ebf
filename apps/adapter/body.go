package adapter

import "io"

// Bounded reads a request body of known framing from an engine's reader. It
// never asks for more than Left bytes, since some engines would hand out bytes
// of the next request, and it tells an early end from the real one (S3).
type Bounded struct {
	R    io.Reader
	Left int64 // bytes to come; -1 if R itself knows where the body ends
}

// Read reads up to len(p) bytes of the body.
func (b *Bounded) Read(p []byte) (int, error) {
	if b.Left < 0 {
		return b.R.Read(p)
	}
	if b.Left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > b.Left {
		p = p[:b.Left]
	}
	n, err := b.R.Read(p)
	b.Left -= int64(n)
	if err == io.EOF && b.Left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
