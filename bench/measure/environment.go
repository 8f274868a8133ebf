package measure

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"runtime"

	"github.com/benchctl/benchctl/results"
)

// Environment describes this machine. Its fingerprint covers what must agree for
// the absolute figures of two runs to be comparable; ratios within a run need no
// such agreement. The processors of server and loader are the caller's to fill in.
func Environment() results.Environment {
	e := results.Environment{
		CPU: cpuModel(), Cores: runtime.NumCPU(), MemoryMiB: memoryMiB(), Kernel: kernel(),
		OS: osName(), Go: runtime.Version(), Governor: governor(), Virtualized: hypervisor(), Settings: settings(os.DirFS("/")),
	}
	maps.Copy(e.Settings, limits())
	if e.OS == "" {
		e.OS = runtime.GOOS
	}
	e.Fingerprint = fingerprint(e)
	return e
}

func fingerprint(e results.Environment) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %d %q %q %q %q %q %q",
		e.CPU, e.Cores, e.Kernel, e.OS, e.Governor, e.Virtualized, runtime.GOARCH, e.Settings)) // fmt prints maps by key
	return hex.EncodeToString(sum[:6])
}
