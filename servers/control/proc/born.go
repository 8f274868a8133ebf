package proc

// Births tells when each of some processes was started, in ticks of 10 ms since boot, which
// with its number tells it from a process that has that at another time. Those that have
// ended are left out.
func Births(pids []int) map[int]uint64 {
	births := make(map[int]uint64, len(pids))
	for _, pid := range pids {
		if at, err := started(pid); err == nil {
			births[pid] = at
		}
	}
	return births
}
