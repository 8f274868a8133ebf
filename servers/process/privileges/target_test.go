package privileges

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func fixture(t *testing.T) accounts {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"passwd": "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nwww-data:x:33:33:www:/var/www:/bin/sh\nadmin:x:1000:1000::/:/bin/sh\ngrouped:x:1001:0::/:/bin/sh\n1234:x:1002:1002::/:/bin/sh\nbroken:x:many:1::/:/bin/sh\n",
		"group":  "root:x:0:admin\nwww-data:x:33:\nweb:x:40:www-data,other\nlogs:x:41:www-data\nother:x:42:other\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, err := read(filepath.Join(dir, "passwd"), filepath.Join(dir, "group"))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestLookup(t *testing.T) {
	a := fixture(t)
	for _, c := range []struct {
		user, group string
		want        Target
		err         string
	}{
		{user: "www-data", want: Target{"www-data", 33, 33, []int{40, 41}}},
		{user: "33", want: Target{"33", 33, 33, []int{40, 41}}},
		{user: "www-data", group: "other", want: Target{"www-data", 33, 42, []int{40, 41}}},
		{user: "www-data", group: "77", want: Target{"www-data", 33, 77, []int{40, 41}}},
		{user: "7777", group: "web", want: Target{"7777", 7777, 40, nil}},
		{user: "1234", want: Target{"1234", 1002, 1002, nil}}, // a name of digits is a name first
		{user: "www-dta", err: `user "www-dta" is not in /etc/passwd: did you mean "www-data"?`},
		{user: "WWW-Data", err: `user "WWW-Data" is not in /etc/passwd: did you mean "www-data"?`},
		{user: "nosuchuser", err: `user "nosuchuser" is not in /etc/passwd`},
		{user: "", err: `user "" is not in /etc/passwd`},
		{user: "-1", group: "web", err: `user "-1" is not in /etc/passwd`},
		{user: "4294967295", group: "web", err: `user "4294967295" is not in /etc/passwd`},
		{user: "4294967296", group: "web", err: `user "4294967296" is not in /etc/passwd`},
		{user: "7777", err: "user 7777 is not in /etc/passwd: name a group too"},
		{user: "www-data", group: "wbe", err: `group "wbe" is not in /etc/group`},
		{user: "www-data", group: "othr", err: `group "othr" is not in /etc/group: did you mean "other"?`},
		{user: "www-data", group: "4294967296", err: `group "4294967296" is not in /etc/group`},
		{user: "root", err: `user "root" is root: there is nothing to drop`},
		{user: "toor", group: "web", err: `user "toor" is root: there is nothing to drop`},
		{user: "0", group: "web", err: `user "0" is root: there is nothing to drop`},
		{user: "broken", err: `user "broken" is root: there is nothing to drop`},
		{user: "grouped", err: `user "grouped" would have root's group, 0: name another`},
		{user: "www-data", group: "root", err: `user "www-data" would have root's group, 0: name another`},
		{user: "admin", err: `user "admin" is a member of root's group, 0`},
	} {
		got, err := a.lookup(c.user, c.group)
		if c.err != "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("%s:%s: error %v, want %s", c.user, c.group, err, c.err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:%s: %+v, %v, want %+v", c.user, c.group, got, err, c.want)
		}
	}
}

func TestLookupWithoutFiles(t *testing.T) {
	if _, err := read(filepath.Join(t.TempDir(), "passwd"), "/etc/group"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"nobody", "nobody", 0}, {"noboby", "nobody", 1}, {"kitten", "sitting", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
