package control

import (
	"bytes"
	"io"
	"os"
	"strings"
)

// logLimit bounds what is kept of a candidate's output: the current file and the
// one before it, each of this many bytes.
const logLimit = 1 << 20

// LogStderr as the name of a log is the standard error of benchctl itself.
const LogStderr = "-"

// boundedLog is a file that is moved to NAME.old whenever it is full, so that
// the end of the output is always there and the disk never fills.
type boundedLog struct {
	path    string
	file    *os.File
	written int64
}

func openLog(path string) (io.Writer, error) {
	switch path {
	case "":
		return io.Discard, nil
	case LogStderr:
		return os.Stderr, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	return &boundedLog{path: path, file: f, written: end}, nil
}

// Write never fails: a full disk must not block the candidate on its own output.
func (l *boundedLog) Write(p []byte) (int, error) {
	if l.written >= logLimit {
		l.turn()
	}
	n, _ := l.file.Write(p)
	l.written += int64(n)
	return len(p), nil
}

func (l *boundedLog) turn() {
	if os.Rename(l.path, l.path+".old") != nil {
		return
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o644)
	if err != nil {
		return
	}
	l.file.Close()
	l.file, l.written = f, 0
}

// LogTail returns the last lines of a log, for error messages; "" if there is
// nothing.
func LogTail(path string, lines int) string {
	const most = 4 << 10
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if end, err := f.Seek(0, io.SeekEnd); err == nil && end > most {
		_, _ = f.Seek(-most, io.SeekEnd)
	} else {
		_, _ = f.Seek(0, io.SeekStart)
	}
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return ""
	}
	return lastLines(text, lines)
}

// lastLines are so many at the end of a text.
func lastLines(text []byte, lines int) string {
	all := strings.Split(string(bytes.TrimSpace(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
