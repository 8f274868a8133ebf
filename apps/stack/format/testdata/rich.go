// The stacks of this file are read by benchctl, and built by "go run".
package main

import (
	"log"
	"time"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/format/formattest"
)

func main() {
	for _, n := range []stack.Node{Stack(), Stack2()} {
		if _, err := stack.Build(n); err != nil {
			log.Fatal(err)
		}
	}
}

// Stack makes the stack "main".
func Stack() stack.Node {
	return stack.Pipeline{
		Layers: []stack.Layer{
			formattest.Plain{},
			formattest.All{Text: "a \"b\" # c: %d\n\té", Number: -5, Long: 1099511627776, Fraction: 1.25, Bool: true, Duration: 1500 * time.Millisecond, Size: 64 << 10, Secret: "env:KEY", List: []string{"x", "y z", ""}, Map: map[string]string{"X-A": "1: 2", "b c": ""}},
			formattest.Gives{},
		},
		Node: stack.Hosts{
			Nodes: []stack.Host{
				{Name: "a.example", Node: stack.Paths{Nodes: []stack.Path{
					{Prefix: "/", Node: stack.App{Source: formattest.Hello{}}},
					{Prefix: "/api", Node: stack.Pipeline{
						Layers: []stack.Layer{
							formattest.Takes{Kind: "b"},
						},
						Node: stack.App{Source: formattest.Says{Text: "api"}},
					}},
					{Prefix: "/old", Node: stack.App{Source: formattest.Hello{}}},
				}}},
				{Name: "*.example", Node: stack.Cascade{
					Nodes: []stack.Node{
						stack.App{Source: formattest.Says{Text: "no", Status: 404}},
						stack.App{Source: formattest.Hello{}},
						stack.Pipeline{
							Layers: []stack.Layer{
								formattest.All{Duration: time.Hour},
							},
							Node: stack.Pipeline{
								Node: stack.App{Source: formattest.Says{Text: "inner"}},
							},
						},
					},
					Catch: []int{404, 405},
				}},
				{Name: "b.example", Node: stack.App{Source: formattest.Hello{}}},
			},
			Default: stack.App{Source: formattest.Says{Text: "other"}},
		},
	}
}

// Stack2 makes the stack "second one".
//
//stack:name "second one"
func Stack2() stack.Node {
	return stack.App{Source: formattest.Hello{}}
}
