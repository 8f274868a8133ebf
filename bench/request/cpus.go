package request

import (
	"fmt"
	"slices"

	"github.com/benchctl/benchctl/servers/control"
)

// Processors are those of the candidates and of the load generator by lists such as "0-1,3".
// "" is the first half of what there is for the candidates, and the second for the load
// generator; with one processor, or where pinning is not offered, no set.
func Processors(servers, loader string) (s, l control.CPUs, err error) {
	all := control.Allowed()
	s, l = control.Split()
	if s, err = choose("--server-cpus", servers, s, all); err != nil {
		return nil, nil, err
	}
	if l, err = choose("--loader-cpus", loader, l, all); err != nil {
		return nil, nil, err
	}
	return s, l, nil
}

// choose is the processors of a list, all of which must be there; all is empty where the
// system does not tell. An empty list is the half.
func choose(option, list string, half, all control.CPUs) (control.CPUs, error) {
	if list == "" {
		return half, nil
	}
	cpus, err := control.ParseCPUs(list)
	if err != nil {
		return nil, fmt.Errorf("run: %s: %w", option, err)
	}
	for _, n := range cpus {
		if len(all) > 0 && !slices.Contains(all, n) {
			return nil, fmt.Errorf("run: %s: there is no processor %d to run on: there are %s", option, n, all)
		}
	}
	return cpus, nil
}
