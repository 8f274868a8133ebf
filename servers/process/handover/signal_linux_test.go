package handover

import (
	"os"

	"golang.org/x/sys/unix"
)

// An unsignalled worker outlives its supervisor but for the end of its orders, as after a
// change of its user. The signal is the main thread's, which init functions run on.
func init() {
	if os.Getenv(roleVariable) != "unsignalled" {
		return
	}
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0); err != nil {
		panic(err)
	}
}
