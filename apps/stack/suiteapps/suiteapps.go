// Package suiteapps makes the test apps of package suite the leaves of stacks. Each has a type of its
// own, so that stacks name it in Go as in files.
//
// The fields of a type are those parameters of the app that change its reply. They are what the app
// takes where a request's query has none. As with all fields, 0 means the default; a query can say 0.
// A mix is no leaf: its parts have paths of their own.
package suiteapps

import (
	"slices"
	"sync"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/suite"
)

// All is every app, in the order of package suite.
func All() []stack.Source {
	return []stack.Source{
		Hello{}, JSON{}, Echo{}, Size{}, Stream{}, Sleep{}, CPU{}, Headers{},
		Session{}, Template{}, Static1K{}, Static1M{}, Upload{}, Compress{}, Error{}, Status{},
		Ziade{}, Ident{}, Watch{}, Watched{}, Seen{},
	}
}

var specs = sync.OnceValue(suite.All)

func spec(name string) suite.Spec {
	all := specs()
	return all[slices.IndexFunc(all, func(s suite.Spec) bool { return s.Name == name })] // a test asks for each
}

func about(name string) stack.About { return stack.About{Name: name, Doc: spec(name).Doc} }

// made is the app of a name with the defaults that part has. It takes the methods that it takes in
// the suite.
func made(name string, part any) (apps.App, error) {
	s := spec(name)
	s.Params = slices.Clone(s.Params)
	for _, f := range stack.Fields(part) {
		i := slices.IndexFunc(s.Params, func(p suite.Param) bool { return p.Name == f.Name })
		if v := f.Value(part).(int64); v != 0 {
			s.Params[i].Default = v
		}
	}
	return apps.Allow(s.New(), s.Methods...), nil
}

// The apps, as "benchctl list apps" describes them.
type (
	// Hello is the app "hello".
	Hello struct{}
	// JSON is the app "json".
	JSON struct{}
	// Echo is the app "echo".
	Echo struct{}
	// Size is the app "size".
	Size struct {
		Bytes int64 `stack:"bytes" default:"10000" min:"1" max:"100000000" doc:"bytes of the reply's body"`
	}
	// Stream is the app "stream".
	Stream struct {
		Chunks int64 `stack:"chunks" default:"8" min:"1" max:"1000" doc:"chunks of the reply's body"`
		Bytes  int64 `stack:"bytes" default:"1024" min:"1" max:"65536" doc:"bytes of a chunk"`
		MS     int64 `stack:"ms" default:"0" min:"0" max:"1000" doc:"milliseconds between two chunks"`
	}
	// Sleep is the app "sleep".
	Sleep struct {
		MS int64 `stack:"ms" default:"10" min:"0" max:"60000" doc:"milliseconds waited"`
	}
	// CPU is the app "cpu".
	CPU struct {
		US int64 `stack:"us" default:"100" min:"0" max:"10000000" doc:"microseconds of a thread's CPU time"`
	}
	// Headers is the app "headers".
	Headers struct {
		Count int64 `stack:"count" default:"20" min:"0" max:"90" doc:"fields"`
	}
	// Session is the app "session".
	Session struct{}
	// Template is the app "template".
	Template struct{}
	// Static1K is the app "static-1k".
	Static1K struct{}
	// Static1M is the app "static-1m".
	Static1M struct{}
	// Upload is the app "upload".
	Upload struct{}
	// Compress is the app "compress".
	Compress struct {
		Bytes int64 `stack:"bytes" default:"10000" min:"1" max:"1000000" doc:"bytes of the text before compression"`
	}
	// Error is the app "error".
	Error struct {
		At int64 `stack:"at" default:"0" min:"0" max:"4" doc:"0: the app replies 500; 1: it fails before its reply; for verify only: 2: it fails after the first block; 3: it sends more, 4: less than its Content-Length"`
	}
	// Status is the app "status".
	Status struct {
		Code int64 `stack:"code" default:"204" min:"200" max:"599" doc:"status"`
	}
	// Ziade is the app "ziade".
	Ziade struct {
		MS    int64 `stack:"ms" default:"100" min:"0" max:"60000" doc:"milliseconds waited"`
		Steps int64 `stack:"steps" default:"1000" min:"0" max:"10000000" doc:"steps of arithmetic"`
	}
	// Ident is the app "ident".
	Ident struct{}
	// Watch is the app "watch".
	Watch struct {
		ID     int64 `stack:"id" default:"0" min:"0" max:"1000000000" doc:"name of the record"`
		Chunks int64 `stack:"chunks" default:"300" min:"1" max:"1000" doc:"chunks of the reply's body, of 1 KiB"`
		MS     int64 `stack:"ms" default:"10" min:"0" max:"1000" doc:"milliseconds between two chunks"`
	}
	// Watched is the app "watched".
	Watched struct {
		ID int64 `stack:"id" default:"0" min:"0" max:"1000000000" doc:"name of the record"`
	}
	// Seen is the app "seen".
	Seen struct{}
)

// About implements stack.Source.
func (Hello) About() stack.About { return about("hello") }

// Make implements stack.Source.
func (a Hello) Make() (apps.App, error) { return made("hello", a) }

// About implements stack.Source.
func (JSON) About() stack.About { return about("json") }

// Make implements stack.Source.
func (a JSON) Make() (apps.App, error) { return made("json", a) }

// About implements stack.Source.
func (Echo) About() stack.About { return about("echo") }

// Make implements stack.Source.
func (a Echo) Make() (apps.App, error) { return made("echo", a) }

// About implements stack.Source.
func (Size) About() stack.About { return about("size") }

// Make implements stack.Source.
func (a Size) Make() (apps.App, error) { return made("size", a) }

// About implements stack.Source.
func (Stream) About() stack.About { return about("stream") }

// Make implements stack.Source.
func (a Stream) Make() (apps.App, error) { return made("stream", a) }

// About implements stack.Source.
func (Sleep) About() stack.About { return about("sleep") }

// Make implements stack.Source.
func (a Sleep) Make() (apps.App, error) { return made("sleep", a) }

// About implements stack.Source.
func (CPU) About() stack.About { return about("cpu") }

// Make implements stack.Source.
func (a CPU) Make() (apps.App, error) { return made("cpu", a) }

// About implements stack.Source.
func (Headers) About() stack.About { return about("headers") }

// Make implements stack.Source.
func (a Headers) Make() (apps.App, error) { return made("headers", a) }

// About implements stack.Source.
func (Session) About() stack.About { return about("session") }

// Make implements stack.Source.
func (a Session) Make() (apps.App, error) { return made("session", a) }

// About implements stack.Source.
func (Template) About() stack.About { return about("template") }

// Make implements stack.Source.
func (a Template) Make() (apps.App, error) { return made("template", a) }

// About implements stack.Source.
func (Static1K) About() stack.About { return about("static-1k") }

// Make implements stack.Source.
func (a Static1K) Make() (apps.App, error) { return made("static-1k", a) }

// About implements stack.Source.
func (Static1M) About() stack.About { return about("static-1m") }

// Make implements stack.Source.
func (a Static1M) Make() (apps.App, error) { return made("static-1m", a) }

// About implements stack.Source.
func (Upload) About() stack.About { return about("upload") }

// Make implements stack.Source.
func (a Upload) Make() (apps.App, error) { return made("upload", a) }

// About implements stack.Source.
func (Compress) About() stack.About { return about("compress") }

// Make implements stack.Source.
func (a Compress) Make() (apps.App, error) { return made("compress", a) }

// About implements stack.Source.
func (Error) About() stack.About { return about("error") }

// Make implements stack.Source.
func (a Error) Make() (apps.App, error) { return made("error", a) }

// About implements stack.Source.
func (Status) About() stack.About { return about("status") }

// Make implements stack.Source.
func (a Status) Make() (apps.App, error) { return made("status", a) }

// About implements stack.Source.
func (Ziade) About() stack.About { return about("ziade") }

// Make implements stack.Source.
func (a Ziade) Make() (apps.App, error) { return made("ziade", a) }

// About implements stack.Source.
func (Ident) About() stack.About { return about("ident") }

// Make implements stack.Source.
func (a Ident) Make() (apps.App, error) { return made("ident", a) }

// About implements stack.Source.
func (Watch) About() stack.About { return about("watch") }

// Make implements stack.Source.
func (a Watch) Make() (apps.App, error) { return made("watch", a) }

// About implements stack.Source.
func (Watched) About() stack.About { return about("watched") }

// Make implements stack.Source.
func (a Watched) Make() (apps.App, error) { return made("watched", a) }

// About implements stack.Source.
func (Seen) About() stack.About { return about("seen") }

// Make implements stack.Source.
func (a Seen) Make() (apps.App, error) { return made("seen", a) }
