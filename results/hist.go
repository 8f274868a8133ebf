package results

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Each block has one HdrHistogram log (format 1.3), in ns, with an interval per slice and
// kind of time, so that HdrHistogram's own tools can read it. Response times have the
// candidate as their tag. Other times have the candidate, a slash, which no candidate's name
// contains, and the kind.

// Times are histograms of one slice, or of several merged, in ns; nil where there
// is none. In a closed loop service and response are one, and nothing lags.
type Times struct {
	Response *hdrhistogram.Histogram // from the intended send time to the end of the reply
	Service  *hdrhistogram.Histogram // from the actual send time; open loop
	SendLag  *hdrhistogram.Histogram // from the intended to the actual send time; open loop
	First    *hdrhistogram.Histogram // from the intended send time to the first byte of the body; where asked for
	Late     *hdrhistogram.Histogram // what of SendLag is the load generator's own; open loop
}

// kinds of times, with what follows the candidate in their tags.
var kinds = []struct {
	suffix string
	of     func(*Times) **hdrhistogram.Histogram
}{
	{"", func(t *Times) **hdrhistogram.Histogram { return &t.Response }},
	{"/service", func(t *Times) **hdrhistogram.Histogram { return &t.Service }},
	{"/send-lag", func(t *Times) **hdrhistogram.Histogram { return &t.SendLag }},
	{"/first-byte", func(t *Times) **hdrhistogram.Histogram { return &t.First }},
	{"/late", func(t *Times) **hdrhistogram.Histogram { return &t.Late }},
}

func (s *Store) histPath(block int) string { return histPath(s.dir, s.manifest, block) }

func histPath(dir string, m Manifest, block int) string {
	b := m.Blocks[block]
	return filepath.Join(dir, dirHist, fmt.Sprintf("%02d.%s.%s.hlog", block, SafeName(b.Scenario), SafeName(b.App)))
}

func (s *Store) appendHistograms(trials []Trial, times []Times) error {
	var text bytes.Buffer
	w := hdrhistogram.NewHistogramLogWriter(&text)
	for i := range times {
		if err := writeTimes(w, trials[i], &times[i]); err != nil {
			return err
		}
	}
	if text.Len() == 0 {
		return nil
	}
	path := s.histPath(trials[0].Block)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := startHistLog(f, s.manifest); err != nil {
		return err
	}
	return appendSynced(f, text.Bytes())
}

// writeTimes writes an interval for each histogram that there is.
func writeTimes(w *hdrhistogram.HistogramLogWriter, trial Trial, times *Times) error {
	for _, kind := range kinds {
		h := *kind.of(times)
		if h == nil {
			continue
		}
		h.SetTag(trial.Candidate + kind.suffix)
		h.SetStartTimeMs(trial.At.UnixMilli())
		h.SetEndTimeMs(trial.At.Add(trial.Wall).UnixMilli())
		if err := w.OutputIntervalHistogram(h); err != nil {
			return err
		}
	}
	return nil
}

// startHistLog cuts off a torn last line and writes the head of an empty log.
func startHistLog(f *os.File, m Manifest) error {
	end, err := cutTornLine(f)
	if err != nil || end > 0 {
		return err
	}
	w := hdrhistogram.NewHistogramLogWriter(f)
	if err := w.OutputLogFormatVersion(); err != nil {
		return err
	}
	if err := w.OutputComment("[Times in ns; interval maximum in ms; one interval a slice and kind of time]"); err != nil {
		return err
	}
	return w.OutputStartTime(m.Started.UnixMilli())
}

// cutTornLine returns the length of what is left.
func cutTornLine(f *os.File) (int64, error) {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil || end == 0 {
		return 0, err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, end-1); err != nil || last[0] == '\n' {
		return end, err
	}
	text, err := os.ReadFile(f.Name())
	if err != nil {
		return 0, err
	}
	end = int64(bytes.LastIndexByte(text, '\n') + 1)
	return end, f.Truncate(end)
}

// histKey finds a trial's histogram: its tag and its start in ms.
type histKey struct {
	tag     string
	startMS int64
}

// Times reads the histograms of trials of a block, merged by candidate; fs.ErrNotExist if
// there are none.
func (r *Record) Times(block int, trials []Trial) (map[string]Times, error) {
	return mergeHistograms(histPath(r.Dir, r.Manifest, block), trials)
}

// mergeHistograms reads a block's log and merges the histograms of the given trials by
// candidate. It skips lines that belong to no trial, and unreadable ones, which a killed
// process leaves.
func mergeHistograms(path string, trials []Trial) (map[string]Times, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	wanted := make(map[histKey]bool)
	for _, t := range trials {
		for _, kind := range kinds {
			wanted[histKey{t.Candidate + kind.suffix, t.At.UnixMilli()}] = true
		}
	}
	merged := make(map[string]*hdrhistogram.Histogram)
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if h := decodeInterval(line); h != nil && take(wanted, h) {
			if sum := merged[h.Tag()]; sum != nil {
				sum.Merge(h)
			} else {
				merged[h.Tag()] = h
			}
		}
		if err == io.EOF {
			return byCandidate(merged, trials), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// byCandidate gathers histograms of tags.
func byCandidate(tagged map[string]*hdrhistogram.Histogram, trials []Trial) map[string]Times {
	all := make(map[string]Times)
	for _, trial := range trials {
		var times Times
		for _, kind := range kinds {
			*kind.of(&times) = tagged[trial.Candidate+kind.suffix]
		}
		all[trial.Candidate] = times
	}
	return all
}

func decodeInterval(line []byte) *hdrhistogram.Histogram {
	h, err := hdrhistogram.NewHistogramLogReader(bytes.NewReader(line)).NextIntervalHistogram()
	if err != nil {
		return nil
	}
	return h
}

// take removes h from wanted and reports whether it was there. The log has seconds in
// decimals, from which the reader may round down to the ms before, so the next ms counts
// too.
func take(wanted map[histKey]bool, h *hdrhistogram.Histogram) bool {
	for _, ms := range []int64{h.StartTimeMs(), h.StartTimeMs() + 1} {
		key := histKey{h.Tag(), ms}
		if wanted[key] {
			delete(wanted, key)
			return true
		}
	}
	return false
}
