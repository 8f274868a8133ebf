package measure

import (
	"fmt"
	"strings"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// WarnLeftovers is the kind of the warning of Leftovers.
const WarnLeftovers = "leftovers"

// Leftovers warns of candidates' processes that outlived their benchctl and its guard.
// Where there are none it removes the files that such had, and warns if it can't.
func Leftovers() []Warning {
	left := proc.Leftovers()
	if len(left) == 0 {
		if err := proc.RemoveAbandoned(); err != nil {
			return []Warning{{Kind: WarnLeftovers, Text: "a benchctl that was killed left files: " + strings.ReplaceAll(err.Error(), "\n", "; "), Remedy: "remove them"}}
		}
		return nil
	}
	var named, kill []string
	for _, pid := range left {
		named, kill = append(named, proc.Describe(pid)), append(kill, fmt.Sprint(pid))
	}
	return []Warning{{
		Kind: WarnLeftovers, Text: "candidates of a benchctl that was killed still run: " + strings.Join(named, "; "), Remedy: "kill -9 " + strings.Join(kill, " "),
	}}
}
