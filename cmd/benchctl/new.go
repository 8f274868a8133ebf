package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/internal/nearest"
	"github.com/benchctl/benchctl/internal/strict"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
)

type newFlags struct{ lang, dir string }

// Languages of a new server.
const (
	langGo       = "go"
	langExternal = "external"
)

func newCommand(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "new", Short: "Generate files to start from", Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return usage(errors.New("new: what: server?")) },
	}
	var f newFlags
	server := &cobra.Command{
		Use: "server NAME", Short: "Generate a manifest or an adapter that can be verified and measured at once",
		Long: `With --lang external, writes a manifest that starts a server of benchctl's own. Put
your program in its place. With --lang go, in a clone of benchctl, writes an adapter
package that serves with net/http and adds it to the list of servers. Put your engine
in its place. See docs/adding-a-server.md.`,
		Example: "  benchctl new server mine\n  benchctl new server mine --lang go",
		Args:    takes("the NAME"),
		RunE:    func(_ *cobra.Command, args []string) error { return e.newServer(args[0], f) },
	}
	server.Flags().StringVar(&f.lang, "lang", langExternal, "go or external")
	server.Flags().StringVar(&f.dir, "dir", "", "directory of the manifest (default servers)")
	cmd.AddCommand(server)
	return cmd
}

func (e env) newServer(name string, f newFlags) error {
	all, err := servers.All()
	if err != nil {
		return usage(err)
	}
	known := slices.ContainsFunc(all, func(s servers.Server) bool { return s.Name == name })
	switch {
	case !strict.IsName(name):
		return usage(fmt.Errorf("new server: %q is not a name: a-z, 0-9, and . _ - after the first", name))
	case known || servers.Group(all, name) != nil:
		return usage(fmt.Errorf("new server: there is a server or a group %q already", name))
	case f.lang == langExternal:
		return e.newManifest(name, f.dir)
	case f.lang == langGo && f.dir != "":
		return usage(errors.New("new server: --dir is for manifests: a Go engine goes to servers/engine of the checkout"))
	case f.lang == langGo:
		return e.newEngine(name)
	}
	return usage(fmt.Errorf("new server: unknown language %q%s", f.lang, nearest.Hint(f.lang, []string{langGo, langExternal})))
}

// manifest is what a new external server begins with. It starts benchctl itself, so
// that it works before a line of it has been changed.
const manifest = `name: %[1]s
class: engine # or wsgi, asgi, baseline: rows are compared within a class
doc: what it is, in a line
# The program and its arguments; no shell is involved. It listens where it is told,
# stays in the foreground, and answers the test apps (benchctl list apps).
# This is a server of benchctl's own: put yours in its place.
command:
  - %[2]q
  - serve
  - --server=nethttp
  - --addr={{.Host}}:{{.Port}}
`

func (e env) newManifest(name, dir string) error {
	if dir == "" {
		dir = "servers"
	}
	path := filepath.Join(dir, name+".yaml")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return unable(err)
	}
	if err := writeNew(path, fmt.Appendf(nil, manifest, name, e.executable)); err != nil {
		return unable(fmt.Errorf("new server %s: %w", name, err))
	}
	_, err := fmt.Fprintf(e.stdout, "wrote %[1]s; try it with:\n  benchctl verify --server-dir=%[2]s --servers=%[3]s\n  benchctl run --scenario=smoke --server-dir=%[2]s --servers=%[3]s,nethttp\n", path, dir, name)
	return unable(err)
}

// writeNew writes a file that must not exist.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

// Where engines are entered.
const (
	modulePath  = "github.com/benchctl/benchctl"
	serversFile = "servers/servers.go"
)

// newEngine writes an adapter package and enters it into the list of engines.
func (e env) newEngine(name string) error {
	if !token.IsIdentifier(name) {
		return usage(fmt.Errorf("new server: %q can't be the name of a Go package", name))
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil || !bytes.HasPrefix(mod, []byte("module "+modulePath+"\n")) {
		return &failure{
			code: exitUsage, err: errors.New("new server: this directory is not a checkout of benchctl, which a Go engine is built into"),
			hint: "change to one, or begin a server that is its own program: benchctl new server " + name,
		}
	}
	list, err := os.ReadFile(serversFile)
	if err != nil {
		return unable(err)
	}
	if list, err = enter(list, name); err != nil {
		return unable(fmt.Errorf("new server: %s: %w", serversFile, err))
	}
	dir := filepath.Join("servers", "engine", name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return unable(err)
	}
	if err := writeNew(filepath.Join(dir, name+".go"), adapter(name)); err != nil {
		return unable(err)
	}
	if err := writeNew(filepath.Join(dir, name+"_test.go"), fmt.Appendf(nil, adapterTest, name)); err != nil {
		return unable(err)
	}
	if err := os.WriteFile(serversFile, list, 0o644); err != nil {
		return unable(err)
	}
	_, err = fmt.Fprintf(e.stdout, "wrote %s and entered it into %s; try it with:\n  go test ./%s\n  make build\n  bin/benchctl verify --servers=%s\n", dir, serversFile, dir, name)
	return unable(err)
}

const adapterTest = `package %s

import (
	"testing"

	"github.com/benchctl/benchctl/servers/servertest"
)

func TestServe(t *testing.T) { servertest.TestServe(t, Serve) }
`

var packageHead = regexp.MustCompile(`(?s)\A// Package nethttp .*?\npackage nethttp\n`)

// adapter is the adapter of net/http under another name, to be changed.
func adapter(name string) []byte {
	head := fmt.Sprintf("// Package %[1]s serves apps with %[1]s. It began as the adapter of net/http: put the\n// engine in its place, and say here what is not the vendor's default.\npackage %[1]s\n", name)
	text := packageHead.ReplaceAllLiteralString(nethttp.Source, head)
	text = strings.ReplaceAll(text, `"nethttp serve`, `"`+name+` serve`)
	text = strings.ReplaceAll(text, `CutError("nethttp"`, `CutError("`+name+`"`)
	return []byte(text)
}

// enter adds the engine to the imports and to the list of engines.
func enter(source []byte, name string) ([]byte, error) {
	const (
		lastImport = "\t\"" + modulePath + "/servers/engine/nethttp\"\n"
		listEnd    = "\t} // engines end here\n"
	)
	text := string(source)
	if strings.Count(text, lastImport) != 1 || strings.Count(text, listEnd) != 1 {
		return nil, errors.New("the list of engines is not where it is expected: enter the engine by hand")
	}
	text = strings.Replace(text, lastImport, lastImport+"\t\""+modulePath+"/servers/engine/"+name+"\"\n", 1)
	text = strings.Replace(text, listEnd, fmt.Sprintf("\t\t{Name: %[1]q, Doc: \"what it is, in a line\", Engine: %[1]s.Serve},\n", name)+listEnd, 1)
	return format.Source([]byte(text))
}
