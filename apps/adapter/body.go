package adapter

import "io"

// Bounded reads a request body of known framing from an engine's reader. It
// never asks for more than Left bytes, since some engines would hand out bytes
// of the next request, it tells an early end from the real one (S3), and it does not
// ask again after a failure, since some engines would go on in the middle of a chunk.
type Bounded struct {
	R      io.Reader
	Left   int64 // bytes to come; -1 if R itself knows where the body ends
	Failed error // what ended the body before its end; the connection is out of step
}

// Read reads up to len(p) bytes of the body.
func (b *Bounded) Read(p []byte) (int, error) {
	switch {
	case b.Failed != nil:
		return 0, b.Failed
	case b.Left == 0:
		return 0, io.EOF
	case b.Left > 0 && int64(len(p)) > b.Left:
		p = p[:b.Left]
	}
	n, err := b.R.Read(p)
	if b.Left > 0 {
		b.Left -= int64(n)
		if err == io.EOF && b.Left > 0 {
			err = io.ErrUnexpectedEOF
		}
	}
	if err != io.EOF {
		b.Failed = err
	}
	return n, err
}
