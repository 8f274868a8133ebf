package external

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// Builtin is the manifests that come with benchctl, ordered by name.
func Builtin() ([]Manifest, error) { return ReadFS(files, "servers/external") }

// ReadDir reads the manifests in a directory, ordered by file name.
func ReadDir(dir string) ([]Manifest, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("read manifests: %w", err)
	}
	return ReadFS(os.DirFS(dir), dir)
}

// ReadFS reads the manifests at the top of a file system, *.yaml and *.yml, ordered by
// file name. Hidden files, as editors and other systems leave them, are none. Dir names it
// in errors.
func ReadFS(fsys fs.FS, dir string) ([]Manifest, error) {
	names, err := manifests(fsys)
	if err != nil {
		return nil, fmt.Errorf("read manifests in %s: %w", dir, err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("read manifests in %s: no file *.yaml", dir)
	}
	var out []Manifest
	first := map[string]string{}
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read manifest: %w", err)
		}
		m, err := Read(filepath.Join(dir, name), data)
		if err != nil {
			return nil, err
		}
		if other := first[m.Name]; other != "" {
			return nil, fmt.Errorf("%s: server %q is already described by %s", m.File, m.Name, path.Base(other))
		}
		first[m.Name] = m.File
		out = append(out, m)
	}
	return out, nil
}

// manifests are the names of the files. What is no file, such as a pipe that nobody
// writes to, is an error.
func manifests(fsys fs.FS) (names []string, err error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || path.Ext(name) != ".yaml" && path.Ext(name) != ".yml" {
			continue
		}
		info, err := fs.Stat(fsys, name) // of what a link leads to
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is not a regular file", name)
		}
		names = append(names, name)
	}
	return names, nil
}
