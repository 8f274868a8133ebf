package layers

import (
	"bufio"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/benchctl/benchctl/apps"
)

// lines writes lines to a file, from any goroutine. It buffers them for a time.
type lines struct {
	flush time.Duration // 0: each is written at once

	mu    sync.Mutex
	file  *os.File
	owned bool // the file, which is closed then
	out   *bufio.Writer
	line  []byte
	timer *time.Timer // runs while there is something in the buffer
	armed bool
}

// linesBuffer is how many bytes wait at most.
const linesBuffer = 64 << 10

// open has lines go to a file.
func (l *lines) open(f *os.File, owned bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.file, l.owned, l.out = f, owned, bufio.NewWriterSize(f, linesBuffer)
}

// write writes the line that form appends to its argument.
func (l *lines) write(form func(line []byte) []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line = form(l.line[:0])
	l.put(l.line)
}

// Write implements io.Writer for a whole line.
func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put(line)
	return len(line), nil
}

func (l *lines) put(line []byte) {
	if l.out == nil {
		return // not started, or stopped
	}
	_, err := l.out.Write(line)
	if err == nil && l.flush == 0 {
		err = l.out.Flush()
	}
	l.lost(err)
	switch {
	case l.out.Buffered() == 0 || l.armed:
		return
	case l.timer == nil:
		l.timer = time.AfterFunc(l.flush, l.expire)
	default:
		l.timer.Reset(l.flush)
	}
	l.armed = true
}

// expire writes what has waited.
func (l *lines) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = false
	if l.out != nil {
		l.lost(l.out.Flush())
	}
}

// lost tells of lines that can't be written, and goes on with the next.
func (l *lines) lost(err error) {
	if err != nil {
		slog.Error("access-log: lines are lost", "err", err)
		l.out.Reset(l.file)
	}
}

// close writes what is in the buffer, and closes the file. It fails if that is lost.
func (l *lines) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out == nil {
		return nil
	}
	if l.timer != nil {
		l.timer.Stop()
	}
	err := l.out.Flush()
	if l.owned {
		if e := l.file.Close(); err == nil {
			err = e
		}
	}
	l.out, l.file = nil, nil
	return err
}

var _ io.Writer = (*lines)(nil)

func appendInt(line []byte, n int64) []byte { return strconv.AppendInt(line, n, 10) }

// appendClient appends the address of a client, "-" if it is not known.
func appendClient(line []byte, c Client) []byte {
	if !c.Addr.IsValid() {
		return append(line, '-')
	}
	return c.Addr.AppendTo(line)
}

// appendWord appends text that others can't take for more than one word, "-" for "".
func appendWord(line []byte, text string) []byte {
	if text == "" {
		return append(line, '-')
	}
	start := len(line)
	line = appendEscaped(line, text)
	for i := start; i < len(line); i++ {
		if line[i] == ' ' {
			line[i] = '+'
		}
	}
	return line
}

// appendQuoted appends a space and text in quotes, "-" for "".
func appendQuoted(line []byte, text string) []byte {
	line = append(line, ` "`...)
	if text == "" {
		text = "-"
	}
	return append(appendEscaped(line, text), '"')
}

// appendEscaped appends text as Apache does, so that it ends neither quotes nor the line: a byte that is
// no printable one of ASCII is written as \xhh, and quotes and backslashes have a backslash before them.
func appendEscaped(line []byte, text string) []byte {
	const hex = "0123456789abcdef"
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			line = append(line, '\\', c)
		case c < ' ' || c > '~':
			line = append(line, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			line = append(line, c)
		}
	}
	return line
}

// appendTarget appends path and query of a request as they can stand in a request line.
func appendTarget(line []byte, req apps.Request) []byte {
	path := req.Path()
	if !isPlain(path) {
		path = (&url.URL{Path: path}).EscapedPath()
	}
	line = appendEscaped(line, path)
	if q := req.Query(); q != "" {
		line = appendEscaped(append(line, '?'), q)
	}
	return line
}

// isPlain tells whether a path is the same when it is encoded.
func isPlain(path string) bool {
	for i := range len(path) {
		if c := path[i]; !isAlphanumeric(c) && strings.IndexByte("/-_.~", c) < 0 {
			return false
		}
	}
	return true
}
