package proc_test

import (
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/benchctl/benchctl/servers/control/proc"
)

// A reading has every living process with its name and what it has used, and the same tree
// as the table alone; who ended and is waited for is in neither.
func TestReadUsage(t *testing.T) {
	child := exec.Command("sleep", "1000")
	if err := child.Start(); err != nil {
		t.Skip(err)
	}
	dead := false
	defer func() {
		if !dead {
			_ = child.Process.Kill()
			_ = child.Wait()
		}
	}()
	for proc.Named([]int{child.Process.Pid})[0].Name != "sleep" { // until it has executed
	}
	table, all, err := proc.ReadUsage()
	if err != nil {
		t.Fatal(err)
	}
	if tree := table.Tree(os.Getpid()); !slices.Contains(tree, child.Process.Pid) {
		t.Errorf("the tree is %v, without %d", tree, child.Process.Pid)
	}
	sleeper := all[child.Process.Pid]
	if sleeper.Name != "sleep" || sleeper.PID != child.Process.Pid || sleeper.CPU < 0 {
		t.Errorf("the child is %+v", sleeper)
	}
	// A process that has worked is told with what it used, to the tick.
	before := all[os.Getpid()].CPU
	for worked := before; worked < before+3*10e6; {
		_, now, err := proc.ReadUsage()
		if err != nil {
			t.Fatal(err)
		}
		if now[os.Getpid()].CPU < worked {
			t.Fatalf("CPU time went back from %v to %v", worked, now[os.Getpid()].CPU)
		}
		worked = now[os.Getpid()].CPU
	}
	_ = child.Process.Kill()
	_ = child.Wait()
	dead = true
	if _, all, err = proc.ReadUsage(); err != nil {
		t.Fatal(err)
	}
	if p, there := all[child.Process.Pid]; there && p.Name == "sleep" {
		t.Errorf("it is still there: %+v", p)
	}
}
