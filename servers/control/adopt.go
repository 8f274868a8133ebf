package control

import "sync"

// guards counts the guards of this process. While there is one, this process is the
// parent of what a guard that is killed leaves, as the guard is of its candidate's.
var guards struct {
	sync.Mutex
	n int
}

// spawn starts the guard; release is due when it has ended.
func (p *Process) spawn() error {
	guards.Lock()
	defer guards.Unlock()
	if guards.n == 0 {
		if err := adoptOrphans(true); err != nil {
			return err
		}
	}
	if err := p.guard.Start(); err != nil {
		if guards.n == 0 {
			_ = adoptOrphans(false)
		}
		return err
	}
	guards.n++
	p.Guard = p.guard.Process.Pid
	go func() {
		_ = p.guard.Wait()
		close(p.ended)
	}()
	return nil
}

func release() {
	guards.Lock()
	defer guards.Unlock()
	if guards.n--; guards.n == 0 {
		_ = adoptOrphans(false)
	}
}
