// Package servers is the ordered list of everything that can be measured: the Go
// engines, which run as a child of benchctl itself, and external servers, which
// manifests describe.
package servers

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/fronts"
	"github.com/benchctl/benchctl/apps/wsgi"
	"github.com/benchctl/benchctl/servers/engine/fasthttp"
	"github.com/benchctl/benchctl/servers/engine/fcgi"
	"github.com/benchctl/benchctl/servers/engine/gnet"
	"github.com/benchctl/benchctl/servers/engine/hertz"
	"github.com/benchctl/benchctl/servers/engine/nbio"
	"github.com/benchctl/benchctl/servers/engine/nethttp"
	"github.com/benchctl/benchctl/servers/external"
	"github.com/benchctl/benchctl/servers/framework/chi"
	"github.com/benchctl/benchctl/servers/framework/echo"
	"github.com/benchctl/benchctl/servers/framework/fiber"
	"github.com/benchctl/benchctl/servers/framework/gin"
	"github.com/benchctl/benchctl/servers/front"
	"github.com/benchctl/benchctl/servers/process/drain"
)

// Classes of the servers in Go, all of which carry the contract.
const (
	ClassEngine    = "engine"
	ClassStripped  = "stripped"  // engines that leave out what a server on the network needs
	ClassFramework = "framework" // on one of the engines
)

// H2C is HTTP/2 in cleartext with prior knowledge (RFC 9113 section 3.3).
const H2C = "h2c"

// Serve serves app on ln until ctx ends, and stops gracefully then. Once ln is stopped,
// it drains (S14 of package apps); drain.Run stops the one after the other.
type Serve func(ctx context.Context, ln *drain.Listener, app apps.App) error

// Server is an HTTP server implementation.
type Server struct {
	Name  string // "fasthttp"
	Class string // rows are compared fairly within one
	Doc   string // one line
	Home  string // URL of the project

	// One of them is set.
	Engine   Serve              // runs inside "benchctl serve"
	Manifest *external.Manifest // runs as its own program

	// Native serves the apps of suite.Native on the engine without the contract, by handlers
	// as a user of the library writes them; nil: there are none. See the profile Native.
	Native drain.Serve

	// Front always stands before the engine; nil: it speaks HTTP itself. See Behind.
	Front stack.Proxy
	// Base is the engine that a framework runs on; "": it is none.
	Base string
	// Protocol is what it is to be spoken to with; "": HTTP/1.1. H2C takes engine
	// vegeta.
	Protocol string
	// Deviations are duties that an engine is known to break so that package lint finds it, as its
	// library leaves no other way.
	Deviations []apps.Deviation

	module   string                 // of an engine; "" for the standard library
	requires []external.Requirement // of an engine that is not alone
}

// engines is every Go engine, in the order of reports.
func engines() []Server {
	return []Server{
		{Name: "nethttp", Doc: "the server of Go's standard library", Home: "https://pkg.go.dev/net/http", Engine: nethttp.Serve, Native: nethttp.ServeNative},
		{Name: "nethttp-h2c", Doc: "the same with HTTP/2 in cleartext", Home: "https://pkg.go.dev/net/http", Engine: nethttp.ServeH2C, Native: nethttp.ServeNativeH2C, Protocol: H2C},
		{Name: "nethttp-fcgi", Doc: "net/http/fcgi behind nginx", Home: "https://pkg.go.dev/net/http/fcgi", Engine: fcgi.Serve, Native: fcgi.ServeNative, Front: fronts.Nginx{Protocol: fronts.FastCGI}, requires: []external.Requirement{{Command: front.Nginx, Install: "apt-get install nginx-light"}}},
		{Name: "fasthttp", Doc: "goroutine a connection, no net/http", Home: "https://github.com/valyala/fasthttp", Engine: fasthttp.Serve, Native: fasthttp.ServeNative, module: "github.com/valyala/fasthttp"},
		{Name: "hertz", Doc: "CloudWeGo Hertz on its netpoll event loops", Home: "https://github.com/cloudwego/hertz", Engine: hertz.Serve, Native: hertz.ServeNative, module: "github.com/cloudwego/hertz"},
		{Name: "hertz-std", Doc: "CloudWeGo Hertz on package net", Home: "https://github.com/cloudwego/hertz", Engine: hertz.ServeStandard, Native: hertz.ServeNativeStandard, module: "github.com/cloudwego/hertz"},
		{Name: "nbio", Doc: "event loops with net/http's handler, non-blocking mode", Home: "https://github.com/lesismal/nbio", Engine: nbio.Serve, Native: nbio.ServeNative, module: "github.com/lesismal/nbio"},
		{Name: "nbio-blocking", Doc: "nbio with a goroutine for each connection", Home: "https://github.com/lesismal/nbio", Engine: nbio.ServeBlocking, Native: nbio.ServeNativeBlocking, module: "github.com/lesismal/nbio"},
		{Name: "nbio-mixed", Doc: "nbio with goroutines for the first connections and event loops for the rest", Home: "https://github.com/lesismal/nbio", Engine: nbio.ServeMixed, Native: nbio.ServeNativeMixed, module: "github.com/lesismal/nbio"},
		{Name: "gnet", Class: ClassStripped, Doc: "gnet's event loops with an HTTP codec of benchctl's own", Home: "https://github.com/panjf2000/gnet", Engine: gnet.Serve, Native: gnet.ServeNative, module: "github.com/panjf2000/gnet/v2"},
		{Name: "gin", Class: ClassFramework, Base: "nethttp", Doc: "the framework gin on net/http", Home: "https://github.com/gin-gonic/gin", Engine: gin.Serve, Native: gin.ServeNative, module: "github.com/gin-gonic/gin"},
		{Name: "echo", Class: ClassFramework, Base: "nethttp", Doc: "the framework echo on net/http", Home: "https://github.com/labstack/echo", Engine: echo.Serve, Native: echo.ServeNative, module: "github.com/labstack/echo/v4"},
		{Name: "chi", Class: ClassFramework, Base: "nethttp", Doc: "the router chi on net/http", Home: "https://github.com/go-chi/chi", Engine: chi.Serve, Native: chi.ServeNative, module: "github.com/go-chi/chi/v5"},
		{Name: "fiber", Class: ClassFramework, Base: "fasthttp", Doc: "the framework fiber on fasthttp", Home: "https://github.com/gofiber/fiber", Engine: fiber.Serve, Native: fiber.ServeNative, module: "github.com/gofiber/fiber/v2"},
	} // engines end here
}

// All is every server: engines, built-in manifests, then the manifests in dirs.
// A manifest in dirs takes the place of a built-in one of the same name; an
// engine's name is refused.
func All(dirs ...string) ([]Server, error) {
	list := engines()
	for i := range list {
		list[i].Class = cmp.Or(list[i].Class, ClassEngine)
	}
	builtin, err := external.Builtin()
	if err != nil {
		return nil, err
	}
	for _, m := range builtin {
		list = append(list, fromManifest(m))
	}
	for _, dir := range dirs {
		manifests, err := external.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, m := range manifests {
			if list, err = with(list, m); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

func fromManifest(m external.Manifest) Server {
	return Server{Name: m.Name, Class: m.Class, Doc: m.Doc, Home: m.Home, Manifest: &m}
}

func with(list []Server, m external.Manifest) ([]Server, error) {
	at := slices.IndexFunc(list, func(s Server) bool { return s.Name == m.Name })
	switch groups := append(external.Classes(), GroupAll, GroupGo, ClassEngine, ClassStripped, ClassFramework); {
	case slices.Contains(groups, m.Name):
		return nil, fmt.Errorf("%s: name %q stands for a group of servers", m.File, m.Name)
	case at < 0:
		return append(list, fromManifest(m)), nil
	case list[at].Engine != nil:
		return nil, fmt.Errorf("%s: name %q belongs to a Go engine", m.File, m.Name)
	}
	list[at] = fromManifest(m)
	return list, nil
}

// Carries tells whether the server serves an app. Engines serve all of the suite.
func (s Server) Carries(app string) bool {
	if s.Manifest != nil {
		return s.Manifest.Carries(app)
	}
	return app != wsgi.Validate
}

// Profiles are the names of the server's profiles, "default" first.
func (s Server) Profiles() []string {
	switch {
	case s.Manifest != nil:
		return s.Manifest.ProfileNames()
	case s.Native == nil:
		return []string{external.Default, Supervised}
	}
	return []string{external.Default, Supervised, Native}
}

// Profiles of Go engines.
const (
	// Supervised has a supervisor of the workers, which replaces them without losing a request.
	Supervised = "supervised"
	// Native has handlers written for the library, in the place of the contract and its
	// adapter. They serve the apps of suite.Native.
	Native = "native"
)

// Check tells whether the server can run here; what is missing is told by an
// *external.NotInstalledError.
func (s Server) Check(ctx context.Context) error {
	if s.Manifest == nil {
		return external.Check(ctx, s.Name, s.requires)
	}
	return s.Manifest.Check(ctx)
}

// Version is the version that would be measured, "" if it is not known.
func (s Server) Version(ctx context.Context) (string, error) {
	switch {
	case s.Manifest != nil:
		return s.Manifest.Version(ctx)
	case s.module == "":
		return runtime.Version(), nil
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", nil
	}
	for _, dep := range info.Deps {
		if dep.Path == s.module {
			return dep.Version, nil
		}
	}
	return "", nil
}

// ReadyTimeout bounds the time from start to ready.
func (s Server) ReadyTimeout() time.Duration {
	if s.Manifest != nil && s.Manifest.Ready.Timeout > 0 {
		return s.Manifest.Ready.Timeout
	}
	return external.DefaultReadyTimeout
}
