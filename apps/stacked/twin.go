package stacked

import (
	"bytes"
	"fmt"

	"github.com/benchctl/benchctl/apps/stack/files"
	"github.com/benchctl/benchctl/apps/stack/format"
)

// Twin is the stack of an app for servers that read files of Paste Deploy.
type Twin struct {
	Root string // path of one segment, where the stack is mounted
	INI  string // the file, whose app "main" is the stack
}

// Twin is the app's stack in such a file; zero if it has none. The error is of what no such file can say.
func (a App) Twin() (Twin, error) {
	w, err := a.whole()
	if err != nil || w.node == nil {
		return Twin{}, err
	}
	var ini bytes.Buffer
	if err := files.Write(&ini, files.INI, &format.Document{Stacks: []format.Stack{{Name: format.Main, Node: w.node}}}); err != nil {
		return Twin{}, fmt.Errorf("no file of Paste Deploy can have the stack: %w", err)
	}
	return Twin{w.root, ini.String()}, nil
}
