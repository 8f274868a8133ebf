package text

import (
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/benchctl/benchctl/report"
)

// leastText is the least width of the last column.
const leastText = 24

// Rows writes a plain table with aligned columns. The first row decides their number. If the
// width in columns is not 0, the last column is folded to the remaining width. A row of one
// cell is a line of its own, which is never folded, so that users can copy it.
func Rows(w io.Writer, rows [][]string, width int) error {
	rows = printableRows(rows)
	widths, left := alignment(rows)
	var b strings.Builder
	for _, row := range rows {
		if len(row) == 1 {
			fmt.Fprintln(&b, row[0])
			continue
		}
		for i, width := range widths {
			b.WriteString(row[i] + strings.Repeat(" ", width-twwidth.Width(row[i])+len(gap)))
		}
		parts := []string{row[len(widths)]}
		if width-left >= leastText {
			parts = Fold(parts[0], width-left)
		}
		fmt.Fprintln(&b, strings.Join(parts, "\n"+strings.Repeat(" ", left)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// gap is what is between two columns.
const gap = "  "

// alignment is the widths of all columns but the last, and where that begins.
func alignment(rows [][]string) (widths []int, left int) {
	if len(rows) == 0 {
		return nil, 0
	}
	widths = make([]int, len(rows[0])-1)
	for i := range widths {
		for _, row := range rows {
			if len(row) > 1 {
				widths[i] = max(widths[i], twwidth.Width(row[i]))
			}
		}
		left += widths[i] + len(gap)
	}
	return widths, left
}

func printableRows(rows [][]string) [][]string {
	all := make([][]string, len(rows))
	for i, row := range rows {
		for _, cell := range row {
			all[i] = append(all[i], report.Printable(cell))
		}
	}
	return all
}
