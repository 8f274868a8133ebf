package witness

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// newIdentServer answers as the app "ident" does, of process 4711.
func newIdentServer(t *testing.T, saw func(id string)) (address string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		id := r.Header.Get("X-Request-Id")
		saw(id)
		fmt.Fprintf(w, "%s 4711 42\n", id)
	}))
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

func parsed(t *testing.T, id string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestReadIDs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ids")
	for text, want := range map[string][]uint64{
		"": nil, "1": nil, "1\n": {1}, "1\n2": {1}, "2\n1\n2\n": {1, 2}, "-\n3\n-": {3}, "18446744073709551615\n007\n": {7, 18446744073709551615},
		"99999999999999999999\n1\n": {1},
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		seen, err := ReadIDs(path)
		if got := slices.Sorted(maps.Keys(seen)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"1\n\n": `line 2: "" is no request id`, "a\n": `line 1: "a" is no request id`, "1\n-2\n3\n": `line 2: "-2" is no request id`, "+1\n": `line 1: "+1" is no request id`,
		"1 \n": `line 1: "1 " is no request id`, strings.Repeat("1", 100): `line 1: "` + strings.Repeat("1", 64) + `"... is no request id`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if seen, err := ReadIDs(path); err == nil || err.Error() != "read ids: "+path+": "+want {
			t.Errorf("%q: %v, %v, want %s", text, seen, err, want)
		}
	}
	if _, err := ReadIDs(path + "-nowhere"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("without a file: %v", err)
	}
}

// FuzzParseIDs holds that what is read is what was written, up to a line that is torn.
func FuzzParseIDs(f *testing.F) {
	f.Add([]byte("1\n2\n"))
	f.Add([]byte("1\n-\n2"))
	f.Add([]byte("18446744073709551616\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		seen, err := parseIDs(bytes.NewReader(text))
		if err != nil {
			return
		}
		var again bytes.Buffer
		for id := range seen {
			fmt.Fprintf(&again, "%d\n", id)
		}
		if got, err := parseIDs(strings.NewReader(again.String() + "12345")); err != nil || !maps.Equal(got, seen) {
			t.Errorf("%q: %v, again %v, %v", text, seen, got, err)
		}
		whole := text[:bytes.LastIndexByte(text, '\n')+1]
		if got, err := parseIDs(bytes.NewReader(whole)); err != nil || !maps.Equal(got, seen) {
			t.Errorf("%q: %v, without the last line %v, %v", text, seen, got, err)
		}
	})
}

func TestReconcile(t *testing.T) {
	requests := []Request{
		{ID: 1, Outcome: Completed}, {ID: 2, Outcome: Reset}, {ID: 3, Outcome: Closed}, {ID: 4, Outcome: Refused}, {ID: 5, Outcome: Wrong},
		{ID: 6, Outcome: Truncated}, {ID: 7, Outcome: TimedOut}, {ID: 8, Outcome: Unfinished}, {ID: 9, Outcome: Unsent},
	}
	noted := func(ids ...uint64) IDs {
		seen := IDs{}
		for _, id := range ids {
			seen[id] = struct{}{}
		}
		return seen
	}
	unknown := map[uint64]Fate{2: Unknown, 3: Unknown, 4: Unseen, 5: Unknown, 6: Unknown, 7: Unknown}
	for name, c := range map[string]struct {
		seen IDs
		want map[uint64]Fate
	}{
		"no file":         {nil, unknown},
		"an empty file":   {noted(), unknown},
		"another's file":  {noted(100), unknown},
		"a file":          {noted(1, 2, 6, 8), map[uint64]Fate{2: Executed, 3: Unseen, 4: Unseen, 5: Unseen, 6: Executed, 7: Unseen}},
		"lost ones alone": {noted(3), map[uint64]Fate{2: Unseen, 3: Executed, 4: Unseen, 5: Unseen, 6: Unseen, 7: Unseen}},
	} {
		if got := Reconcile(requests, c.seen); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// FuzzReply holds that a reply is the same in whatever pieces it comes.
func FuzzReply(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n7 2 3\n"), uint8(3), true)
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n8 \r\n4\r\n2 3\n\r\n0\r\n\r\n"), uint8(1), true)
	f.Add([]byte("HTTP/1.1 503 Busy\r\nContent-Length: 1\r\n\r\nxmore"), uint8(7), true)
	f.Add([]byte("HTTP/1.1 200 OK\r\n\r\nHello, World!"), uint8(2), false)
	ident, err := newTemplate("127.0.0.1:80", post())
	if err != nil {
		f.Fatal(err)
	}
	ident.ident = true
	plain := *ident
	plain.ident, plain.want.Length = false, int64(len("Hello, World!"))
	plain.want.Match = func(off int64, b []byte) bool { return strings.HasPrefix("Hello, World!"[min(off, 13):], string(b)) }
	f.Fuzz(func(t *testing.T, text []byte, size uint8, identified bool) {
		want := &plain
		if identified {
			want = ident
		}
		read := func(size int) string {
			a := want.expect(7)
			for piece := range slices.Chunk(text, max(size, 1)) {
				if err := a.take(piece); err != nil {
					return "none"
				}
			}
			if !a.reader.End() {
				return "cut"
			}
			wrong := a.wrong()
			if wrong == "" && identified && (a.told.ID != "7" || a.reader.Status/100 != 2 && a.reader.Status != 200) {
				t.Errorf("%q is right: %+v", text, a.told)
			}
			return fmt.Sprint(wrong, a.told, a.reader.Status, a.reader.Close)
		}
		if whole, pieces := read(len(text)), read(int(size)); whole != pieces {
			t.Errorf("%q: %s, in pieces of %d %s", text, whole, size, pieces)
		}
	})
}
