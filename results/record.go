package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Record is everything a run has left so far.
type Record struct {
	Dir      string
	Manifest Manifest
	Launches []Launch
	Trials   []Trial
}

// Read reads a run. An incomplete last line or round, as a killed process leaves
// it, is passed over.
func Read(dir string) (*Record, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, fmt.Errorf("read run: %w", err)
	}
	r := &Record{Dir: dir, Manifest: m}
	trials, err := os.ReadFile(filepath.Join(dir, fileTrials))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read run: %w", err)
	}
	launches, err := os.ReadFile(filepath.Join(dir, fileLaunches))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read run: %w", err)
	}
	whole := trials[:completeRounds(trials)]
	if torn := trials[len(whole):]; bytes.IndexByte(torn, '\n') >= 0 && !json.Valid(torn[:bytes.IndexByte(torn, '\n')]) {
		return nil, fmt.Errorf("read run: %s:%d: not a trial", filepath.Join(dir, fileTrials), bytes.Count(whole, []byte("\n"))+1)
	}
	r.Trials = readLines[Trial](whole)
	r.Launches = readLines[Launch](launches)
	return r, nil
}

func readLines[T any](text []byte) []T {
	var all []T
	for line := range bytes.Lines(text) {
		var v T
		if json.Unmarshal(line, &v) == nil {
			all = append(all, v)
		}
	}
	return all
}

func readManifest(dir string) (Manifest, error) {
	path := filepath.Join(dir, fileManifest)
	text, err := os.ReadFile(path)
	if err != nil {
		return Manifest{}, err
	}
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", path, err)
	}
	if m.Schema != ManifestSchema {
		return Manifest{}, fmt.Errorf("%s: schema is %q, not %q", path, m.Schema, ManifestSchema)
	}
	return m, nil
}

// Done tells which rounds have been measured.
func (r *Record) Done() map[RoundKey]bool {
	done := make(map[RoundKey]bool)
	for _, t := range r.Trials {
		done[t.Key()] = true
	}
	return done
}

// Attempts is how often the run has been started or resumed.
func (r *Record) Attempts() int {
	n := 0
	for _, l := range r.Launches {
		n = max(n, l.Attempt+1)
	}
	for _, t := range r.Trials {
		n = max(n, t.Attempt+1)
	}
	return n
}

// ReadSummary reads a run's summary.json.
func ReadSummary(dir string) (*Summary, error) {
	path := filepath.Join(dir, fileSummary)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read summary: %w", err)
	}
	var s Summary
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("read summary: %s: %w", path, err)
	}
	if s.Schema != SummarySchema {
		return nil, fmt.Errorf("read summary: %s: schema is %q, not %q", path, s.Schema, SummarySchema)
	}
	return &s, nil
}

// List returns the ids of the runs in a store, oldest first.
func List(store string) ([]string, error) {
	entries, err := os.ReadDir(store)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	var ids []string
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(store, e.Name(), fileManifest)); err == nil {
			ids = append(ids, e.Name())
		}
	}
	slices.Sort(ids) // ids begin with the time
	return ids, nil
}

// ErrNoRun is returned by Find when nothing has the name.
var ErrNoRun = errors.New("no such run")

// Find returns the directory of a run given as a path, as an id, as the
// beginning of exactly one id, or as "latest".
func Find(store, name string) (string, error) {
	if _, err := os.Stat(filepath.Join(name, fileManifest)); err == nil {
		return name, nil
	}
	ids, err := List(store)
	if err != nil {
		return "", err
	}
	if name == "latest" && len(ids) > 0 {
		return filepath.Join(store, ids[len(ids)-1]), nil
	}
	var found []string
	for _, id := range ids {
		if id == name {
			return filepath.Join(store, id), nil
		}
		if strings.HasPrefix(id, name) {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 1:
		return filepath.Join(store, found[0]), nil
	case 0:
		return "", fmt.Errorf("find run %q in %s: %w", name, store, ErrNoRun)
	}
	return "", fmt.Errorf("find run %q in %s: it may be any of %s", name, store, strings.Join(found, ", "))
}
