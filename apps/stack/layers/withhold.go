package layers

import (
	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// withheld is a request with the fields of its answer, which go on once the app has answered. Until
// then a layer can answer in its place, without what the app had set.
type withheld struct {
	apps.Request
	fields   [][2]string
	answered bool
}

// withholder is a request that has a withheld one.
type withholder interface{ held() *withheld }

func (w *withheld) held() *withheld { return w }

// withholding serves next to requests that are withholders. Edit, if there is one, sees each answer.
func withholding(next apps.App, edit func(req apps.Request, a *stack.Answer)) stack.Editor {
	return stack.Editor{
		Next: next, Files: true,
		Fields: func(req apps.Request, name, value string) (string, bool) {
			w := req.(withholder).held()
			if w.answered {
				return value, true
			}
			w.fields = append(w.fields, [2]string{name, value})
			return "", false
		},
		Edit: func(req apps.Request, res apps.Response, a *stack.Answer) error {
			w := req.(withholder).held()
			w.answered = true
			for _, f := range w.fields {
				res.SetHeader(f[0], f[1])
			}
			if edit != nil {
				edit(req, a)
			}
			return nil
		},
	}
}
