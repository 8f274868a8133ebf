package suite

import (
	"encoding/json"

	"github.com/benchctl/benchctl/apps"
)

var helloBody = []byte("Hello, World!")

func helloSpec() Spec {
	return Spec{
		Name: "hello", Doc: `"Hello, World!", 13 bytes: the cost of the server alone`,
		Methods: get(),
		handler: func() handler {
			return func(_ Args, _ apps.Request, res apps.Response) error {
				res.SetHeader("Content-Type", apps.ContentTypeText)
				return res.Reply(200, helloBody)
			}
		},
		exchange: func(Args) Exchange { return whole(helloBody) },
	}
}

const typeJSON = "application/json"

type message struct {
	Message string `json:"message"`
}

func jsonSpec() Spec {
	return Spec{
		Name: "json", Doc: `{"message":"Hello, World!"}, serialised for every request`,
		Methods: get(),
		handler: func() handler {
			return func(_ Args, _ apps.Request, res apps.Response) error {
				body, err := json.Marshal(message{"Hello, World!"})
				if err != nil {
					return err
				}
				res.SetHeader("Content-Type", typeJSON)
				return res.Reply(200, body)
			}
		},
		exchange: func(Args) Exchange {
			e := whole([]byte(`{"message":"Hello, World!"}`))
			e.Type = typeJSON
			return e
		},
	}
}
