package vegeta

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// alarm is a sleep that ends on time. The runtime's timers may be 1 ms late on Linux,
// as the timeouts of its poll are whole ms. A timerfd ends the poll on time.
type alarm struct {
	file *os.File
	stop func() bool
}

// newAlarm returns an alarm that ctx ends.
func newAlarm(ctx context.Context) (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create timerfd: %w", err)
	}
	f := os.NewFile(uintptr(fd), "timerfd")
	return &alarm{f, context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })}, nil
}

// sleep waits for d, or returns false when the context ends before.
func (a *alarm) sleep(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	in := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	raw, err := a.file.SyscallConn()
	if err != nil {
		return false
	}
	if raw.Control(func(fd uintptr) { err = unix.TimerfdSettime(int(fd), 0, &in, nil) }) != nil || err != nil {
		return false
	}
	_, err = a.file.Read(make([]byte, 8))
	return err == nil
}

func (a *alarm) close() {
	a.stop()
	a.file.Close()
}
