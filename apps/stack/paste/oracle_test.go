package paste

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// python is the interpreter that Debian's packages are for.
const python = "/usr/bin/python3"

// asked is a question to Paste Deploy and to Resolve.
type asked struct {
	File    string            `json:"file"`
	Name    string            `json:"name"`
	Globals map[string]string `json:"globals"`
}

func (a asked) String() string {
	return fmt.Sprintf("%s#%s %v", filepath.Base(a.File), a.Name, a.Globals)
}

// oracle asks the installed Paste Deploy.
func oracle(t *testing.T, all []asked) []any {
	t.Helper()
	if out, err := exec.Command(python, "-c", "import paste.deploy").CombinedOutput(); err != nil {
		t.Skipf("Paste Deploy is not installed (.ci/setup python3-pastedeploy): %v: %s", err, out)
	}
	in, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-X", "utf8", "testdata/oracle.py")
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []any
	if err := json.Unmarshal(out, &got); err != nil || len(got) != len(all) {
		t.Fatalf("%d answers to %d questions: %v", len(got), len(all), err)
	}
	return got
}

// tree is a context as oracle.py writes it.
func tree(t *testing.T, c *Context) (map[string]any, error) {
	global, local := map[string]any{}, []any{}
	for _, key := range c.Global.Keys() {
		v, _ := c.Global.Get(key)
		global[key] = v.Text
	}
	for _, key := range c.Local.Keys() {
		v, _ := c.Local.Get(key)
		local = append(local, []any{key, v.Text})
	}
	out := map[string]any{"kind": string(c.Kind), "factory": c.Factory, "protocol": c.Protocol, "global": global, "local": local}
	inner := func(name string, c *Context) error {
		one, err := tree(t, c)
		out[name] = one
		return err
	}
	switch {
	case c.Kind == Pipeline:
		filters := []any{}
		for _, f := range c.Filters {
			one, err := tree(t, f)
			if err != nil {
				return nil, err
			}
			filters = append(filters, one)
		}
		out["filters"] = filters
		return out, inner("app", c.App)
	case c.Kind == FilterApp || c.Kind == FilteredWith:
		if err := inner("next", c.Next); err != nil {
			return nil, err
		}
		return out, inner("filter", c.Filter)
	case c.Kind == Application && composite(c.Factory) != "":
		children, err := childrenOf(t, c)
		out["children"] = children
		return out, err
	}
	return out, nil
}

func childrenOf(t *testing.T, c *Context) ([]any, error) {
	children := []any{}
	for _, key := range c.Local.Keys() {
		if key == "catch" {
			continue
		}
		v, _ := c.Local.Get(key)
		child, err := c.child(word{v.Text, v.At})
		if err != nil {
			return nil, err
		}
		one, err := tree(t, child)
		if err != nil {
			return nil, err
		}
		children = append(children, []any{key, one})
	}
	return children, nil
}

// compare holds Resolve against Paste Deploy's answer; it tells whether both resolved.
func compare(t *testing.T, a asked, theirs any) bool {
	t.Helper()
	c, _, err := Resolve(a.File, a.Name, a.Globals)
	var ours map[string]any
	if err == nil {
		ours, err = tree(t, c)
	}
	refused, _ := theirs.(map[string]any)["error"].(string)
	switch {
	case err != nil && refused == "":
		t.Errorf("%v: refused only here: %v", a, err)
	case err == nil && refused != "":
		t.Errorf("%v: refused only by Paste Deploy: %s", a, refused)
	case err == nil && !reflect.DeepEqual(any(ours), theirs):
		x, _ := json.MarshalIndent(ours, "", " ")
		y, _ := json.MarshalIndent(theirs, "", " ")
		t.Errorf("%v: here\n%s\nPaste Deploy\n%s", a, x, y)
	case err != nil && !strings.Contains(err.Error(), ".ini:"):
		t.Errorf("%v: the error names no place: %v", a, err)
	case err != nil && strings.ContainsRune(err.Error(), '\n'):
		t.Errorf("%v: the error is longer than a line: %v", a, err)
	}
	return err == nil
}

// odd are files that a tool may change that thinks them to be text.
var odd = map[string]string{
	"bom.ini":         "\ufeff[app:main]\nuse = egg:x\n",
	"bom-comment.ini": "\ufeff# comment\n[app:main]\nuse = egg:x\n",
	"crlf.ini":        "[app:main]\r\nuse = egg:x\r\nlong =\r\n  a\r\n\r\n  b\r\n",
	"cr.ini":          "[app:main]\ruse = egg:x\rkey = v\r",
	"mixed-ends.ini":  "[app:main]\n\ruse = egg:x\r\n\rkey = a\n\r b\r\r\n c",
	"separators.ini":  "[app:main]\nuse = egg:x\x1c\nk\x1d=\x1e v\x1f\n\u2028more\u00a0\n\u3000and\u0085\nvt = a\vb\fc\u2028d\n",
	"invalid.ini":     "[app:main]\nuse = egg:x\nkey = \xff\n",
	"surrogate.ini":   "[app:main]\nuse = egg:x\nkey = \xed\xa0\x80\n",
	"nul.ini":         "[app:main]\nuse = egg:x\nkey = a\x00b\n",
	"empty.ini":       "",
	"no-end.ini":      "[app:main]\nuse = egg:x",
	"only-header.ini": "[app:main]",
	"brackets.ini":    "[]\n[app:main]\nuse = egg:x\n",
	"brackets2.ini":   "[]]\n[a]b]c\n[app:main]\nuse = egg:x\n",
	"backslash.ini":   "[app:main]\nuse = egg:x\nkey = a\\\n  b\n",
}

// names are the apps of the files in testdata/oracle that have others than main.
var names = map[string]string{
	"nova.ini":             "metadata openstack_compute_api_v21",
	"keystone.ini":         "public_api public_version_api",
	"glance.ini":           "healthcheck-app rootapp",
	"trac.ini":             "trac svn",
	"filterwith.ini":       "explicit uses uses2 piped direct",
	"filterapp.ini":        "second over nonext called",
	"include.ini":          "named hash pipe back quoted backslash case gone eggof theirs setfile",
	"cycles.ini":           "a p fa turn grows map",
	"names.ini":            "two spaced twice upper old tail br]ack onlyfilter called called2 called3 chain badcall badcall2 scheme eggegg eggconfig emptyegg emptyname nothing both extras noattr module space wrongprotocol required egg:direct config:names.ini#chain missing",
	"pipelines.ini":        "inner extra empty none badlast badfilter uses ofpipeline",
	"cascade.ini":          "map",
	"default-pipeline.ini": "other",
}

func TestAsPasteDeploy(t *testing.T) {
	here, err := filepath.Abs("testdata/oracle")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(here + "/*.ini")
	if err != nil {
		t.Fatal(err)
	}
	var all []asked
	for _, file := range files {
		for _, name := range append(strings.Fields(names[filepath.Base(file)]), "") {
			all = append(all, asked{File: file, Name: name})
		}
		all = append(all, asked{File: file, Globals: map[string]string{"a": "caller", "b": "%(a)s", "debug": "caller"}})
	}
	all = append(all, asked{here + "/caller.ini", "", map[string]string{"a": "caller", "b": "more"}},
		asked{here + "/caller.ini", "", map[string]string{"b": "100%"}}, asked{File: here + "/cycles.ini", Name: "turn", Globals: map[string]string{"way": "turn"}},
		asked{File: here + "/cycles.ini", Name: "grows", Globals: map[string]string{"x": "x"}})
	dir := t.TempDir()
	for name, text := range odd {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		all = append(all, asked{File: file})
	}
	resolved := 0
	for i, theirs := range oracle(t, all) {
		if compare(t, all[i], theirs) {
			resolved++
		}
	}
	t.Logf("%d questions of %d files; %d resolve", len(all), len(files)+len(odd), resolved)
	if len(files)+len(odd) < 45 || resolved < 60 {
		t.Error("too few for an oracle")
	}
}

// bases are sections of random files, which resolve as they stand.
var bases = []string{
	"[app:main]|use = a", "[app:a]|use = egg:x", "[filter:f]|use = egg:f", "[pipeline:p]|pipeline = f a", "[filter-app:g]|use = f|next = a",
	"[composite:c]|use = egg:Paste#urlmap|/x = a", "[DEFAULT]", "[application:b]|paste.app_factory = m:o", "[filter:h]|paste.filter_factory = m:o", "[app:q]|use = p",
}

// atoms are lines that may follow them.
var atoms = strings.Split(`k = v|k = %(j)s|k = w|j = %%|j = %(k)s.|j = 1|l = %(here)s|l = %(l)s|m = %(k)s%(j)s|set k = s|set j = %(k)s|set l = |get k = j|get m = k|get n = l`+
	`|get here = here|set here = x|filter-with = f|filter-with = h|filter-with = egg:w|  cont|  deeper %(k)s||# comment| ; comment|require = X|a = b # c|/y = p|/ = g|n = x`+
	`|use = config:FILE#b|use = config:FILE#p|use = config:FILE#%(k)s|use = b|use = q|use = main|use = call:m:f|pipeline = h f b|pipeline = f p|next = p|key|: v|[app:x]`, "|")

// randomFile is a file of some of the bases with some of the atoms. Mostly no key is twice in a section.
func randomFile(r *rand.Rand, name string) string {
	var out []string
	for i, base := range bases {
		if i > 1 && r.IntN(3) == 0 {
			continue
		}
		lines := strings.Split(base, "|")
		for range r.IntN(3) {
			atom := strings.ReplaceAll(atoms[r.IntN(len(atoms))], "FILE", name)
			key, _, isOption := strings.Cut(atom, " =")
			same := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, key+" =") })
			switch {
			case !isOption && strings.ContainsAny(atom, "yv]") && r.IntN(8) > 0: // mostly refused
			case isOption && same >= 0 && r.IntN(20) > 0:
				lines[same] = atom
			default:
				lines = append(lines, atom)
			}
		}
		out = append(out, lines...)
	}
	return strings.Join(out, "\n")
}

// Random files are resolved as by Paste Deploy too.
func TestRandomAsPasteDeploy(t *testing.T) {
	dir, r := t.TempDir(), rand.New(rand.NewPCG(1, 2))
	var all []asked
	for i := range 600 {
		name := fmt.Sprintf("r%d.ini", i)
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(randomFile(r, name)), 0o600); err != nil {
			t.Fatal(err)
		}
		all = append(all, asked{File: file}, asked{file, []string{"a", "p", "g", "c", "b", "q"}[r.IntN(6)], map[string]string{"k": "a"}})
	}
	resolved := 0
	for i, theirs := range oracle(t, all) {
		if compare(t, all[i], theirs) {
			resolved++
		}
		if t.Failed() {
			text, _ := os.ReadFile(all[i].File)
			t.Fatalf("%v:\n%s", all[i], text)
		}
	}
	t.Logf("%d of %d resolve", resolved, len(all))
	if resolved < len(all)/5 {
		t.Error("too few resolve")
	}
}
