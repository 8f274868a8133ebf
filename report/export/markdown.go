package export

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/benchctl/benchctl/report"
	"github.com/benchctl/benchctl/results/judge"
)

// markdown writes the tables as CommonMark with the tables of GitHub's dialect.
func markdown(w io.Writer, s *judge.Summary) error {
	r, b := report.New(s), bufio.NewWriter(w)
	fmt.Fprintf(b, "# Run %s\n\n", escape(r.Run.ID))
	for _, f := range r.Facts() {
		fmt.Fprintf(b, "- %s: %s\n", f.Name, escape(f.Value))
	}
	fmt.Fprintf(b, "- machine: %s\n", escape(r.Machine()))
	for _, t := range r.Tables {
		fmt.Fprintf(b, "\n## %s\n\n", escape(t.Title()))
		var heads, rule []string
		for _, c := range t.Columns {
			heads = append(heads, strings.TrimSuffix(c.Head+", "+c.Unit, ", "))
			rule = append(rule, map[bool]string{false: "---", true: "--:"}[c.Numeric])
		}
		row(b, heads)
		row(b, rule)
		for _, r := range t.Rows {
			var cells []string
			for _, v := range r.Values {
				cells = append(cells, v.String())
			}
			row(b, cells)
		}
		fmt.Fprintln(b)
		for _, sentence := range t.Findings {
			fmt.Fprintf(b, "%s\n", escape(sentence))
		}
		for _, n := range t.Notes {
			fmt.Fprintf(b, "\n%d. %s: %s\n", n.Number, escape(n.Who), escape(n.Text))
		}
	}
	return b.Flush()
}

func row(w io.Writer, cells []string) {
	for i := range cells {
		if strings.Trim(cells[i], "-:") != "" {
			cells[i] = escape(cells[i])
		}
	}
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}

// markup escapes the special characters of Markdown, and of the HTML in it.
var markup = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "#", `\#`, "|", `\|`, "~", `\~`, "\n", " ")

// escape makes Markdown show a text literally.
func escape(text string) string { return markup.Replace(text) }
