package bridge_test

import (
	"fmt"
	"net/http"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/bridge"
)

// A middleware of net/http stands in a stack like any layer: here one that lets nobody in without a token.
func ExampleMiddleware() {
	onlyAda := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer ada" {
				w.Header().Set("WWW-Authenticate", "Bearer")
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	app, err := stack.Build(stack.Pipeline{
		Layers: []stack.Layer{bridge.Middleware{Use: onlyAda, Fields: []string{"Authorization"}}},
		Node: stack.App{Source: source{apps.Func(func(_ apps.Request, res apps.Response) error {
			return res.Reply(200, []byte("hello\n"))
		})}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, token := range []string{"", "Bearer ada"} {
		r := appstest.Ask(app, appstest.Get("/", "Authorization", token))
		fmt.Printf("%d %s", r.Status, r.Body())
	}
	// Output:
	// 401 who are you?
	// 200 hello
}

// A handler of net/http is an app.
func ExampleHandler() {
	app, err := stack.Build(stack.App{Source: bridge.Handler{Handler: http.RedirectHandler("/new", http.StatusSeeOther)}})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := appstest.Ask(app, appstest.Get("/old"))
	fmt.Println(r.Status, r.Field("Location"))
	// Output: 303 /new
}
