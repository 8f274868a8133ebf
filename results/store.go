package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Names within a run's directory.
const (
	fileManifest = "manifest.json"
	fileTrials   = "trials.jsonl"
	filePasses   = "passes.jsonl"
	fileWatches  = "watches.jsonl"
	fileLaunches = "launches.jsonl"
	FileSummary  = "summary.json"
	fileLock     = "lock"
	dirHist      = "hist"
	dirLogs      = "logs"
	dirReport    = "report"
)

// Store is a run's directory, open for appending by one process at a time.
type Store struct {
	dir      string
	manifest Manifest
	trials   *os.File
	passes   *os.File
	watches  *os.File
	launches *os.File
	lock     *os.File
}

// NewID is the id of a run that starts now: the time to the ms, so that ids sort by age.
func NewID(now time.Time) string {
	return strings.Replace(now.UTC().Format("20060102-150405.000"), ".", "-", 1)
}

// Create makes dir, which must not hold a run yet, and writes the manifest.
func Create(dir string, m Manifest) (*Store, error) {
	if _, err := os.Stat(filepath.Join(dir, fileManifest)); err == nil {
		return nil, fmt.Errorf("create run %s: there is a run already", dir)
	}
	for _, sub := range []string{dirHist, dirLogs, dirReport} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, fmt.Errorf("create run: %w", err)
		}
	}
	m.Schema = ManifestSchema
	if err := writeJSON(filepath.Join(dir, fileManifest), m); err != nil {
		return nil, fmt.Errorf("create run: %w", err)
	}
	return open(dir, m)
}

// Reopen opens a run to continue it. It cuts off an incomplete line or round, which a
// killed process did not sync.
func Reopen(dir string) (*Store, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, fmt.Errorf("resume run: %w", err)
	}
	s, err := open(dir, m)
	if err != nil {
		return nil, err
	}
	if err := s.cutIncomplete(); err != nil {
		s.Close()
		return nil, fmt.Errorf("resume run %s: %w", m.ID, err)
	}
	return s, nil
}

func open(dir string, m Manifest) (*Store, error) {
	s := &Store{dir: dir, manifest: m}
	for _, f := range []struct {
		name string
		file **os.File
	}{{fileLock, &s.lock}, {fileTrials, &s.trials}, {filePasses, &s.passes}, {fileWatches, &s.watches}, {fileLaunches, &s.launches}} {
		file, err := os.OpenFile(filepath.Join(dir, f.name), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("open run: %w", err)
		}
		*f.file = file
	}
	if err := lockFile(s.lock); err != nil {
		s.Close()
		return nil, fmt.Errorf("open run %s: another benchctl is measuring it: %w", m.ID, err)
	}
	return s, nil
}

// Close releases the run.
func (s *Store) Close() error {
	var errs []error
	if s.lock != nil {
		errs = append(errs, unlockFile(s.lock))
	}
	for _, f := range []*os.File{s.trials, s.passes, s.watches, s.launches, s.lock} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// Dir is the run's directory.
func (s *Store) Dir() string { return s.dir }

// LogDir is where the candidates' output goes.
func (s *Store) LogDir() string { return filepath.Join(s.dir, dirLogs) }

// ReportDir is where the report goes.
func (s *Store) ReportDir() string { return filepath.Join(s.dir, dirReport) }

// Manifest is the request of the run.
func (s *Store) Manifest() Manifest { return s.manifest }

// Amend replaces the manifest, to add facts that were found before the first slice. It
// must not change the plan.
func (s *Store) Amend(m Manifest) error {
	if err := writeJSON(filepath.Join(s.dir, fileManifest), m); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	s.manifest = m
	return nil
}

// AppendRound adds the trials of one round, in the order they were taken, with their
// histograms; a nil histogram is left out. It sets Position and Of, and returns when
// everything is on the disk. A round is stored whole or not at all.
func (s *Store) AppendRound(trials []Trial, times []Times) error {
	return s.appendTrials(s.trials, trials, times)
}

// AppendPasses adds the uninterrupted passes of the candidates of a block, as
// AppendRound adds a round.
func (s *Store) AppendPasses(trials []Trial, times []Times) error {
	return s.appendTrials(s.passes, trials, times)
}

func (s *Store) appendTrials(to *os.File, trials []Trial, times []Times) error {
	if len(trials) == 0 {
		return nil
	}
	if err := s.appendHistograms(trials, times); err != nil {
		return fmt.Errorf("write histograms: %w", err)
	}
	for i := range trials {
		trials[i].Position, trials[i].Of = i, len(trials)
	}
	return appendLines(to, trials)
}

// AppendWatch adds a watch, and returns when it is on the disk. Nothing is compared within a
// round of watches, each of which takes seconds: one is there whatever becomes of the others.
func (s *Store) AppendWatch(w Watch) error { return appendLines(s.watches, []Watch{w}) }

// appendLines adds a line for each of all.
func appendLines[T any](to *os.File, all []T) error {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for _, one := range all {
		if err := encoder.Encode(one); err != nil {
			return fmt.Errorf("write %s: %w", filepath.Base(to.Name()), err)
		}
	}
	return appendSynced(to, lines.Bytes())
}

// AppendLaunch adds how one start of one candidate went.
func (s *Store) AppendLaunch(l Launch) error { return appendLines(s.launches, []Launch{l}) }

// WriteSummary writes summary.json and replaces an earlier one atomically. sum is the
// summary of package judge.
func (s *Store) WriteSummary(sum any) error {
	if err := writeJSON(filepath.Join(s.dir, FileSummary), sum); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// appendSynced adds all of the lines or, when the disk is full, none.
func appendSynced(f *os.File, lines []byte) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.Write(lines); err != nil {
		return errors.Join(err, f.Truncate(info.Size()))
	}
	return f.Sync()
}

// writeJSON replaces path by rename, so that a reader sees the old or the new content.
func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when the rename succeeded
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// cutIncomplete removes a torn last line, and the trials of a round with missing lines.
func (s *Store) cutIncomplete() error {
	return errors.Join(
		cutTorn(s.launches, scanLaunches), cutTorn(s.watches, scanWatches), cutTorn(s.trials, scanRounds), cutTorn(s.passes, scanRounds),
	)
}

// cutTorn removes what is not whole of a file.
func cutTorn[T any](f *os.File, scan func([]byte) ([]T, int, error)) error {
	_, whole, err := readLog(f.Name(), scan)
	if err != nil {
		return err
	}
	return cut(f, whole)
}

func cut(f *os.File, whole int) error {
	if info, err := f.Stat(); err != nil || info.Size() == int64(whole) {
		return err
	}
	return errors.Join(f.Truncate(int64(whole)), f.Sync())
}

// SafeName turns any name into one path element. Different names stay different.
func SafeName(name string) string {
	var safe strings.Builder
	for _, b := range []byte(name) {
		if b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte(".-@#=", b) >= 0 {
			safe.WriteByte(b)
		} else {
			fmt.Fprintf(&safe, "_%02x", b)
		}
	}
	return safe.String()
}
