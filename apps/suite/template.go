package suite

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"slices"

	"github.com/benchctl/benchctl/apps"
)

const typeHTML = "text/html; charset=utf-8"

// fortune is a row of the table.
type fortune struct {
	ID      int
	Message string
}

// fortuneRows is how many rows a page has, the one that each request adds among
// them.
const fortuneRows = 100

// fortuneTexts are those of TechEmpower's test of the same name: they hold markup,
// quotes and characters beyond ASCII.
var fortuneTexts = []string{
	"fortune: No such file or directory",
	"A computer scientist is someone who fixes things that aren't broken.",
	"After enough decimal places, nobody gives a damn.",
	"A bad random number generator: 1, 1, 1, 1, 1, 4.33e+67, 1, 1, 1",
	"A computer program does what you tell it to do, not what you want it to do.",
	"Emacs is a nice operating system, but I prefer UNIX. — Tom Christaensen",
	"Any program that runs right is obsolete.",
	"A list is only as strong as its weakest link. — Donald Knuth",
	"Feature: A bug with seniority.",
	"Computers make very fast, very accurate mistakes.",
	`<script>alert("This should not be displayed in a browser alert box.");</script>`,
	"フレームワークのベンチマーク",
}

var fortunePage = template.Must(template.New("fortunes").Parse("<!DOCTYPE html>\n" +
	"<html><head><title>Fortunes</title></head><body><table>\n" +
	"<tr><th>id</th><th>message</th></tr>\n" +
	"{{range .}}<tr><td>{{.ID}}</td><td>{{.Message}}</td></tr>\n{{end}}" +
	"</table></body></html>\n"))

func templateSpec() Spec {
	return Spec{
		Name: "template", Doc: "an HTML page of 100 rows, sorted, escaped and rendered for every request",
		Methods: get(),
		handler: func() handler {
			stored := storedFortunes()
			return func(_ Args, _ apps.Request, res apps.Response) error {
				page, err := renderFortunes(stored)
				if err != nil {
					return err
				}
				res.SetHeader("Content-Type", typeHTML)
				return res.Reply(200, page)
			}
		},
		exchange: func(Args) Exchange {
			page, err := renderFortunes(storedFortunes())
			if err != nil {
				panic("suite: template: " + err.Error()) // it has no input that could vary
			}
			e := whole(page)
			e.Type = "text/html"
			return e
		},
	}
}

func storedFortunes() []fortune {
	var all []fortune
	for id := 1; id < fortuneRows; id++ {
		all = append(all, fortune{id, fmt.Sprintf("%s #%d", fortuneTexts[id%len(fortuneTexts)], id)})
	}
	return all
}

// renderFortunes adds a row to the stored ones, sorts all by their message and
// makes the page.
func renderFortunes(stored []fortune) ([]byte, error) {
	rows := append(make([]fortune, 0, fortuneRows), stored...)
	rows = append(rows, fortune{0, "Additional fortune added at request time."})
	slices.SortFunc(rows, func(a, b fortune) int { return cmp.Compare(a.Message, b.Message) })
	var page bytes.Buffer
	page.Grow(16 << 10)
	err := fortunePage.Execute(&page, rows)
	return page.Bytes(), err
}
