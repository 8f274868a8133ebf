package judge_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/benchctl/benchctl/results/judge"
)

// The documentation has every metric and every reason, as they are declared.
func TestReference(t *testing.T) {
	text, err := os.ReadFile("../../docs/results.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, m := range judge.Metrics() {
		better := "more"
		if m.LessIsBetter {
			better = "less"
		}
		m = m.For("the objective")
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s | %s |\n", m.Name, m.Unit, better, m.Help))
	}
	ids := make(map[string]bool)
	for _, k := range judge.Kinds() {
		if ids[k.ID] {
			t.Errorf("two kinds of reasons are called %s", k.ID)
		}
		ids[k.ID] = true
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s | %s |\n", k.ID, k.Verdict, k.About, k.Explain()))
	}
	for _, row := range rows {
		if !strings.Contains(string(text), row) {
			t.Errorf("docs/results.md lacks the row\n%s", row)
		}
	}
}
