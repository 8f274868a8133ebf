package suite

import "bytes"

// Bodies of any length are cut from one pattern of letters. It repeats after a
// prime number of bytes, so that content which is shifted, cut or doubled by any
// usual block size differs from what is right at its offset.
const (
	patternPeriod = 4093
	blockSize     = 64 << 10 // most of the pattern in one block, bytes
)

// pattern holds blockSize bytes from every offset within a period. Nobody may
// change it (contract rule A4).
var pattern = makePattern()

// letters are the 64 of base64url.
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// makePattern draws one period from the letters by xorshift32 (Marsaglia 2003) with
// seed 1.
func makePattern() []byte {
	out := make([]byte, patternPeriod+blockSize)
	x := uint32(1)
	for i := range patternPeriod {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		out[i] = letters[x>>26]
	}
	for i := patternPeriod; i < len(out); i++ {
		out[i] = out[i-patternPeriod]
	}
	return out
}

// block is n bytes of the pattern at offset off; n is at most blockSize.
func block(off int64, n int) []byte {
	i := int(off % patternPeriod)
	return pattern[i : i+n : i+n]
}

// patternBytes is the first n bytes of the pattern.
func patternBytes(n int64) []byte {
	out := make([]byte, 0, n)
	for left := n; left > 0; left = n - int64(len(out)) {
		out = append(out, block(int64(len(out)), int(min(left, blockSize)))...)
	}
	return out
}

// patterned is the exchange that replies with length bytes of the pattern.
func patterned(length int64) Exchange {
	return Exchange{Length: length, Match: func(off int64, got []byte) bool {
		if off < 0 || off+int64(len(got)) > length {
			return false
		}
		for len(got) > 0 {
			n := min(len(got), blockSize)
			if !bytes.Equal(got[:n], block(off, n)) {
				return false
			}
			off, got = off+int64(n), got[n:]
		}
		return true
	}}
}
