package measure

// Counts is how often things have happened to the processes of a tree so far, by the
// name of what is counted, process by process.
type Counts map[string]map[int]uint64

// Since is how often they have happened since before, of all processes together: a
// process that began meanwhile counts from its begin, one that ended takes with it what it
// counted after before. What either reading does not know is not there.
func (c Counts) Since(before Counts) map[string]uint64 {
	all := make(map[string]uint64)
	for name, now := range c {
		was, known := before[name]
		if !known {
			continue
		}
		var sum uint64
		for pid, n := range now {
			if n >= was[pid] { // else another one with its number
				n -= was[pid]
			}
			sum += n
		}
		all[name] = sum
	}
	return all
}
