package witness

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// IDs are the ids that a server has recorded: those of the requests that its app received whole.
type IDs map[uint64]struct{}

// Has reports whether an id was recorded.
func (s IDs) Has(id uint64) bool { _, ok := s[id]; return ok }

// ReadIDs reads a server's file of ids, as the app "ident" writes it: one id on each line, or
// "-" for a request without an id. It ignores a last line without an end, which a killed
// server leaves.
func ReadIDs(path string) (IDs, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read ids: %w", err)
	}
	defer f.Close()
	seen, err := parseIDs(f)
	if err != nil {
		return nil, fmt.Errorf("read ids: %s: %w", path, err)
	}
	return seen, nil
}

// maxLine is the longest line that an error shows whole, in bytes. An id has at most 20 digits.
const maxLine = 64

func parseIDs(r io.Reader) (IDs, error) {
	seen := IDs{}
	lines := bufio.NewReaderSize(r, maxLine)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return seen, nil
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("line %d: %q... is no request id", n, line)
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		text := string(line[:len(line)-1])
		id, err := strconv.ParseUint(text, 10, 64)
		if text == "-" || errors.Is(err, strconv.ErrRange) { // which no witness has given
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %q is no request id", n, text)
		}
		seen[id] = struct{}{}
	}
}

// Fate is what the server did with a lost request.
type Fate string

// Fates.
const (
	Executed Fate = "executed" // but the answer was lost: sent again, it would be done twice
	Unseen   Fate = "unseen"   // the app never got it
	Unknown  Fate = "unknown"  // the server has no file of ids
)

// Reconcile returns the fate of each lost request, by its id. A server that has recorded none
// of the requests, neither completed nor lost ones, keeps no file of ids. A request that never
// had a connection is unseen in any case.
func Reconcile(requests []Request, seen IDs) map[uint64]Fate {
	noted := false
	for _, r := range requests {
		noted = noted || seen.Has(r.ID)
	}
	fates := map[uint64]Fate{}
	for _, r := range requests {
		switch {
		case !r.Outcome.Lost():
		case seen.Has(r.ID):
			fates[r.ID] = Executed
		case noted || r.Outcome == Refused:
			fates[r.ID] = Unseen
		default:
			fates[r.ID] = Unknown
		}
	}
	return fates
}
