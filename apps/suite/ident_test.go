package suite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/benchctl/benchctl/apps"
)

// Each request is answered with its id and noted by it, if it has one, once its body has
// come.
func TestIdent(t *testing.T) {
	ids := filepath.Join(t.TempDir(), "ids")
	t.Setenv(IDsEnv, ids)
	begun := time.Now().UnixNano()
	app := Only(instance(t, "ident"))
	started(t, app)
	ask := func(method, id string) Ident {
		t.Helper()
		e := Exchange{Method: method, Target: "/ident", Body: []byte("body")}
		if id != "" {
			e.Header = [][2]string{{RequestID, id}}
		}
		res := &response{}
		if err := app.Serve(newRequest(e), res); err != nil {
			t.Fatal(err)
		}
		i, ok := ParseIdent([]byte(res.body()))
		if !ok || res.status != 200 || res.header["Content-Type"] != apps.ContentTypeText {
			t.Fatalf("reply is %d %v %q", res.status, res.header, res.body())
		}
		return i
	}
	for _, c := range []struct{ method, id, want string }{
		{"GET", "7", "7"}, {"POST", "18446744073709551615", "18446744073709551615"}, {"GET", "007", "007"},
		{"GET", "", "-"}, {"GET", "-", "-"}, {"POST", "7a", "-"}, {"GET", "+7", "-"}, {"GET", "7, 8", "-"}, {"GET", strings.Repeat("1", 21), "-"},
	} {
		if i := ask(c.method, c.id); i.ID != c.want || i.PID != os.Getpid() || i.Born < begun || i.Born > time.Now().UnixNano() {
			t.Errorf("%s of %q: %+v", c.method, c.id, i)
		}
	}
	req := newRequest(Exchange{Method: "POST", Target: "/ident", Header: [][2]string{{RequestID, "9"}}})
	cut := errors.New("cut")
	req.body = iotest.ErrReader(cut)
	if err := app.Serve(req, &response{}); !errors.Is(err, cut) {
		t.Errorf("a body that is cut: %v", err)
	}
	if noted, err := os.ReadFile(ids); err != nil || string(noted) != "7\n18446744073709551615\n007\n" {
		t.Errorf("noted are %q, %v", noted, err)
	}
}

func TestIdentNeedsItsFile(t *testing.T) {
	t.Setenv(IDsEnv, filepath.Join(t.TempDir(), "nowhere", "ids"))
	err := Only(instance(t, "ident")).(apps.Starter).Start(t.Context())
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "app ident: BENCHCTL_IDS: ") {
		t.Errorf("started: %v", err)
	}
	if err := Only(instance(t, "hello")).(apps.Starter).Start(t.Context()); err != nil {
		t.Errorf("without the app: %v", err)
	}
}

func TestParseIdent(t *testing.T) {
	for body, want := range map[string]Ident{
		"1 2 3\n": {"1", 2, 3}, "- 2 3\n": {"-", 2, 3}, "1 - -\n": {"1", 0, 0}, "99999999999999999999 2147483647 9223372036854775807\n": {"99999999999999999999", 2147483647, 9223372036854775807},
	} {
		if got, ok := ParseIdent([]byte(body)); !ok || got != want {
			t.Errorf("%q: %+v, %v", body, got, ok)
		}
	}
	for _, body := range []string{
		"", "\n", "1 2 3", "1 2\n", "1 2 3 \n", "1  3\n", " 1 2 3\n", "1 2 3\n\n", "1 2 3 4\n", "a 2 3\n", "1 0 3\n", "1 2 0\n", "1 2147483648 3\n",
		"1 -2 3\n", "1 2 -3\n", "-- 2 3\n", "111111111111111111111 2 3\n", "1 2 9223372036854775808\n", "Hello, World!",
	} {
		if got, ok := ParseIdent([]byte(body)); ok {
			t.Errorf("%q is taken for %+v", body, got)
		}
	}
}

// FuzzParseIdent holds that a body that is read is the one spelling of what it says, but
// for zeros before a number.
func FuzzParseIdent(f *testing.F) {
	f.Add([]byte("1 2 3\n"))
	f.Add([]byte("- - -\n"))
	f.Add([]byte("007 4711 1700000000000000000\n"))
	f.Add([]byte("1 2\n3"))
	f.Fuzz(func(t *testing.T, body []byte) {
		i, ok := ParseIdent(body)
		if !ok {
			return
		}
		if i.PID < 0 || i.Born < 0 {
			t.Errorf("%q: %+v", body, i)
		}
		said := strings.Split(strings.TrimSuffix(string(body), "\n"), " ")
		if len(said) != 3 || said[0] != i.ID {
			t.Fatalf("%q: %+v", body, i)
		}
		for n, value := range []int64{int64(i.PID), i.Born} {
			spelled := strings.TrimLeft(said[n+1], "0")
			if value == 0 && spelled != "-" || value != 0 && spelled != strconv.FormatInt(value, 10) {
				t.Errorf("%q: %+v", body, i)
			}
		}
	})
}
