package proc

// Status is what a thread may do, as proc_pid_status(5) tells it.
type Status struct {
	UIDs, GIDs [4]int // real, effective, saved, of the file system
	Groups     []int  // supplementary
	// Capabilities (capabilities(7)), a bit each.
	Inheritable, Permitted, Effective, Bounding, Ambient uint64
	NoNewPrivileges                                      bool
	Umask                                                int
}
