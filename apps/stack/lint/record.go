package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Record is a Report of Lint that writes each breach to w as a line of JSON, in one Write, so that
// several processes may append to one file. What can't be written is lost.
func Record(w io.Writer) func(Breach) {
	var mu sync.Mutex
	return func(b Breach) {
		line, err := json.Marshal(b)
		if err != nil {
			return // a Breach is strings, which all have a form in JSON
		}
		mu.Lock()
		defer mu.Unlock()
		_, _ = w.Write(append(line, '\n'))
	}
}

// Recorded reads what Record wrote. A last line that is not whole, of a process that was killed, is left out.
func Recorded(r io.Reader) ([]Breach, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var all []Breach
	for n := 1; ; n++ {
		line, rest, whole := bytes.Cut(text, []byte{'\n'})
		if !whole {
			return all, nil
		}
		var b Breach
		if err := json.Unmarshal(line, &b); err != nil {
			return all, fmt.Errorf("lint: record, line %d: %w", n, err)
		}
		all, text = append(all, b), rest
	}
}
