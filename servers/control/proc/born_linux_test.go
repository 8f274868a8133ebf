package proc_test

import (
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// A shell's subshell is a fork of it, and a program that it runs is none.
func TestExecuted(t *testing.T) {
	for script, executed := range map[string]bool{
		`echo; read line`:                      true,
		`( echo; read line; exit 1 ); exit $?`: false,
	} {
		cmd := exec.Command("/bin/sh", "-c", script)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		pid := cmd.Process.Pid
		own, err := proc.Children(os.Getpid())
		if err != nil || !slices.Contains(own, pid) {
			t.Errorf("the children are %v, %v; %d is one", own, err, pid)
		}
		if !executed {
			forked, err := proc.Children(pid)
			if err != nil || len(forked) != 1 {
				t.Fatalf("the shell's children are %v, %v", forked, err)
			}
			pid = forked[0]
		}
		if got := proc.Executed(pid); got != executed {
			t.Errorf("%s: executed %v, want %v", script, got, executed)
		}
		if births := proc.Births([]int{pid}); births[pid] == 0 {
			t.Errorf("births are %v", births)
		}
		in.Close()
		_ = cmd.Wait()
		if births := proc.Births([]int{pid}); len(births) != 0 {
			t.Errorf("of what has ended the births are %v", births)
		}
	}
}
