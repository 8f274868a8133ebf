//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/benchctl/benchctl/apps/suite"
	"github.com/benchctl/benchctl/servers/control"
)

// alone is a server that runs by itself, in a session of its own.
type alone struct {
	cmd    *exec.Cmd
	exited chan struct{}
	ended  sync.Once
}

// pinned is argv on some processors.
func pinned(cpus control.CPUs, argv []string) []string {
	if len(cpus) == 0 {
		return argv
	}
	return append([]string{"taskset", "-c", cpus.String()}, argv...)
}

// startAlone starts a server and waits until it answers an app at address.
func startAlone(ctx context.Context, argv []string, address string, app suite.Exchange) (*alone, error) {
	log, err := os.CreateTemp("", "benchtruth-*.log") // a pipe would take one who reads it, and a processor
	if err != nil {
		return nil, err
	}
	a := &alone{cmd: exec.Command(argv[0], argv[1:]...), exited: make(chan struct{})}
	a.cmd.Stderr = log
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = a.cmd.Start()
	log.Close() // the server has it
	if err != nil {
		_ = os.Remove(log.Name())
		return nil, err
	}
	go func() {
		_ = a.cmd.Wait() // what it exits with is not told: it has to be stopped
		_ = os.Remove(log.Name())
		close(a.exited)
	}()
	if err := a.ready(ctx, address, app); err != nil {
		tail := control.LogTail(log.Name(), 20)
		a.stop()
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, tail)
	}
	return a, nil
}

func (a *alone) ready(ctx context.Context, address string, app suite.Exchange) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * ms)
	defer tick.Stop()
	for {
		if answers(ctx, address, app) {
			return nil
		}
		select {
		case <-a.exited:
			return errors.New("it has ended")
		case <-ctx.Done():
			return fmt.Errorf("no reply with status %d", app.Status)
		case <-tick.C:
		}
	}
}

// answers tells whether the reply has the app's status. The connection is closed
// after it.
func answers(ctx context.Context, address string, app suite.Exchange) bool {
	req, err := http.NewRequestWithContext(ctx, app.Method, "http://"+address+app.Target, bytes.NewReader(app.Body))
	if err != nil {
		return false
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == app.Status
}

// stop asks the server to end, and then kills what is left of its process group.
func (a *alone) stop() {
	a.ended.Do(func() {
		_ = a.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-a.exited:
		case <-time.After(10 * time.Second):
		}
		_ = syscall.Kill(-a.cmd.Process.Pid, syscall.SIGKILL)
		<-a.exited
	})
}

// cpu is the CPU time that the processes of the server's session have used, and those
// of their children that ended and were waited for (proc(5)). It is told in ticks of
// 10 ms, which are few against a long load. It owes nothing to what it is to prove,
// benchctl's own way.
func (a *alone) cpu() (time.Duration, error) {
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	found := false
	for _, path := range all {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		session, used, err := parseStat(stat)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		if session == a.cmd.Process.Pid {
			sum, found = sum+used, true
		}
	}
	if !found {
		return 0, errors.New("read CPU time: the server has ended")
	}
	return sum, nil
}

func parseStat(stat []byte) (session int, used time.Duration, err error) {
	_, rest, ok := bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(") "))
	fields := strings.Fields(string(rest)) // from the third one on
	if !ok || len(fields) < 15 {
		return 0, 0, fmt.Errorf("%q is no state of a process", stat)
	}
	if session, err = strconv.Atoi(fields[3]); err != nil {
		return 0, 0, err
	}
	for _, field := range fields[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, 0, err
		}
		used += time.Duration(n) * 10 * ms
	}
	return session, used, nil
}

// settle waits for work that the server has put off: two seconds, and, if putsOff,
// until it rests or bound has passed.
func (a *alone) settle(ctx context.Context, putsOff bool, bound time.Duration) error {
	if err := wait(ctx, 2*time.Second); err != nil || !putsOff {
		return err
	}
	before, err := a.cpu()
	for end := time.Now().Add(bound); err == nil && time.Now().Before(end); {
		if err := wait(ctx, time.Second); err != nil {
			return err
		}
		var after time.Duration
		if after, err = a.cpu(); after-before < 50*ms {
			return err
		}
		before = after
	}
	return err
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
