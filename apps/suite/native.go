package suite

import (
	"io"
	"slices"
	"sync"
	"sync/atomic"
)

// Native is the names of the apps that handlers of one library serve too, without the
// contract: one with a short reply, one with a long one, and one that reads a body. Such a
// handler has its replies from Hello, Size and Upload, so that it and the app compute the same
// and differ by the contract alone.
func Native() []string { return []string{"hello", "size", "upload"} }

// IsNative tells whether app is one of Native.
func IsNative(app string) bool { return slices.Contains(Native(), app) }

// Hello is the body that app hello replies with. Nobody may change it.
func Hello() []byte { return helloBody }

// Size is the body that app size replies with to a raw query. Nobody may change it. An error
// is of a false parameter: its text is the body of a reply with status 400.
func Size(query string) ([]byte, error) {
	args, err := nativeSize.args(query)
	if err != nil {
		return nil, err
	}
	return beginning(args[0]), nil
}

// Upload is the body that app upload replies with to a request with a raw query and a body,
// which it reads to its end. An error is of a false parameter or of reading.
func Upload(query string, body io.Reader) ([]byte, error) {
	if _, err := nativeUpload.args(query); err != nil {
		return nil, err
	}
	block := nativeBlocks.Get().(*[echoBlock]byte)
	defer nativeBlocks.Put(block)
	return digest(body, block[:])
}

var (
	nativeSize, nativeUpload = sizeSpec(), uploadSpec()
	nativeBlocks             = sync.Pool{New: func() any { return new([echoBlock]byte) }}

	longest atomic.Pointer[[]byte] // beginning of the pattern that was asked for
)

// beginning is the first n bytes of the pattern. Those beyond a block are made once.
func beginning(n int64) []byte {
	if n <= blockSize {
		return block(0, int(n))
	}
	all := longest.Load()
	if all == nil || int64(len(*all)) < n {
		long := patternBytes(n)
		all = &long
		longest.Store(all)
	}
	return (*all)[:n:n]
}
