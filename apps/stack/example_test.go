package stack_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"strings"
	"sync/atomic"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack"
)

// greeting is the app that the examples wrap.
var greeting = stack.App{Source: says{Text: "hello"}}

// Powered sets a header field of every reply. It needs no answer, so that it wraps no Response.
type Powered struct {
	By string `stack:"by" required:"true" doc:"what the field says"`
}

func (Powered) About() stack.About { return stack.About{Name: "powered", Doc: "sets X-Powered-By"} }

func (p Powered) Wrap(next apps.App) (apps.App, error) {
	return apps.Func(func(req apps.Request, res apps.Response) error {
		res.SetHeader("X-Powered-By", p.By)
		return next.Serve(req, res)
	}), nil
}

// A layer that sets a header field.
func ExampleLayer_header() {
	show(stack.Pipeline{Layers: []stack.Layer{Powered{By: "coffee"}}, Node: greeting}, "/")
	// Output:
	// X-Powered-By: coffee
	// X-By: hello
	// 200 hello /
}

// Upper rewrites bodies block by block, so that a stream stays one.
type Upper struct{}

func (Upper) About() stack.About {
	return stack.About{Name: "upper", Doc: "writes bodies in capitals", Allocs: 2}
}

func (Upper) Wrap(next apps.App) (apps.App, error) {
	return &stack.Editor{Next: next, Edit: func(_ apps.Request, _ apps.Response, a *stack.Answer) error {
		if a.Body != nil {
			a.Body = &upperBody{a.Body}
		} else {
			a.Whole = bytes.ToUpper(a.Whole) // a new slice: the app may keep its own (A4)
		}
		return nil
	}}, nil
}

// upperBody is a Body in capitals. What it does not define, Close, is the Body's own.
type upperBody struct{ apps.Body }

func (b *upperBody) Next() ([]byte, error) {
	block, err := b.Body.Next()
	return bytes.ToUpper(block), err
}

// A layer that rewrites bodies, streams as well.
func ExampleLayer_stream() {
	show(stack.Pipeline{Layers: []stack.Layer{Upper{}}, Node: greeting}, "/")
	// Output:
	// X-By: hello
	// 200 HELLO /
}

// Closed answers itself while the shop is closed.
type Closed struct {
	Paths []string `stack:"paths" required:"true" doc:"what is closed"`
}

func (Closed) About() stack.About {
	return stack.About{Name: "closed", Doc: "answers 503 at some paths"}
}

func (c Closed) Wrap(next apps.App) (apps.App, error) {
	closed := map[string]bool{}
	for _, p := range c.Paths {
		closed[p] = true
	}
	return apps.Func(func(req apps.Request, res apps.Response) error {
		if closed[req.Path()] {
			res.SetHeader("Retry-After", "60")
			return stack.Plain(res, 503, "closed\n")
		}
		return next.Serve(req, res)
	}), nil
}

// A layer that answers in place of the app: a short circuit.
func ExampleLayer_shortCircuit() {
	show(stack.Pipeline{Layers: []stack.Layer{Closed{Paths: []string{"/bar"}}}, Node: greeting}, "/bar")
	// Output:
	// Retry-After: 60
	// Content-Type: text/plain
	// 503 closed
}

// Counted counts requests from its start to its stop.
type Counted struct{}

func (Counted) About() stack.About { return stack.About{Name: "counted", Doc: "counts requests"} }

func (Counted) Wrap(next apps.App) (apps.App, error) { return &counter{next: next}, nil }

// counter is the app of Counted. As it has a Start and a Stop, the stack calls them: Start after
// that of what it wraps, Stop before.
type counter struct {
	next apps.App
	seen atomic.Int64
}

func (c *counter) Start(context.Context) error {
	c.seen.Store(0) // open what it needs here; a failure keeps the server from starting
	return nil
}

func (c *counter) Stop(context.Context) error {
	fmt.Println("requests:", c.seen.Load())
	return nil
}

func (c *counter) Serve(req apps.Request, res apps.Response) error {
	c.seen.Add(1)
	return c.next.Serve(req, res)
}

// A layer with something to set up and to clear.
func ExampleLayer_lifetime() {
	show(stack.Pipeline{Layers: []stack.Layer{Counted{}}, Node: greeting}, "/")
	// Output:
	// X-By: hello
	// 200 hello /
	// requests: 1
}

// user is the key of the state that Named gives to what it wraps. It is of a type of its own, so
// that no other layer has the same.
type user struct{}

// Named tells what it wraps who asks.
type Named struct{}

func (Named) About() stack.About {
	return stack.About{Name: "named", Doc: "gives the user's name to the app", Provides: []string{"user"}, Allocs: 2}
}

func (Named) Wrap(next apps.App) (apps.App, error) {
	return apps.Func(func(req apps.Request, res apps.Response) error {
		return next.Serve(stack.WithValue(req, user{}, "ada"), res)
	}), nil
}

// Signed needs the user's name, so that a stack without Named outside it is not built.
type Signed struct{}

func (Signed) About() stack.About {
	return stack.About{Name: "signed", Doc: "sets X-User", Requires: []string{"user"}}
}

func (Signed) Wrap(next apps.App) (apps.App, error) {
	return apps.Func(func(req apps.Request, res apps.Response) error {
		name, _ := req.Context().Value(user{}).(string)
		res.SetHeader("X-User", name)
		return next.Serve(req, res)
	}), nil
}

// Layers hand state inwards by the request's context, and say so.
func ExampleLayer_state() {
	show(stack.Pipeline{Layers: []stack.Layer{Named{}, Signed{}}, Node: greeting}, "/")
	_, err := stack.Build(stack.Pipeline{Layers: []stack.Layer{Signed{}, Named{}}, Node: greeting})
	fmt.Println(err)
	// Output:
	// X-User: ada
	// X-By: hello
	// 200 hello /
	// stack: layers[0]: signed requires "user", which no layer outside it provides
}

// show builds a stack, starts it, asks for a path, and stops it.
func show(n stack.Node, path string) {
	app, err := stack.Build(n)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if s, ok := app.(apps.Starter); ok {
		if err := s.Start(ctx); err != nil {
			log.Fatal(err)
		}
	}
	printReply(app, path)
	if s, ok := app.(apps.Stopper); ok {
		if err := s.Stop(ctx); err != nil {
			log.Fatal(err)
		}
	}
}

// printReply prints what app answers.
func printReply(app apps.App, path string) {
	r := appstest.Ask(app, appstest.Get(path))
	for _, f := range r.Fields {
		fmt.Printf("%s: %s\n", f[0], f[1])
	}
	fmt.Println(r.Status, strings.TrimSpace(r.Body()))
}
