package lint

import (
	"errors"
	"io"

	"github.com/benchctl/benchctl/apps"
)

// stream is the body that the server gets. The exchange's mutex guards it.
type stream struct {
	x     *exchange
	body  apps.Body
	limit int64 // Content-Length, -1 if there is none

	nexts  int // calls of Next under way
	closes int
	block  printed // the last one
	sent   int64
	excess bool // it is known that there are more bytes than limit
}

// Next implements apps.Body.
func (s *stream) Next() ([]byte, error) {
	s.enter()
	left := false
	leave := func() {
		if !left {
			left = true
			s.x.mu.Lock()
			s.nexts--
			s.x.mu.Unlock()
		}
	}
	defer leave() // where it panics
	block, err := s.body.Next()
	leave()
	s.got(block, err)
	return block, err
}

// enter holds what the server may do.
func (s *stream) enter() {
	x := s.x
	x.mu.Lock()
	closed, together := s.closes > 0, s.nexts > 0
	s.nexts++
	x.mu.Unlock()
	if closed {
		x.broken(Server, "S6", "called Next after Close")
	}
	if together {
		x.broken(Server, "S5", "called Next before the last call had returned")
	}
	s.checkBlock("the following Next")
}

// checkBlock holds the last block against its checksum.
func (s *stream) checkBlock(before string) {
	x := s.x
	x.mu.Lock()
	changed := x.isChanged(s.block)
	s.block = printed{}
	x.mu.Unlock()
	if changed {
		x.broken(App, "A4", "changed a block of its stream before %s", before)
	}
}

// got holds what the app returned.
func (s *stream) got(block []byte, err error) {
	x := s.x
	if err != nil && len(block) > 0 {
		x.broken(App, "A8", "returned a block of %d bytes with %q", len(block), err)
	}
	x.mu.Lock()
	s.block = x.print(block)
	s.sent += int64(len(block))
	sent, excess := s.sent, s.limit >= 0 && s.sent > s.limit && !s.excess
	s.excess = s.excess || excess
	x.mu.Unlock()
	switch {
	case excess:
		x.broken(App, "A6", "set Content-Length to %d, and has streamed %d bytes", s.limit, sent)
	case errors.Is(err, io.EOF) && sent < s.limit:
		x.broken(App, "A6", "set Content-Length to %d, and streamed %d bytes", s.limit, sent)
	}
}

// Close implements apps.Body. The app's body is closed once.
func (s *stream) Close() error {
	x := s.x
	x.mu.Lock()
	s.closes++
	closes, together := s.closes, s.nexts > 0
	x.mu.Unlock()
	if closes > 1 {
		x.broken(Server, "S6", "closed the stream %d times", closes)
		return nil
	}
	if together {
		x.broken(Server, "S6", "called Close before Next had returned")
	}
	s.checkBlock("Close")
	x.checkViews("before the stream was closed")
	defer s.closed()
	return s.body.Close()
}

// closed ends the request, unless Serve goes on.
func (s *stream) closed() {
	x := s.x
	x.mu.Lock()
	own := x.stream == s
	if own {
		x.streaming = false
		x.over = !x.serving
	}
	x.mu.Unlock()
	if own {
		x.home.closed(x)
	}
}

func (s *stream) isClosed() bool {
	s.x.mu.Lock()
	defer s.x.mu.Unlock()
	return s.closes > 0
}
