package external

import (
	"fmt"
	"strings"
	"syscall"
)

// maxSocketPath is the longest path of a unix socket, in bytes, without the one that
// ends it (sun_path of unix(7)).
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// socketsFit finds the path of a unix socket in dir that is too long in a text: the server
// would only say that its address is invalid.
func socketsFit(text, dir string) error {
	for at := 0; dir != ""; {
		next := strings.Index(text[at:], dir+"/")
		if next < 0 {
			break
		}
		from := at + next
		at = from + len(dir)
		path := text[from : at+pathEnd(text[at:])]
		if len(path) > maxSocketPath && isSocket(text[:from], path) {
			return fmt.Errorf("a unix socket's path has at most %d bytes, and %q has %d: begin it in the directory that the server starts in, as %q",
				maxSocketPath, path, len(path), strings.TrimLeft(path[len(dir):], "/"))
		}
	}
	return nil
}

// pathEnd is where the path ends that a text begins with.
func pathEnd(text string) int {
	if end := strings.IndexAny(text, " \t\r\n\"'`;,)]}"); end >= 0 {
		return end
	}
	return len(text)
}

// isSocket tells whether a path after a text is that of a socket, by what is usual.
func isSocket(before, path string) bool {
	return strings.HasSuffix(path, ".sock") || strings.HasSuffix(path, ".socket") ||
		strings.HasSuffix(before, "unix:") || strings.HasSuffix(before, "unix://")
}
