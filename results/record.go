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
	"time"
)

// Record is everything that a run has recorded so far.
type Record struct {
	Dir      string
	Manifest Manifest
	Launches []Launch
	Trials   []Trial // slices
	Passes   []Trial // without a break
	Watches  []Watch // around events
}

// Read reads a run. It skips an incomplete last line or round, which a killed process
// leaves. Earlier damage is an error.
func Read(dir string) (*Record, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, fmt.Errorf("read run: %w", err)
	}
	r := &Record{Dir: dir, Manifest: m}
	if r.Trials, _, err = readLog(filepath.Join(dir, fileTrials), scanRounds); err != nil {
		return nil, fmt.Errorf("read run: %w", err)
	}
	if r.Passes, _, err = readLog(filepath.Join(dir, filePasses), scanRounds); err != nil {
		return nil, fmt.Errorf("read run: %w", err)
	}
	if r.Watches, _, err = readLog(filepath.Join(dir, fileWatches), scanWatches); err != nil {
		return nil, fmt.Errorf("read run: %w", err)
	}
	if r.Launches, _, err = readLog(filepath.Join(dir, fileLaunches), scanLaunches); err != nil {
		return nil, fmt.Errorf("read run: %w", err)
	}
	return r, nil
}

// readLog reads an append-only file and returns where its complete part ends. A missing
// file is empty.
func readLog[T any](path string, scan func([]byte) ([]T, int, error)) (all []T, whole int, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	all, whole, err = scan(text)
	if err != nil {
		return nil, 0, fmt.Errorf("%s:%w", path, err)
	}
	return all, whole, nil
}

// scanRounds reads the complete rounds of trials.jsonl, or of a file like it, and reports
// where they end. Each round is written at once, so only the last one can be incomplete:
// where another follows what is no line of a round, something else has been at the file.
func scanRounds(text []byte) (all []Trial, end int, err error) {
	var round []Trial
	at, number, torn := 0, 0, 0
	for line := range bytes.Lines(text) {
		at += len(line)
		number++
		t, ok := parseLine[Trial](line)
		switch {
		case ok && t.Position == 0 && t.Of > 0: // a round begins
			if torn == 0 && len(round) > 0 {
				torn = number
			}
			if torn > 0 {
				return nil, 0, fmt.Errorf("%d: not the trial that must follow here", torn)
			}
			round = []Trial{t}
		case ok && torn == 0 && continues(t, round):
			round = append(round, t)
		case torn == 0:
			torn = number
		}
		if torn == 0 && len(round) == t.Of {
			all, end, round = append(all, round...), at, nil
		}
	}
	return all, end, nil
}

// continues reports whether t is the next of a round that has begun.
func continues(t Trial, round []Trial) bool {
	return len(round) > 0 && t.Key() == round[0].Key() && t.Of == round[0].Of && t.Position == len(round)
}

func scanLaunches(text []byte) ([]Launch, int, error) {
	return scanLines(text, "launch", func(l Launch) bool { return l.Candidate != "" })
}

func scanWatches(text []byte) ([]Watch, int, error) {
	return scanLines(text, "watch", func(w Watch) bool { return w.Candidate != "" })
}

// scanLines reads a file of independent lines, of which only the last one can be torn, and
// tells where they end.
func scanLines[T any](text []byte, what string, is func(T) bool) (all []T, end int, err error) {
	at, number, torn := 0, 0, 0
	for line := range bytes.Lines(text) {
		at += len(line)
		number++
		if torn > 0 {
			return nil, 0, fmt.Errorf("%d: not a %s", torn, what)
		}
		if one, ok := parseLine[T](line); ok && is(one) {
			all, end = append(all, one), at
		} else {
			torn = number
		}
	}
	return all, end, nil
}

// parseLine reads a line; ok is false if it has no end or is not a T.
func parseLine[T any](line []byte) (v T, ok bool) {
	ok = line[len(line)-1] == '\n' && json.Unmarshal(line, &v) == nil
	return v, ok
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

// IsRun reports whether a directory has the records of a run.
func IsRun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, fileManifest))
	return err == nil
}

// Current reports whether a file of a run, named relative to its directory, is there and no older than the records.
func Current(dir, name string) (bool, error) {
	made, err := modified(filepath.Join(dir, name))
	if err != nil || made.IsZero() {
		return false, err
	}
	for _, record := range []string{fileManifest, fileTrials, filePasses, fileWatches, fileLaunches} {
		if at, err := modified(filepath.Join(dir, record)); err != nil || at.After(made) {
			return false, err
		}
	}
	return true, nil
}

// modified is when a file was written; zero if there is none.
func modified(path string) (time.Time, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// Done returns the rounds that have been measured.
func (r *Record) Done() map[RoundKey]bool {
	done := make(map[RoundKey]bool)
	for _, t := range r.Trials {
		done[t.Key()] = true
	}
	for _, w := range r.Watches {
		if key := w.Key(); !done[key] && r.watchedAll(key) {
			done[key] = true
		}
	}
	return done
}

// Watched reports whether a candidate was watched in a round.
func (r *Record) Watched(key RoundKey, candidate string) bool {
	return slices.ContainsFunc(r.Watches, func(w Watch) bool { return w.Candidate == candidate && w.Key() == key })
}

// watchedAll reports whether all candidates were watched in a round that are to be, and were
// not taken out of its block.
func (r *Record) watchedAll(key RoundKey) bool {
	return !slices.ContainsFunc(r.Manifest.Candidates, func(c Candidate) bool {
		out := slices.Contains(r.Manifest.Blocks[key.Block].Without, c.Name) || slices.ContainsFunc(r.Launches, func(l Launch) bool {
			return l.Candidate == c.Name && l.FailureIn(key.Block) != ""
		})
		return !out && !r.Watched(key, c.Name)
	})
}

// Passed reports whether a block has had its uninterrupted passes in a launch.
func (r *Record) Passed(launch, block int) bool {
	return slices.ContainsFunc(r.Passes, func(t Trial) bool { return t.Launch == launch && t.Block == block })
}

// Attempts is how often the run has been started or resumed.
func (r *Record) Attempts() int {
	n := 0
	for _, l := range r.Launches {
		n = max(n, l.Attempt+1)
	}
	for _, t := range slices.Concat(r.Trials, r.Passes) {
		n = max(n, t.Attempt+1)
	}
	for _, w := range r.Watches {
		n = max(n, w.Attempt+1)
	}
	return n
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
		if IsRun(filepath.Join(store, e.Name())) {
			ids = append(ids, e.Name())
		}
	}
	slices.Sort(ids) // ids begin with the time
	return ids, nil
}

// ErrNoRun is returned by Find if no run has the name.
var ErrNoRun = errors.New("no such run")

// ErrAmbiguous is returned by Find when several runs begin with the name.
var ErrAmbiguous = errors.New("it may be any of")

// Find returns the directory of a run given as a path, as an id, as the
// beginning of exactly one id, or as "latest".
func Find(store, name string) (string, error) {
	if IsRun(name) {
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
		if name != "" && strings.HasPrefix(id, name) {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 1:
		return filepath.Join(store, found[0]), nil
	case 0:
		if len(ids) == 0 {
			return "", fmt.Errorf("find run %q in %s: %w: there are no runs", name, store, ErrNoRun)
		}
		return "", fmt.Errorf("find run %q in %s: %w", name, store, ErrNoRun)
	}
	return "", fmt.Errorf("find run %q in %s: %w %s", name, store, ErrAmbiguous, strings.Join(found, ", "))
}

// Rounds counts the rounds of a block that were measured.
func (r *Record) Rounds(block int) int {
	n := 0
	for key := range r.Done() {
		if key.Block == block {
			n++
		}
	}
	return n
}

// Finished is when the last slice ended; zero: there was none.
func (r *Record) Finished() time.Time {
	var last time.Time
	for _, t := range r.Trials {
		if end := t.At.Add(t.Wall); end.After(last) {
			last = end
		}
	}
	for _, w := range r.Watches {
		if end := w.At.Add(w.Wall); end.After(last) {
			last = end
		}
	}
	return last
}

// Counted is the time inside counted slices, and inside loads with events.
func (r *Record) Counted() (sum time.Duration) {
	for _, t := range r.Trials {
		sum += t.Elapsed
	}
	for _, w := range r.Watches {
		sum += w.Length
	}
	return sum
}
