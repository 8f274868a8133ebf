package handover

import "time"

// Status is what a supervisor does at a moment.
type Status struct {
	Generation int       `json:"generation"` // of the newest workers that were all ready
	Workers    int       `json:"workers"`    // that there are to be
	Stopping   bool      `json:"stopping"`
	Replacing  bool      `json:"replacing"`
	Processes  []Process `json:"processes"` // by their start
}

// Process is a worker process.
type Process struct {
	Worker     int       `json:"worker"`
	Generation int       `json:"generation"`
	PID        int       `json:"pid"`
	State      State     `json:"state"`
	Started    time.Time `json:"started"`
	Open       int       `json:"open"` // connections, -1: not known. Workers tell while they drain
}

// Status asks for the status. Its error is ErrStopping once the supervisor has ended.
func (s *Supervisor) Status() (Status, error) {
	answer := make(chan Status, 1)
	if !s.post(func() { answer <- s.status() }) {
		return Status{Stopping: true}, ErrStopping
	}
	return <-answer, nil
}

func (s *Supervisor) status() Status {
	now := Status{Generation: s.current, Workers: len(s.slots), Stopping: s.stopping, Replacing: s.roll != nil, Processes: []Process{}}
	for _, c := range s.children {
		now.Processes = append(now.Processes, Process{
			Worker: c.slot.number, Generation: c.generation, PID: c.process.pid(), State: c.state, Started: c.started, Open: c.open,
		})
	}
	return now
}
