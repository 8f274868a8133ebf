package paste_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/benchctl/benchctl/apps/stack/paste"
)

func rewrite(t testing.TB, path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// FuzzRead holds that any file is read or refused, with a place, and that what is read can be
// written so that it is read again, or is refused by Write.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/oracle/*.ini")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, one := range files {
		text, err := os.ReadFile(one)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "")
	}
	f.Add(whole, "")
	f.Add("[app:main]\nuse = config:app.ini#a\n[app:a]\nuse = config:app.ini#main", "a")
	f.Fuzz(func(t *testing.T, text, name string) {
		ini := file(t, text)
		_, _, _ = paste.Resolve(ini, name, map[string]string{"here": "%(k)s", "k": name})
		node, _, _, err := paste.Read(ini, name, catalog)
		if err != nil {
			if !bytes.Contains([]byte(err.Error()), []byte(ini)) {
				t.Errorf("the error names no file: %v", err)
			}
			return
		}
		var out bytes.Buffer
		if paste.Write(&out, node) != nil {
			return
		}
		rewrite(t, ini, out.String())
		again, _, _, err := paste.Read(ini, "", catalog)
		if err != nil || !reflect.DeepEqual(again, node) {
			t.Errorf("%v: %#v\nwant\n%#v\n%s", err, again, node, out.String())
		}
	})
}
