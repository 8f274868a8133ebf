package measure_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchctl/benchctl/bench/measure"
)

// What a server used is not lost with the threads and processes that used it, as
// with a pool that replaces a thread after a hundred requests.
func TestTreeSeesTheEnded(t *testing.T) {
	for what, use := range map[string]func(){
		"thread": func() {
			task := fmt.Sprintf("/proc/self/task/%d", onOwnThread(func() { burn(t, 100*time.Millisecond) }))
			for _, err := os.Stat(task); err == nil; _, err = os.Stat(task) {
				runtime.Gosched()
			}
		},
		"process": func() {
			need(t, exec.Command("sh", "-c", `i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done`).Run())
		},
		"process of a process": func() {
			need(t, exec.Command("sh", "-c", `sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; true`).Run())
		},
	} {
		t.Run(what, func(t *testing.T) {
			tree := measure.NewTree(os.Getpid())
			before, err := tree.CPU()
			need(t, err)
			use()
			after, err := tree.CPU()
			need(t, err)
			if used := after - before; used < 80*time.Millisecond || used > 5*time.Second {
				t.Errorf("read as %v", used)
			}
		})
	}
}

// onOwnThread calls f on a thread that ends after it.
func onOwnThread(f func()) (thread int) {
	done := make(chan int)
	go func() {
		runtime.LockOSThread() // never unlocked, a thread ends with its goroutine
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread() // but the first one of a process stays
			done <- onOwnThread(f)
			return
		}
		f()
		done <- unix.Gettid()
	}()
	return <-done
}
