package daemon

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
)

// Daemon is this process, if it is a daemon.
type Daemon struct {
	word *os.File // to the launcher
	log  *os.File // for the output, once it is ready

	once sync.Once
	err  error // of Ready
}

// Enter tells whether this process is a daemon: nil if it is not. It sets what is the
// process's own to set, the umask, and takes the traces of the launch out of the environment,
// so that no child takes itself for a daemon. It is to be called once, early.
func Enter() (*Daemon, error) {
	value, is := os.LookupEnv(marker)
	if !is {
		return nil, nil
	}
	if err := os.Unsetenv(marker); err != nil {
		return nil, fmt.Errorf("daemon: %w", err)
	}
	var launcher, umask int
	if _, err := fmt.Sscanf(value, "%d %d", &launcher, &umask); err != nil {
		return nil, fmt.Errorf("daemon: %s=%q is of no launcher", marker, value)
	}
	if parent := os.Getppid(); parent != launcher {
		return nil, fmt.Errorf("daemon: its launcher, process %d, is gone", launcher)
	}
	if umask != 0 {
		syscall.Umask(umask)
	}
	syscall.CloseOnExec(fdReady)
	syscall.CloseOnExec(fdLog)
	return &Daemon{word: os.NewFile(fdReady, "ready"), log: os.NewFile(fdLog, "log")}, nil
}

// Ready tells the launcher that the daemon is ready, and lets go of the launcher's output.
// It fails if the launcher is gone, which will not know of the daemon. Further calls return
// what the first did.
func (d *Daemon) Ready() error {
	d.once.Do(func() { d.err = d.ready() })
	return d.err
}

func (d *Daemon) ready() error {
	defer d.word.Close()
	defer d.log.Close()
	for _, fd := range []int{syscall.Stdout, syscall.Stderr} {
		if err := duplicate(int(d.log.Fd()), fd); err != nil {
			return fmt.Errorf("daemon: redirect the output: %w", err)
		}
	}
	_, err := d.word.Write([]byte{1})
	if errors.Is(err, syscall.EPIPE) {
		return errors.New("daemon: its launcher is gone")
	}
	if err != nil {
		return fmt.Errorf("daemon: tell that it is ready: %w", err)
	}
	return nil
}
