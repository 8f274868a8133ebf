package layers

import (
	"bytes"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Decode undoes a content coding of Compress. It fails if there is no such coding, if body is not in it,
// or if what it has is longer than most bytes.
func Decode(name string, body []byte, most int64) ([]byte, error) {
	r, err := decoder(name, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	defer r.Close()
	plain, err := io.ReadAll(io.LimitReader(r, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("decode %s: %w", name, err)
	case int64(len(plain)) > most:
		return nil, fmt.Errorf("decode %s: it has more than %d bytes", name, most)
	}
	return plain, nil
}

func decoder(name string, from io.Reader) (io.ReadCloser, error) {
	switch name {
	case "gzip":
		return gzip.NewReader(from)
	case "br":
		return io.NopCloser(brotli.NewReader(from)), nil
	case "zstd":
		d, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return nil, fmt.Errorf("no content coding: %q", name)
}
