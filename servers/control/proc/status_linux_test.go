package proc

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const status = "Name:\tx\nUmask:\t0027\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n" +
	"CapInh:\t0000000000000000\nCapPrm:\t00000000000000ff\nCapEff:\t000000000000000f\nCapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000001\nNoNewPrivs:\t1\n"

func TestParseStatus(t *testing.T) {
	s, err := parseStatus(status)
	if err != nil {
		t.Fatal(err)
	}
	if s.UIDs != [4]int{1, 2, 3, 4} || s.GIDs != [4]int{5, 6, 7, 8} || !slices.Equal(s.Groups, []int{9, 10}) || !s.NoNewPrivileges || s.Umask != 0o27 {
		t.Errorf("status %+v", s)
	}
	if s.Inheritable != 0 || s.Permitted != 0xff || s.Effective != 0xf || s.Bounding != 0x1ffffffffff || s.Ambient != 1 {
		t.Errorf("capabilities of %+v", s)
	}
	for _, field := range []string{"Uid", "Gid", "CapPrm", "CapEff", "NoNewPrivs", "Umask"} {
		if _, err := parseStatus(strings.Replace(status, field+":", "X:", 1)); err == nil {
			t.Errorf("a status without %s is taken", field)
		}
	}
}

func TestThreads(t *testing.T) {
	all, err := Threads(os.Getpid())
	if err != nil || len(all) == 0 {
		t.Fatalf("Threads = %+v, %v", all, err)
	}
	for _, s := range all {
		if s.UIDs[1] != os.Geteuid() || s.GIDs[1] != os.Getegid() {
			t.Errorf("a thread has %v and %v", s.UIDs, s.GIDs)
		}
	}
}

// A process of a session of its own, which executes another program then.
func TestSessionAndImage(t *testing.T) {
	c := exec.Command("/bin/sh", "-c", "read go; exec /bin/cat")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); _ = c.Wait() }()
	pid := c.Process.Pid
	session, terminal, err := Session(pid)
	if err != nil || session != pid || terminal != 0 {
		t.Errorf("session %d, terminal %d, %v; want %d and none", session, terminal, err, pid)
	}
	before, err := Image(pid)
	if again, _ := Image(pid); err != nil || before == "" || again != before {
		t.Errorf("the image of one program is %q and %q, %v", before, again, err)
	}
	if _, err := in.Write([]byte("go\nthere")); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // cat runs
		t.Fatal(err)
	}
	if after, err := Image(pid); err != nil || after == before {
		t.Errorf("the image of another program is the same, %v", err)
	}
}
