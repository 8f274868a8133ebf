package proc

// Owners tells which of some processes hold the sockets that listen on a port.
type Owners struct {
	Sockets int   // sockets in state LISTEN on the port
	Owned   int   // of these, sockets that one of the processes holds
	PIDs    []int // the processes that hold one
}

// All tells whether there is a listening socket and none belongs to somebody else.
func (o Owners) All() bool { return o.Sockets > 0 && o.Owned == o.Sockets }
