package wire

import (
	"bytes"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/bench/load"
)

func TestDifference(t *testing.T) {
	right := []byte(strings.Repeat("0123456789", 10))
	match := func(off int64, b []byte) bool { return bytes.HasPrefix(right[off:], b) }
	for _, test := range []struct {
		off  int64
		at   int // in the block
		want string
	}{
		{0, 0, `offset 0, in "x123456789012345678901234567890123456789"`},
		{0, 20, `offset 20, in "01234567890123456789x1234567890123456789"`},
		{0, 99, `offset 99, in "012345678901234567890123456789012345678x"`},
		{40, 25, `offset 65, in "56789012345678901234x6789012345678901234"`},
		{98, 1, `offset 99, in "8x"`},
		{99, 0, `offset 99, in "x"`},
	} {
		block := bytes.Clone(right[test.off:])
		block[test.at] = 'x'
		if got := difference(match, test.off, block); got != "other content at "+test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

// More than 16 MiB are not kept.
func TestWholeTooLong(t *testing.T) {
	x := Exchange{}
	x.Begin(&Request{Judged: true, Want: &load.Target{Status: 200, Length: -1, Whole: func([]byte) bool { return true }}}, 0, 0)
	x.Reply.Status = 200
	block := make([]byte, 1<<20)
	for off := range int64(maxWhole/len(block) + 1) {
		x.Compare(off*int64(len(block)), block)
	}
	if f := x.Check(); f != WrongBody {
		t.Errorf("fault %v", f)
	}
}
