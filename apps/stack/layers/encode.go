package layers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/benchctl/benchctl/apps"
)

// Compressors keep a window of what they have seen. It is bounded for the sake of memory: there is
// one for each reply on its way, and a client must take windows of zstd of no more than 8 MiB
// (RFC 9659).
const (
	zstdWindow    = 128 << 10
	brotliWindow  = 18 // 256 KiB, as a power of two
	maxSpareBytes = 1 << 20
)

// coding is a content coding (RFC 9110 section 8.4.1) at a level.
type coding struct {
	name  string
	start func() (compressor, error)
	spare sync.Pool // of *encoder
}

// compressor is what the libraries have in common.
type compressor interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// newCoding makes the coding of a name. It fails if there is none.
func newCoding(name string, level int) (*coding, error) {
	c := &coding{name: name}
	switch name {
	case "gzip": // RFC 1952
		c.start = func() (compressor, error) { return gzip.NewWriterLevel(nil, level) }
	case "br": // RFC 7932
		c.start = func() (compressor, error) {
			return brotli.NewWriterOptions(nil, brotli.WriterOptions{Quality: level, LGWin: brotliWindow}), nil
		}
	case "zstd": // RFC 8878
		c.start = func() (compressor, error) {
			return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevel(level)), zstd.WithWindowSize(zstdWindow),
				zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true))
		}
	default:
		return nil, fmt.Errorf("no content coding: %q", name)
	}
	return c, nil
}

// encoder makes one body at a time of a coding.
type encoder struct {
	compressor
	out  bytes.Buffer
	home *coding
}

// encoder is one of the spare ones, or a new one.
func (c *coding) encoder() (*encoder, error) {
	e, _ := c.spare.Get().(*encoder)
	if e == nil {
		start, err := c.start()
		if err != nil {
			return nil, err
		}
		e = &encoder{compressor: start, home: c}
	}
	e.out.Reset()
	e.Reset(&e.out)
	return e, nil
}

// release gives the encoder back. Nothing of out is used any more.
func (e *encoder) release() {
	if e.out.Cap() <= maxSpareBytes {
		e.home.spare.Put(e)
	}
}

// whole is body in the coding.
func (c *coding) whole(body []byte) ([]byte, error) {
	e, err := c.encoder()
	if err != nil {
		return nil, err
	}
	defer e.release()
	if _, err := e.Write(body); err != nil {
		return nil, err
	}
	if err := e.Close(); err != nil {
		return nil, err
	}
	return bytes.Clone(e.out.Bytes()), nil
}

// stream is body in the coding, each block by itself.
func (c *coding) stream(body apps.Body) (apps.Body, error) {
	e, err := c.encoder()
	if err != nil {
		return nil, err
	}
	return &encoded{Body: body, encoder: e}, nil
}

// encoded is a stream in a content coding.
type encoded struct {
	apps.Body
	encoder *encoder
	ended   bool
}

// Next implements apps.Body. A block is flushed, so that the client can decode all of it.
func (b *encoded) Next() ([]byte, error) {
	if b.ended {
		return nil, io.EOF
	}
	b.encoder.out.Reset()
	block, err := b.Body.Next()
	switch {
	case errors.Is(err, io.EOF):
		b.ended = true
		err = b.encoder.Close()
	case err == nil && len(block) > 0:
		if _, err = b.encoder.Write(block); err == nil {
			err = b.encoder.Flush()
		}
	}
	if err != nil {
		return nil, err
	}
	return b.encoder.out.Bytes(), nil
}

// Close implements apps.Body.
func (b *encoded) Close() error {
	b.encoder.release()
	return b.Body.Close()
}
