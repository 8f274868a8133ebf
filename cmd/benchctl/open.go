package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
)

// openUsage is the help of --open.
const openUsage = "open the report in a browser"

// open shows a page in the user's browser. It does not wait for it.
func (e env) open(page string) error {
	program := "xdg-open"
	if runtime.GOOS == "darwin" {
		program = "open"
	}
	path, err := filepath.Abs(page)
	if err != nil {
		return fmt.Errorf("open %s: %w", page, err)
	}
	cmd := exec.Command(program, path) // not with the command's context: the browser outlives it
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("open %s: %w", page, err)
	}
	return cmd.Process.Release()
}
