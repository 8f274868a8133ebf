package control

import (
	"fmt"
	"os"
	"strings"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// Environ is the environment that every candidate begins with, whatever benchctl's own
// is: what a user has set for another purpose, such as GOMEMLIMIT or NODE_OPTIONS,
// may change a server's speed several times over, and nobody would see it. PATH and
// HOME are benchctl's, as they tell where servers are installed; tmp is for temporary
// files.
func Environ(tmp string) []string {
	env := []string{"LANG=C.UTF-8", "TMPDIR=" + tmp}
	for _, name := range []string{"HOME", "PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// MakeTemp makes a directory for temporary files. If this process is killed before it
// removes it, a later one does (proc.RemoveAbandoned).
func MakeTemp() (string, error) { return proc.MakeTemp() }

// CheckEnv refuses what is not of the form NAME=VALUE.
func CheckEnv(variables []string) error {
	for _, v := range variables {
		name, _, ok := strings.Cut(v, "=")
		if !ok || name == "" || strings.ContainsRune(v, 0) {
			return fmt.Errorf("%q is not of the form NAME=VALUE", v)
		}
	}
	return nil
}
